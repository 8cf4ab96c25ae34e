//! The ledger as the store holds it, and what must be true of it.
//!
//! The observer below knows nothing of the core's fold: it keeps its own, much smaller account of every run, so that a
//! mistake in the fold cannot hide itself.

use crate::{Checked, Violation, ensure};
use part_core::{
    AttemptId, AttemptVerdict, Entry, Record, ReportBody, RunId, SlotId, SpecIndex, State, SubmissionId,
    Timestamp, WorkerId,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that was committed.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<Entry>,
    /// The core's fold of it, finished runs included.
    pub(crate) folded: State,
    pub(crate) submissions: BTreeMap<SubmissionId, RunId>,
    runs: BTreeMap<RunId, Account>,
    /// Which attempt is active on which slot, over all runs.
    busy: BTreeMap<(WorkerId, SlotId), AttemptId>,
    pub(crate) counts: Counts,
    batches: u64,
}

/// How often things happened: a simulation in which nothing happens proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) attempts: u64,
    pub(crate) lost: u64,
    pub(crate) superseded: u64,
    pub(crate) finished_runs: u64,
}

/// One run as the observer sees it.
#[derive(Default)]
struct Account {
    last_number: u64,
    last_at: Timestamp,
    sealed: bool,
    stopping: bool,
    /// The batch that its end came with.
    finished: Option<u64>,
    specs: BTreeMap<SpecIndex, SpecAccount>,
}

#[derive(Default)]
struct SpecAccount {
    attempts: u32,
    active: Option<(WorkerId, SlotId)>,
    lost: BTreeSet<u32>,
    /// Late results that were kept, by attempt.
    superseded: BTreeSet<u32>,
    /// Tests that were recorded, by attempt.
    tests: BTreeSet<(u32, String)>,
    decided: bool,
    needs_decision: bool,
}

impl Ledger {
    /// Commits a batch: all of it or, on a violation, nothing that matters any more.
    pub(crate) fn commit(&mut self, entries: &[Entry]) -> Checked {
        self.batches += u64::from(!entries.is_empty());
        for entry in entries {
            self.folded.apply(entry).map_err(|misfit| Violation(misfit.to_string()))?;
            self.observe(entry)?;
            self.entries.push(entry.clone());
        }
        Ok(())
    }

    pub(crate) fn is_finished(&self, run: RunId) -> bool {
        self.runs.get(&run).is_some_and(|account| account.finished.is_some())
    }

    /// True when the run's end was committed with an earlier batch than the newest one.
    pub(crate) fn ended_before_this_batch(&self, run: RunId) -> bool {
        let ended = self.runs.get(&run).and_then(|account| account.finished);
        ended.is_some_and(|batch| batch < self.batches)
    }

    pub(crate) fn last_number(&self, run: RunId) -> u64 {
        self.runs.get(&run).map_or(0, |account| account.last_number)
    }

    /// True when what a worker's report says is in here, or is decided otherwise.
    pub(crate) fn has(&self, body: &ReportBody, worker: &WorkerId) -> bool {
        let id = match body {
            ReportBody::Started { attempt }
            | ReportBody::Tests { attempt, .. }
            | ReportBody::Finished { attempt, .. } => *attempt,
        };
        // What is not active there is nobody's business any more.
        if self.place(id).is_none_or(|(holder, _)| holder != worker) {
            return true;
        }
        let Some((_, _, attempt)) = self.folded.attempt(id) else { return false };
        match body {
            ReportBody::Started { .. } => attempt.started_at.is_some(),
            ReportBody::Tests { batch, .. } => attempt.test_batches > *batch,
            ReportBody::Finished { .. } => false,
        }
    }

    /// A run's entries with greater numbers, at most so many.
    pub(crate) fn page(&self, run: RunId, after: u64, most: usize) -> Vec<Entry> {
        let own = self.entries.iter().filter(|entry| entry.run == run && entry.number > after);
        own.take(most).cloned().collect()
    }

    /// The time of a run's newest entry.
    pub(crate) fn last_at(&self, run: RunId) -> Timestamp {
        self.runs.get(&run).map_or(Timestamp(0), |account| account.last_at)
    }

    /// The worker and slot that an attempt is active on.
    pub(crate) fn place(&self, id: AttemptId) -> Option<&(WorkerId, SlotId)> {
        let spec = self.runs.get(&id.run)?.specs.get(&id.spec)?;
        spec.active.as_ref().filter(|_| spec.attempts == id.number)
    }

    fn observe(&mut self, entry: &Entry) -> Checked {
        let what = |problem: &str| {
            format!("[1] entry {} of {:?}: {problem}: {:?}", entry.number, entry.run, entry.record)
        };
        let account = self.runs.entry(entry.run).or_default();
        ensure(entry.number == account.last_number + 1, || what("there is a gap before it"))?;
        ensure(entry.at >= account.last_at, || what("time goes back"))?;
        account.last_number = entry.number;
        account.last_at = entry.at;
        let evidence = matches!(entry.record, Record::AttemptSuperseded { .. });
        ensure(account.finished.is_none() || evidence, || what("it follows the end of its run"))?;
        match &entry.record {
            Record::RunOpened { submission, .. } => {
                let known = self.submissions.insert(*submission, entry.run);
                ensure(known.is_none(), || what("one submission became two runs"))?;
            }
            Record::SubmissionJoined { submission, .. } => {
                account.sealed = false;
                let known = self.submissions.insert(*submission, entry.run);
                ensure(known.is_none(), || what("one submission is in two runs"))?;
            }
            Record::SubmissionDropped => account.sealed = true,
            Record::GroupAdded { .. } | Record::AttemptStarted { .. } | Record::AttemptDismissed { .. } => {}
            Record::TestsReported { attempt, tests, .. } => {
                let spec = account.specs.entry(attempt.spec).or_default();
                for test in tests {
                    let fresh = spec.tests.insert((attempt.number, test.id.clone()));
                    ensure(fresh, || what("a test is recorded twice"))?;
                }
            }
            Record::SpecsAdded { first, specs, .. } => {
                for (offset, spec) in specs.iter().enumerate() {
                    let added = SpecAccount { decided: spec.carried.is_some(), ..SpecAccount::default() };
                    let known = account.specs.insert(SpecIndex(first.0 + offset as u32), added);
                    ensure(known.is_none(), || what("a spec is added twice"))?;
                }
            }
            Record::RunSealed => account.sealed = true,
            Record::AttemptAssigned { attempt, worker, slot, .. } => {
                ensure(account.sealed && !account.stopping, || what("its run does not start attempts"))?;
                let spec = account.specs.entry(attempt.spec).or_default();
                ensure(!spec.decided && !spec.needs_decision, || what("its spec does not wait"))?;
                ensure(spec.active.is_none(), || what("its spec has an active attempt"))?;
                ensure(attempt.number == spec.attempts + 1, || what("its number does not follow"))?;
                spec.attempts = attempt.number;
                spec.active = Some((worker.clone(), *slot));
                let other = self.busy.insert((worker.clone(), *slot), *attempt);
                ensure(other.is_none(), || what(&format!("its slot is taken by {other:?}")))?;
                self.counts.attempts += 1;
            }
            Record::AttemptFinished { attempt, finish, .. } => {
                let spec = account.specs.entry(attempt.spec).or_default();
                ensure(attempt.number == spec.attempts, || what("it is not the newest attempt"))?;
                let Some(place) = spec.active.take() else { return Err(Violation(what("it is not active"))) };
                self.busy.remove(&place);
                spec.needs_decision = finish.verdict == AttemptVerdict::Passed;
                if finish.verdict == AttemptVerdict::Lost {
                    spec.lost.insert(attempt.number);
                    self.counts.lost += 1;
                }
            }
            Record::AttemptSuperseded { attempt, .. } => {
                let spec = account.specs.entry(attempt.spec).or_default();
                ensure(spec.lost.contains(&attempt.number), || what("the attempt was never lost"))?;
                ensure(spec.superseded.insert(attempt.number), || what("its late result is recorded twice"))?;
                self.counts.superseded += 1;
            }
            Record::SpecDecided { spec, .. } => {
                let spec = account.specs.entry(*spec).or_default();
                ensure(!spec.decided, || what("its spec has a verdict already"))?;
                ensure(spec.active.is_none(), || what("its spec has an active attempt"))?;
                (spec.decided, spec.needs_decision) = (true, false);
            }
            Record::RunCancelled { .. } => {
                account.stopping = true;
                for spec in account.specs.values_mut() {
                    spec.decided |= spec.active.is_none();
                }
            }
            Record::RunFinished { summary, .. } => {
                account.finished = Some(self.batches);
                self.counts.finished_runs += 1;
                ensure(account.specs.values().all(|spec| spec.decided), || what("a spec has no verdict"))?;
                ensure(summary.makespan >= summary.bound || summary.attempts == 0, || {
                    what("it beat its own bound")
                })?;
            }
        }
        Ok(())
    }
}
