//! What is derived from entries: the same for every store.
//!
//! Adding a kind of record: [`Progress::apply`] decides whether it changes a run's row, [`RunBatch::joins`] whether it
//! changes which submissions the run is made of, [`blobs_of`] which blobs it needs.

use crate::{CommitError, Digest, Finished, HistoryRow, Progress, Realm, RunCounts, RunRow};
use part_core::{
    AttemptId, Entry, Finish, Millis, Record, RunId, RunSummary, SpecVerdict, SubmissionId, Workspace,
};
use std::collections::HashMap;

/// What is wrong with a commit whose submission is known already.
pub(crate) const TAKEN: &str = "its submission has already opened or joined a run";

/// The entries of one run in a batch, in order.
pub(crate) struct RunBatch<'a> {
    pub(crate) run: RunId,
    pub(crate) first: &'a Entry,
    pub(crate) entries: Vec<&'a Entry>,
}

/// Sorts a batch by run, in the order in which the runs appear in it.
pub(crate) fn by_run(entries: &[Entry]) -> Vec<RunBatch<'_>> {
    let mut places: HashMap<RunId, usize> = HashMap::new();
    let mut batches: Vec<RunBatch<'_>> = Vec::new();
    for entry in entries {
        let place = *places.entry(entry.run).or_insert(batches.len());
        match batches.get_mut(place) {
            Some(batch) => batch.entries.push(entry),
            None => batches.push(RunBatch { run: entry.run, first: entry, entries: vec![entry] }),
        }
    }
    batches
}

impl RunBatch<'_> {
    /// The new run that this batch opens, before any of its entries is applied; none when it opens none.
    pub(crate) fn opens(&self, realm: &Realm) -> Option<RunRow> {
        let Record::RunOpened {
            submission,
            project,
            build,
            source,
            attempt,
            workspace: _,
            policy: _,
            content: _,
            joinable: _,
        } = &self.first.record
        else {
            return None;
        };
        Some(RunRow {
            id: self.run,
            realm: realm.clone(),
            submission: *submission,
            project: project.clone(),
            build: build.clone(),
            attempt: *attempt,
            source: source.clone(),
            opened_at: self.first.at,
            progress: Progress::default(),
        })
    }

    /// The run's progress after this batch.
    pub(crate) fn advance(&self, mut progress: Progress) -> Result<Progress, CommitError> {
        for entry in &self.entries {
            progress.apply(entry)?;
        }
        Ok(progress)
    }

    /// What the batch changes about the submissions that joined its run.
    pub(crate) fn joins(&self) -> Joins {
        let mut joins = Joins::default();
        for entry in &self.entries {
            if let Record::SubmissionJoined { submission, .. } = &entry.record {
                joins.joined.push((*submission, entry.number));
            } else if let Record::SubmissionDropped = &entry.record {
                joins.drops_newest |= joins.joined.pop().is_none();
            }
        }
        joins
    }

    pub(crate) fn misfit(&self, what: &'static str) -> CommitError {
        CommitError::Misfit { run: self.run, number: self.first.number, what }
    }
}

/// Submissions that joined a run in a batch.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    /// The newest that had joined before the batch is dropped, before anything else joins.
    pub(crate) drops_newest: bool,
    /// Those that join, each with the number of its entry.
    pub(crate) joined: Vec<(SubmissionId, u64)>,
}

impl Progress {
    fn apply(&mut self, entry: &Entry) -> Result<(), CommitError> {
        let misfit = |what| CommitError::Misfit { run: entry.run, number: entry.number, what };
        if entry.number != self.last_number + 1 {
            return Err(misfit("its number does not follow the one before"));
        }
        if matches!(entry.record, Record::RunOpened { .. }) != (entry.number == 1) {
            return Err(misfit("a run is opened by its entry 1 and by no other"));
        }
        self.last_number = entry.number;
        match &entry.record {
            Record::SpecsAdded { specs, .. } => {
                let carried = specs.iter().filter(|spec| spec.carried.is_some()).count() as u32;
                self.counts.specs += specs.len() as u32;
                self.counts.carried += carried;
                self.counts.passed += carried;
            }
            Record::SpecDecided { verdict, .. } => self.counts.decided(*verdict),
            Record::RunCancelled { .. } => self.cancelling = true,
            Record::RunFinished { verdict, summary } => {
                self.counts = RunCounts::of(summary);
                self.finished =
                    Some(Finished { at: entry.at, verdict: *verdict, summary: summary.as_ref().clone() });
            }
            Record::RunOpened { .. }
            | Record::SubmissionJoined { .. }
            | Record::SubmissionDropped
            | Record::AttemptDismissed { .. }
            | Record::GroupAdded { .. }
            | Record::RunSealed
            | Record::AttemptAssigned { .. }
            | Record::AttemptStarted { .. }
            | Record::TestsReported { .. }
            | Record::AttemptFinished { .. }
            | Record::AttemptSuperseded { .. } => {}
        }
        Ok(())
    }
}

impl RunCounts {
    fn decided(&mut self, verdict: SpecVerdict) {
        match verdict {
            SpecVerdict::Passed { flaky } => {
                self.passed += 1;
                self.flaky += u32::from(flaky);
            }
            SpecVerdict::Carried => {
                self.passed += 1;
                self.carried += 1;
            }
            SpecVerdict::NotPassed(_) => self.failed += 1,
            SpecVerdict::Cancelled => self.cancelled += 1,
        }
    }

    fn of(summary: &RunSummary) -> RunCounts {
        RunCounts {
            specs: summary.specs,
            passed: summary.passed,
            flaky: summary.flaky,
            carried: summary.carried,
            failed: summary.failed,
            cancelled: summary.cancelled,
        }
    }
}

/// No attempt takes longer: what a worker claims beyond it fits no column.
const LONGEST: Millis = Millis(i64::MAX as u64);

/// The attempt that an entry gives a share of a process; none for all others. The store remembers it until the attempt
/// ends, since the record of its end does not say so.
pub(crate) fn shares_process(entry: &Entry) -> Option<AttemptId> {
    match &entry.record {
        Record::AttemptAssigned { attempt, batch, .. } => batch.map(|_| *attempt),
        Record::RunOpened { .. }
        | Record::SubmissionJoined { .. }
        | Record::SubmissionDropped
        | Record::GroupAdded { .. }
        | Record::SpecsAdded { .. }
        | Record::RunSealed
        | Record::AttemptDismissed { .. }
        | Record::AttemptStarted { .. }
        | Record::TestsReported { .. }
        | Record::AttemptFinished { .. }
        | Record::AttemptSuperseded { .. }
        | Record::SpecDecided { .. }
        | Record::RunCancelled { .. }
        | Record::RunFinished { .. } => None,
    }
}

/// What an entry adds to the history, if anything; whether the attempt shared a process, the store knows.
///
/// The duration is the slot time that the worker measured. The time between the records of assignment and end
/// would also count what a link or a leader was away for, which says nothing about the spec.
pub(crate) fn history_row(entry: &Entry) -> Option<HistoryRow> {
    let Record::AttemptFinished { attempt, finish, key, counts, corrected } = &entry.record else {
        return None;
    };
    Some(HistoryRow {
        key: key.clone(),
        attempt: *attempt,
        at: entry.at,
        duration: corrected.unwrap_or_else(|| finish.timing.total()).min(LONGEST),
        tests: tests_of(finish, *corrected),
        batched: false,
        verdict: finish.verdict,
        counts: *counts,
    })
}

/// The tests' own time, corrected as the whole duration was, so that both are times of one and the same worker.
fn tests_of(finish: &Finish, corrected: Option<Millis>) -> Option<Millis> {
    let (tests, total) = (finish.timing.tests, finish.timing.total());
    let scaled = match corrected {
        Some(corrected) if total > Millis::ZERO => {
            let scaled = u128::from(tests.0) * u128::from(corrected.0) / u128::from(total.0);
            Millis(u64::try_from(scaled).unwrap_or(u64::MAX))
        }
        Some(_) | None => tests,
    };
    (tests > Millis::ZERO).then_some(scaled.min(LONGEST))
}

/// A blob that a run needs for as long as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobUse {
    pub(crate) digest: Digest,
    /// Its size as its worker gave it; 0 for a manifest, whose size no record tells.
    pub(crate) bytes: u64,
    /// True for the manifest of a workspace, which names further blobs.
    pub(crate) manifest: bool,
}

/// No blob is larger: what a worker claims beyond it is not believed, or a few lies would overflow every sum.
const BLOB_BYTES: u64 = 1 << 44;

/// The blobs that a record refers to. What is no digest names no blob that any store could hold, and is left out.
pub(crate) fn blobs_of(record: &Record) -> Vec<BlobUse> {
    let (mut uses, manifest) = (Vec::new(), false);
    match record {
        Record::RunOpened { workspace: Workspace::Shipped(shipped), .. }
        | Record::SubmissionJoined { workspace: Workspace::Shipped(shipped), .. } => {
            let digest = shipped.manifest.parse().ok();
            uses.extend(digest.map(|digest| BlobUse { digest, bytes: 0, manifest: true }));
        }
        Record::AttemptFinished { finish, .. } => {
            let kept = finish.output.total_bytes.saturating_sub(finish.output.dropped_bytes);
            let output = finish.output.blob.iter().map(|digest| (digest, kept));
            let artifacts = finish.artifacts.iter().map(|artifact| (&artifact.digest, artifact.bytes));
            uses.extend(output.chain(artifacts).filter_map(|(digest, bytes)| {
                Some(BlobUse { digest: digest.parse().ok()?, bytes: bytes.min(BLOB_BYTES), manifest })
            }));
        }
        Record::RunOpened { workspace: Workspace::InPlace(_), .. }
        | Record::SubmissionJoined { workspace: Workspace::InPlace(_), .. }
        | Record::SubmissionDropped
        | Record::AttemptDismissed { .. }
        | Record::GroupAdded { .. }
        | Record::SpecsAdded { .. }
        | Record::RunSealed
        | Record::AttemptAssigned { .. }
        | Record::AttemptStarted { .. }
        | Record::TestsReported { .. }
        | Record::AttemptSuperseded { .. }
        | Record::SpecDecided { .. }
        | Record::RunCancelled { .. }
        | Record::RunFinished { .. } => {}
    }
    uses
}
