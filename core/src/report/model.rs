//! What a report consists of.

use super::{chain, findings, shares};
use crate::{Millis, Run, RunSummary, SlotId, WorkerId};

/// Where a run's time went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeReport {
    /// For each group in the order of the run, then for the whole run with an empty label.
    pub shares: Vec<TimeShares>,
    /// The attempts that decided how long the run took, the first one first.
    pub chain: Vec<ChainLink>,
    /// What limited it, in words, what weighs most first.
    pub findings: Vec<String>,
    /// Its figures.
    pub summary: RunSummary,
}

/// Shares of the time of slots. They add up to the total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeShares {
    /// The group's label; empty for the whole run.
    pub group: String,
    /// The tests themselves. Where a report does not say how long they took: the process.
    pub tests: Millis,
    /// Processes beside their tests: start-up and end of the framework.
    pub start_up: Millis,
    /// Making ready and clearing up: workspace, setup steps, report, artifacts, and the way to the worker and back.
    pub setup: Millis,
    /// Attempts that did not decide their spec: lost, cancelled, tried again, beaten by another one.
    pub wasted: Millis,
    /// Slots that were free while something of it waited.
    pub waiting: Millis,
    /// Slots that were free while nothing of it was left to start.
    pub imbalance: Millis,
    /// From the first assignment to the last end, times the slots that it ran on. For a group, without the time that
    /// those slots spent on other groups.
    pub total: Millis,
}

/// One attempt of the chain that decided how long a run took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Label of its group.
    pub group: String,
    /// Name of its spec.
    pub spec: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// The worker.
    pub worker: WorkerId,
    /// The slot.
    pub slot: SlotId,
    /// When it began, from the run's first assignment: when it was assigned, or when those before it in its process had
    /// ended.
    pub start: Millis,
    /// When it ended.
    pub end: Millis,
    /// Why it did not start earlier, in words; empty for what was there from the beginning.
    pub because: String,
}

impl TimeReport {
    /// Reports on a run. Of one that is not finished, it is as if it had ended with the newest thing that happened.
    pub fn of(run: &Run) -> TimeReport {
        let summary = RunSummary::of(run);
        let shares = shares::of(run);
        let findings = findings::of(run, &summary, &shares);
        TimeReport { shares, chain: chain::of(run), findings, summary }
    }
}
