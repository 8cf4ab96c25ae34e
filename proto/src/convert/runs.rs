//! Runs and workers as clients see them.

use super::error::WireError;
use super::finish::counts_to_wire;
use super::ids::run_id_from_wire;
use super::rules::{algorithm_from_wire, algorithm_to_wire};
use crate::v1;
use part_core::{
    GroupSummary, LinkState, Millis, RunSummary, RunVerdict, Source, TestCounts, WhatIf, WorkerView,
};

/// A run's verdict for the wire.
pub fn run_verdict_to_wire(verdict: RunVerdict) -> v1::RunVerdict {
    match verdict {
        RunVerdict::Passed => v1::RunVerdict::Passed,
        RunVerdict::Failed => v1::RunVerdict::Failed,
        RunVerdict::Incomplete => v1::RunVerdict::Incomplete,
        RunVerdict::NothingRan => v1::RunVerdict::NothingRan,
        RunVerdict::Cancelled => v1::RunVerdict::Cancelled,
    }
}

/// A run's verdict from the wire; one that is not known here is an error, never a pass.
pub fn run_verdict_from_wire(value: i32) -> Result<RunVerdict, WireError> {
    let unknown = || WireError::wrong("verdict", format!("{value} is not a run verdict that is known here"));
    Ok(match v1::RunVerdict::try_from(value).map_err(|_| unknown())? {
        v1::RunVerdict::Unspecified => return Err(unknown()),
        v1::RunVerdict::Passed => RunVerdict::Passed,
        v1::RunVerdict::Failed => RunVerdict::Failed,
        v1::RunVerdict::Incomplete => RunVerdict::Incomplete,
        v1::RunVerdict::NothingRan => RunVerdict::NothingRan,
        v1::RunVerdict::Cancelled => RunVerdict::Cancelled,
    })
}

/// Where a submission came from, for the wire.
pub fn source_to_wire(source: &Source) -> v1::Source {
    v1::Source {
        user: source.user.clone(),
        host: source.host.clone(),
        commit: source.commit.clone(),
        branch: source.branch.clone(),
        rerun_of: source.rerun_of.map(|run| run.to_string()).unwrap_or_default(),
        url: source.url.clone(),
        ci: source.ci.clone(),
    }
}

/// Where a submission came from; absent means unknown.
pub fn source_from_wire(wire: Option<v1::Source>) -> Result<Source, WireError> {
    let wire = wire.unwrap_or_default();
    let rerun_of = if wire.rerun_of.is_empty() { None } else { Some(run_id_from_wire(&wire.rerun_of)?) };
    Ok(Source {
        user: wire.user,
        host: wire.host,
        commit: wire.commit,
        branch: wire.branch,
        rerun_of,
        url: wire.url,
        ci: wire.ci,
    })
}

/// A run's figures for the wire.
pub fn summary_to_wire(summary: &RunSummary) -> v1::RunSummary {
    let (longest_spec, longest_ms) = match &summary.longest {
        Some((spec, took)) => (spec.clone(), took.0),
        None => (String::new(), 0),
    };
    v1::RunSummary {
        specs: summary.specs,
        passed: summary.passed,
        flaky: summary.flaky,
        carried: summary.carried,
        failed: summary.failed,
        cancelled: summary.cancelled,
        undecided: summary.undecided,
        attempts: summary.attempts,
        tests: Some(counts_to_wire(summary.tests)),
        slots: summary.slots,
        makespan_ms: summary.makespan.0,
        bound_ms: summary.bound.0,
        slot_time_ms: summary.slot_time.0,
        longest_spec,
        longest_ms,
        overhead_per_spec_ms: summary.overhead_per_spec.map(|overhead| overhead.0),
        forecast_error: summary.forecast_error,
        forecasts: summary.forecasts,
        forecasts_inside: summary.forecasts_inside,
        forecasts_with_spread: summary.forecasts_with_spread,
        quarantined: summary.quarantined,
        dropped: summary.dropped,
        batched: summary.batched,
        batches: summary.batches,
        backups: summary.backups,
        backup_time_ms: summary.backup_time.0,
        split: summary.split,
        what_if: summary.what_if.iter().map(what_if_to_wire).collect(),
        worth: summary.worth,
        groups: summary.groups.iter().map(group_summary_to_wire).collect(),
    }
}

/// A run's figures from the wire; figures that are absent are zero.
pub fn summary_from_wire(wire: v1::RunSummary) -> RunSummary {
    let tests = wire.tests.unwrap_or_default();
    RunSummary {
        specs: wire.specs,
        passed: wire.passed,
        flaky: wire.flaky,
        carried: wire.carried,
        failed: wire.failed,
        cancelled: wire.cancelled,
        undecided: wire.undecided,
        attempts: wire.attempts,
        tests: TestCounts {
            passed: tests.passed,
            failed: tests.failed,
            skipped: tests.skipped,
            flaky: tests.flaky,
        },
        slots: wire.slots,
        makespan: Millis(wire.makespan_ms),
        bound: Millis(wire.bound_ms),
        slot_time: Millis(wire.slot_time_ms),
        longest: (!wire.longest_spec.is_empty()).then_some((wire.longest_spec, Millis(wire.longest_ms))),
        overhead_per_spec: wire.overhead_per_spec_ms.map(Millis),
        forecast_error: wire.forecast_error,
        forecasts: wire.forecasts,
        forecasts_inside: wire.forecasts_inside,
        forecasts_with_spread: wire.forecasts_with_spread,
        quarantined: wire.quarantined,
        dropped: wire.dropped,
        batched: wire.batched,
        batches: wire.batches,
        backups: wire.backups,
        backup_time: Millis(wire.backup_time_ms),
        split: wire.split,
        what_if: wire.what_if.iter().map(what_if_from_wire).collect(),
        worth: wire.worth,
        groups: wire.groups.into_iter().map(group_summary_from_wire).collect(),
    }
}

/// A makespan as it would have been, for the wire.
pub fn what_if_to_wire(what_if: &WhatIf) -> v1::WhatIf {
    v1::WhatIf { slots: what_if.slots, makespan_ms: what_if.makespan.0 }
}

/// A makespan as it would have been, from the wire.
pub fn what_if_from_wire(wire: &v1::WhatIf) -> WhatIf {
    WhatIf { slots: wire.slots, makespan: Millis(wire.makespan_ms) }
}

fn group_summary_to_wire(group: &GroupSummary) -> v1::GroupSummary {
    v1::GroupSummary {
        label: group.label.clone(),
        algorithm: algorithm_to_wire(group.algorithm).into(),
        specs: group.specs,
        failed: group.failed,
        makespan_ms: group.makespan.0,
        slot_time_ms: group.slot_time.0,
        most_on_worker: group.most_on_worker,
        stretch: group.stretch,
    }
}

fn group_summary_from_wire(wire: v1::GroupSummary) -> GroupSummary {
    GroupSummary {
        label: wire.label,
        // A figure for display: one of a newer leader is shown as the usual one.
        algorithm: algorithm_from_wire(wire.algorithm).unwrap_or_default(),
        specs: wire.specs,
        failed: wire.failed,
        makespan: Millis(wire.makespan_ms),
        slot_time: Millis(wire.slot_time_ms),
        most_on_worker: wire.most_on_worker,
        stretch: wire.stretch,
    }
}

/// A worker for the wire. What its slots run is filled in by the caller, who has the runs.
pub fn worker_to_wire(worker: &WorkerView) -> v1::WorkerInfo {
    let link = match worker.link {
        LinkState::Present => v1::LinkState::Present,
        LinkState::Suspect => v1::LinkState::Suspect,
        LinkState::Absent => v1::LinkState::Absent,
    };
    v1::WorkerInfo {
        worker: worker.worker.0.clone(),
        host: worker.host.clone(),
        link: link.into(),
        silent_ms: worker.silent_for.0,
        draining: worker.draining,
        capabilities: worker.capabilities.0.clone().into_iter().collect(),
        slots: worker
            .slots
            .iter()
            .map(|(slot, attempt)| v1::SlotInfo {
                slot: slot.0,
                run: attempt.map(|id| id.run.to_string()).unwrap_or_default(),
                attempt: attempt.map_or(0, |id| id.number),
                ..v1::SlotInfo::default()
            })
            .collect(),
        idle_because: worker.idle_because.clone(),
        problem: worker.problem.clone().unwrap_or_default(),
        drained_by: worker.held_back_by.clone().unwrap_or_default(),
        cordoned: worker.cordoned.clone().unwrap_or_default(),
        version: worker.version.clone(),
        extra_slots: worker.extra_slots,
        cpus: worker.cpus,
        scarce: worker.scarce.clone().unwrap_or_default(),
        slowness: worker.slowness,
    }
}
