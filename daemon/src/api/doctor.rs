//! What the daemon can find out about its own health.

use super::services::Shared;
use crate::error::chain;
use crate::realm::holder_is_gone;
use crate::retention::RetentionSummary;
use crate::seat::Leadership;
use part_core::LinkState;
use part_proto::v1::{self, FindingLevel};

/// Examines the daemon; one finding for each thing looked at.
pub(super) async fn examine(shared: &Shared) -> Vec<v1::Finding> {
    let mut findings = vec![disk(shared)];
    findings.push(match shared.store.realms().await {
        Ok(realms) => {
            let gone: u64 =
                realms.iter().filter(|r| r.realm.is_local() && holder_is_gone(r)).map(|r| r.unfinished).sum();
            match gone {
                0 => finding(FindingLevel::Ok, "store", "answers; no interrupted run waits to be closed", ""),
                gone => finding(
                    FindingLevel::Warning,
                    "store",
                    &format!("{gone} runs were interrupted and are not closed yet"),
                    "the next `partctl runs` or `partctl submit --local` closes them",
                ),
            }
        }
        Err(error) => {
            finding(FindingLevel::Error, "store", &chain(&error), "see the message; reading may still work")
        }
    });
    findings.extend(mesh(shared));
    findings.extend(shared.retention.last().map(|summary| retention(&summary)));
    let mailbox = match shared.seat.now() {
        Leadership::Here(mailbox) => mailbox,
        Leadership::There(leader) => {
            let text = format!("{} at {}; ask it about workers and invariants", leader.name, leader.address);
            findings.push(finding(FindingLevel::Ok, "leader", &text, ""));
            return findings;
        }
        Leadership::Vacant(why) => {
            let remedy = "see whether etcd and the database can be reached from the daemons";
            findings.push(finding(FindingLevel::Error, "leader", &why, remedy));
            return findings;
        }
        Leadership::ReadOnly => {
            findings.push(finding(FindingLevel::Ok, "leader", "none in this process: it only reads", ""));
            return findings;
        }
    };
    match mailbox.look(|core, now| (core.audit(), core.workers(now))).await {
        Err(_) => findings.push(finding(
            FindingLevel::Error,
            "leader",
            "it does not answer",
            "look at the daemon's log: its store may be away",
        )),
        Ok((violations, workers)) => {
            match violations.is_empty() {
                true => findings.push(finding(FindingLevel::Ok, "invariants", "all hold", "")),
                false => findings.extend(violations.iter().map(|violation| {
                    finding(
                        FindingLevel::Error,
                        "invariants",
                        &violation.0,
                        "this is a bug of Part: please report it",
                    )
                })),
            }
            let present = workers.iter().filter(|worker| worker.link == LinkState::Present).count();
            findings.push(match present {
                0 => finding(FindingLevel::Error, "workers", "none is here", "start one: a partd with slots"),
                _ => {
                    finding(FindingLevel::Ok, "workers", &format!("{present} of {} here", workers.len()), "")
                }
            });
        }
    }
    findings
}

/// How the daemons see each other.
fn mesh(shared: &Shared) -> Option<v1::Finding> {
    let view = shared.coordinator.as_ref().filter(|_| shared.clustered)?.now();
    let names: Vec<&str> = view.members.keys().map(String::as_str).collect();
    let known = format!("{} daemons: {}", names.len(), names.join(", "));
    Some(match &view.degraded {
        None => finding(FindingLevel::Ok, "mesh", &known, ""),
        Some(why) => finding(
            FindingLevel::Warning,
            "mesh",
            &format!("{why}; as last seen, {known}"),
            "the leader goes on, but no other can take over until etcd answers again",
        ),
    })
}

/// What is kept and what went.
fn retention(last: &RetentionSummary) -> v1::Finding {
    let mib = |bytes: u64| bytes >> 20;
    let kept = last
        .bytes_kept
        .map_or_else(|| "an unknown amount of".to_owned(), |all| format!("{} MiB of", mib(all)));
    let RetentionSummary { runs_forgotten, blobs_retired, blobs_deleted, .. } = last;
    let text = format!(
        "{kept} blobs kept; last time {runs_forgotten} runs were forgotten, {blobs_retired} blobs retired, \
         {blobs_deleted} deleted ({} MiB)",
        mib(last.bytes_freed)
    );
    match &last.error {
        None => finding(FindingLevel::Ok, "retention", &text, ""),
        Some(error) => finding(
            FindingLevel::Warning,
            "retention",
            &format!("{error}; {text}"),
            "what is old stays until this is mended; it is tried again every ten minutes",
        ),
    }
}

fn disk(shared: &Shared) -> v1::Finding {
    let home = shared.home.display().to_string();
    match rustix::fs::statvfs(&shared.home) {
        Err(error) => {
            finding(FindingLevel::Error, "disk", &format!("{home}: {error}"), "check the folder's rights")
        }
        Ok(about) => {
            let free = about.f_bavail.saturating_mul(about.f_frsize);
            let floor = part_worker::disk_floor(about.f_blocks.saturating_mul(about.f_frsize));
            let text = format!("{home}: {} MiB free", free >> 20);
            match free {
                free if free < floor => finding(
                    FindingLevel::Error,
                    "disk",
                    &format!("{text}; below {} MiB this host takes no work", floor >> 20),
                    "free some space there, or choose a home on another disk",
                ),
                free if free < 2 * floor => {
                    finding(FindingLevel::Warning, "disk", &text, "free some space before the next large run")
                }
                _ => finding(FindingLevel::Ok, "disk", &text, ""),
            }
        }
    }
}

fn finding(level: FindingLevel, subject: &str, text: &str, remedy: &str) -> v1::Finding {
    v1::Finding {
        level: level.into(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        remedy: remedy.to_owned(),
    }
}
