//! What came of a rehearsal.

use crate::{
    AttemptId, AttemptVerdict, Entry, Millis, Record, RunId, RunSummary, RunVerdict, SlotId, SpecIndex,
    Timestamp, Why, WorkerId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An attempt, where and when it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The attempt, with its run and spec.
    pub attempt: AttemptId,
    /// Name of its spec.
    pub spec: Arc<str>,
    /// Label of its group.
    pub group: Arc<str>,
    /// The worker.
    pub worker: WorkerId,
    /// The slot.
    pub slot: SlotId,
    /// When it was given to the slot.
    pub assigned: Timestamp,
    /// When it began: later than that where it shares a process with specs before it.
    pub start: Timestamp,
    /// When it ended, or was declared lost.
    pub end: Timestamp,
    /// What it came to.
    pub verdict: AttemptVerdict,
    /// How long it was expected to take.
    pub forecast: Option<Millis>,
    /// The first spec of the batch that it shared a process with.
    pub batch: Option<SpecIndex>,
    /// Why it was given to its slot.
    pub why: Option<Why>,
    /// True when another attempt of its spec ended first, so that it counted for nothing.
    pub dismissed: bool,
}

impl Placement {
    /// From its beginning to its end.
    pub fn took(&self) -> Millis {
        self.end.since(self.start)
    }
}

/// A run, when it was and what it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RehearsedRun {
    /// The run. Runs are numbered from 1 in the order in which submissions were added; those that joined another leave
    /// a gap.
    pub run: RunId,
    /// When it was submitted.
    pub submitted: Timestamp,
    /// When its last spec was decided and it closed.
    pub finished: Timestamp,
    /// What it came to.
    pub verdict: RunVerdict,
    /// Its figures.
    pub summary: RunSummary,
}

impl RehearsedRun {
    /// From the submission to the end.
    pub fn response(&self) -> Millis {
        self.finished.since(self.submitted)
    }
}

/// What came of a rehearsal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rehearsed {
    /// All attempts, by run, spec and number.
    pub placements: Vec<Placement>,
    /// The runs, in the order in which they were submitted.
    pub runs: Vec<RehearsedRun>,
    /// How many records were committed.
    pub records: usize,
    /// How many inputs the core was given.
    pub inputs: usize,
    /// The whole ledger, where it was asked for.
    pub entries: Vec<Entry>,
}

impl Rehearsed {
    /// From the first assignment to the last end.
    pub fn makespan(&self) -> Millis {
        let first = self.placements.iter().map(|placement| placement.assigned).min();
        let last = self.placements.iter().map(|placement| placement.end).max();
        first.zip(last).map_or(Millis::ZERO, |(first, last)| last.since(first))
    }

    /// A run's placements, in the order in which they began.
    pub fn of_run(&self, run: RunId) -> Vec<&Placement> {
        let mut own: Vec<&Placement> = self.placements.iter().filter(|p| p.attempt.run == run).collect();
        own.sort_by_key(|placement| (placement.start, placement.attempt));
        own
    }
}

/// The outcome while it comes to be.
#[derive(Debug, Default)]
pub(super) struct Notes {
    placements: BTreeMap<AttemptId, Placement>,
    runs: BTreeMap<RunId, RehearsedRun>,
    opened: BTreeMap<RunId, Timestamp>,
    pub(super) done: Rehearsed,
}

impl Notes {
    /// Notes a record; `names` says the names of an attempt's spec and group.
    pub(super) fn take(&mut self, entry: &Entry, names: impl Fn(AttemptId) -> (Arc<str>, Arc<str>)) {
        self.done.records += 1;
        match &entry.record {
            Record::RunOpened { .. } => drop(self.opened.insert(entry.run, entry.at)),
            Record::AttemptAssigned { attempt, worker, slot, forecast, why, batch } => {
                let (spec, group) = names(*attempt);
                let placement = Placement {
                    attempt: *attempt,
                    spec,
                    group,
                    worker: worker.clone(),
                    slot: *slot,
                    assigned: entry.at,
                    start: entry.at,
                    end: entry.at,
                    verdict: AttemptVerdict::Lost,
                    forecast: *forecast,
                    batch: *batch,
                    why: *why,
                    dismissed: false,
                };
                self.placements.insert(*attempt, placement);
            }
            Record::AttemptStarted { attempt } => self.of(*attempt, |placement| placement.start = entry.at),
            Record::AttemptDismissed { attempt } => self.of(*attempt, |placement| placement.dismissed = true),
            Record::AttemptFinished { attempt, finish, .. } => self.of(*attempt, |placement| {
                (placement.end, placement.verdict) = (entry.at, finish.verdict);
            }),
            Record::RunFinished { verdict, summary } => {
                let run = RehearsedRun {
                    run: entry.run,
                    submitted: self.opened.get(&entry.run).copied().unwrap_or(entry.at),
                    finished: entry.at,
                    verdict: *verdict,
                    summary: summary.as_ref().clone(),
                };
                self.runs.insert(entry.run, run);
            }
            Record::SubmissionJoined { .. }
            | Record::SubmissionDropped
            | Record::GroupAdded { .. }
            | Record::SpecsAdded { .. }
            | Record::RunSealed
            | Record::TestsReported { .. }
            | Record::AttemptSuperseded { .. }
            | Record::SpecDecided { .. }
            | Record::RunCancelled { .. } => {}
        }
    }

    fn of(&mut self, attempt: AttemptId, change: impl FnOnce(&mut Placement)) {
        if let Some(placement) = self.placements.get_mut(&attempt) {
            change(placement);
        }
    }

    /// Opened runs that are not finished.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = RunId> {
        self.opened.keys().copied().filter(|run| !self.runs.contains_key(run))
    }

    pub(super) fn all_finished(&self) -> bool {
        self.opened.len() == self.runs.len()
    }

    pub(super) fn finish(mut self) -> Rehearsed {
        self.done.placements = self.placements.into_values().collect();
        self.done.runs = self.runs.into_values().collect();
        self.done.runs.sort_by_key(|run| (run.submitted, run.run));
        self.done
    }
}
