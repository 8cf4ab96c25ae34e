//! Lines of a summary that only some runs have: what shared a process, what was tried twice, what more slots would give.

use crate::text::{count, took};
use crate::view::{AttemptView, RunView, SpecView};
use part_core::{Algorithm, AttemptVerdict, Millis, RunSummary, WhatIf};

/// Groups of submissions that did not come in whole.
pub(super) fn dropped(view: &RunView) -> Option<String> {
    let labels: Vec<&str> =
        view.groups.iter().filter(|group| group.dropped).map(|group| group.label.as_str()).collect();
    let known = |label: &&&str| view.groups.iter().any(|group| !group.dropped && group.label == **label);
    let gone: Vec<&str> = labels.iter().filter(|label| !known(label)).copied().collect();
    match gone.as_slice() {
        [] => None,
        [only] => Some(format!("group {only} came in only in part and counts for nothing")),
        several => Some(format!("groups {} came in only in part and count for nothing", several.join(", "))),
    }
}

/// What was done beyond one process and one attempt for each spec.
pub(super) fn effort(view: &RunView, figures: &RunSummary) -> Vec<String> {
    let mut said = Vec::new();
    let retries: Vec<usize> = view.wholes().map(|whole| whole.parts.iter().map(retries).sum()).collect();
    let (sum, specs) =
        (retries.iter().sum::<usize>(), retries.iter().filter(|of_spec| **of_spec > 0).count());
    match sum {
        0 => {}
        1 => said.push("1 retry".to_owned()),
        _ => said.push(format!("{sum} retries of {}", count(specs as u64, "spec"))),
    }
    if figures.batches > 0 {
        let batches =
            if figures.batches == 1 { "1 batch".to_owned() } else { format!("{} batches", figures.batches) };
        said.push(format!("{} in {batches}", count(figures.batched, "spec")));
    }
    match figures.split {
        0 => {}
        1 => said.push("1 spec split by its tests".to_owned()),
        split => said.push(format!("{split} specs split by their tests")),
    }
    if figures.backups > 0 {
        let lost = match figures.backup_time {
            Millis::ZERO => String::new(),
            time => format!(" ({} of slot time for the slower ones)", took(time)),
        };
        said.push(format!("{}{lost}", count(figures.backups, "backup")));
    }
    said
}

/// Attempts that were made because the one before did not pass by its own fault.
fn retries(spec: &SpecView) -> usize {
    let failed = |finish: &part_core::Finish| match finish.verdict {
        AttemptVerdict::Failed
        | AttemptVerdict::TimedOut
        | AttemptVerdict::Crashed
        | AttemptVerdict::SetupFailed
        | AttemptVerdict::Invalid(_) => true,
        AttemptVerdict::Passed | AttemptVerdict::Lost | AttemptVerdict::Cancelled => false,
    };
    let before = |attempt: &AttemptView| {
        let earlier =
            spec.attempts.iter().rev().find(|other| other.number < attempt.number && !other.dismissed);
        earlier.and_then(AttemptView::finish).is_some_and(failed)
    };
    spec.attempts.iter().filter(|attempt| !attempt.backup && before(attempt)).count()
}

/// How long it takes on other numbers of slots, up to the first that gain nothing more, and how many are worth having.
/// None where more slots would gain nothing.
pub(super) fn recommendation(what_if: &[WhatIf], worth: Option<u32>) -> Option<String> {
    let best = what_if.iter().map(|one| one.makespan).min()?;
    let enough = what_if.iter().position(|one| one.makespan == best)?;
    if enough == 0 {
        return None;
    }
    let told =
        what_if[..=enough].iter().map(|one| format!("{} {}", count(one.slots, "slot"), took(one.makespan)));
    let told = told.collect::<Vec<_>>().join(", ");
    Some(match worth {
        Some(1) => format!("{told}: 1 is worth it"),
        Some(worth) => format!("{told}: {worth} are worth it"),
        None => told,
    })
}

/// A line for each group, where there are several or one may start more than there are CPUs.
pub(super) fn groups(figures: &RunSummary) -> Vec<String> {
    let aggressive = figures.groups.iter().any(|group| group.algorithm == Algorithm::Aggressive);
    if figures.groups.len() < 2 && !aggressive {
        return Vec::new();
    }
    let line = |group: &part_core::GroupSummary| {
        let mut text = format!(
            "{}  {} in {}, {} of slot time",
            group.label,
            count(group.specs, "spec"),
            took(group.makespan),
            took(group.slot_time)
        );
        if group.failed > 0 {
            text.push_str(&format!(", {} failed", group.failed));
        }
        if aggressive && group.most_on_worker > 0 {
            let algorithm = match group.algorithm {
                Algorithm::Conservative => "conservative",
                Algorithm::Aggressive => "aggressive",
            };
            text.push_str(&format!("; {algorithm}: up to {} at a time", group.most_on_worker));
            if let Some(stretch) = group.stretch.filter(|stretch| stretch.is_finite()) {
                text.push_str(&format!(", specs took {stretch:.1}x their own time"));
            }
        }
        text
    };
    figures.groups.iter().map(line).collect()
}
