//! What the daemon can find out about its own health.

use super::services::Shared;
use crate::bounds;
use crate::error::chain;
use crate::realm::holder_is_gone;
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
    let Some((mailbox, _)) = &shared.leader else {
        findings.push(finding(FindingLevel::Ok, "leader", "none in this process: it only reads", ""));
        return findings;
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

fn disk(shared: &Shared) -> v1::Finding {
    let home = shared.home.display().to_string();
    match rustix::fs::statvfs(&shared.home) {
        Err(error) => {
            finding(FindingLevel::Error, "disk", &format!("{home}: {error}"), "check the folder's rights")
        }
        Ok(about) => {
            let free = about.f_bavail.saturating_mul(about.f_frsize);
            let text = format!("{home}: {} MiB free", free >> 20);
            match free < bounds::DISK_LOW_BYTES {
                true => {
                    finding(FindingLevel::Warning, "disk", &text, "free some space before the next large run")
                }
                false => finding(FindingLevel::Ok, "disk", &text, ""),
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
