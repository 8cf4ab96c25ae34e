//! The shapes of durable state.

use crate::{
    AttemptId, AttemptVerdict, CancelReason, Carried, Estimate, Finish, GroupIndex, GroupPolicy, HistoryKey,
    Lock, LostCause, Millis, Part, Recipe, Requirements, RunId, RunPolicy, RunSummary, RunVerdict, SlotId,
    Source, SpecIndex, SpecVerdict, SubmissionId, Timestamp, Why, WorkerId, Workspace,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All runs that are in memory: in the leader the unfinished ones, elsewhere whatever was folded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub(crate) runs: BTreeMap<RunId, Run>,
    pub(crate) submissions: BTreeMap<SubmissionId, RunId>,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Project.
    pub project: Arc<str>,
    /// CI build id.
    pub build: String,
    /// Which attempt of its build it is, from 1.
    pub attempt: u32,
    /// True when further submissions of the build may join while it is unfinished.
    pub joinable: bool,
    /// Where it came from, as its first submission said.
    pub source: Source,
    /// Rules over all groups.
    pub policy: RunPolicy,
    /// The submissions that it is made of, the one that opened it first.
    pub submissions: Vec<Submitted>,
    /// Its groups, by [`GroupIndex`].
    pub groups: Vec<Group>,
    /// Its specs, by [`SpecIndex`].
    pub specs: Vec<Spec>,
    /// True while all submissions are in as a whole.
    pub sealed: bool,
    /// When something of it last came in or was decided.
    pub quiet_since: Timestamp,
    /// Why it was cancelled, where it was.
    pub cancelled: Option<CancelReason>,
    /// How and when it ended, with its figures.
    pub finished: Option<(Timestamp, RunVerdict, RunSummary)>,
    /// Number of its newest entry.
    pub last_number: u64,
    /// Specs that are not decided.
    pub(crate) undecided: u32,
    /// Specs whose final verdict is no pass, cancelled and quarantined ones not counted.
    pub(crate) failures: u32,
    /// Attempts that are on slots.
    pub(crate) active: u32,
    /// Attempts that failed and were tried again.
    pub(crate) retried: u32,
}

/// A submission that became part of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Submitted {
    /// Its id.
    pub id: SubmissionId,
    /// When it came.
    pub at: Timestamp,
    /// Where it came from.
    pub source: Source,
    /// The files that its groups run in.
    pub workspace: Arc<Workspace>,
    /// Digest of what was submitted, where somebody took it.
    pub content: Option<String>,
    /// True when it did not come in whole: its groups count for nothing.
    pub dropped: bool,
}

/// A group of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its label.
    pub label: Arc<str>,
    /// Its suite.
    pub suite: String,
    /// What its workers must be able to do.
    pub requirements: Requirements,
    /// Its rules.
    pub policy: GroupPolicy,
    /// How to run its specs.
    pub recipe: Arc<Recipe>,
    /// The submission that it came with, by its place in [`Run::submissions`].
    pub submission: usize,
    /// What a process of its recipe costs beside the tests, by the history.
    pub overhead: Option<Millis>,
}

/// A spec of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Its group.
    pub group: GroupIndex,
    /// Its name.
    pub name: Arc<str>,
    /// Size of its file in bytes.
    pub size_bytes: u64,
    /// Forecast from its own history.
    pub estimate: Option<Estimate>,
    /// Tests that must be executed.
    pub expected_tests: Option<Arc<[String]>>,
    /// The earlier pass that stands for it.
    pub carried: Option<Carried>,
    /// Where it is.
    pub phase: SpecPhase,
    /// Its attempts, the newest last; number `n` is at `n - 1`.
    pub attempts: Vec<Attempt>,
    /// Why it was decided, where its last attempt does not say it.
    pub because: Option<Arc<str>>,
    /// Its collection.
    pub collection: Option<Arc<str>>,
    /// Its collection runs beside nothing of its group.
    pub serial: bool,
    /// Its assembly.
    pub assembly: Option<Arc<str>>,
    /// What it holds while it runs.
    pub locks: Arc<[Lock]>,
    /// It does not fail the run.
    pub quarantined: bool,
    /// It failed in the run before.
    pub failed_last: bool,
    /// The part of a larger spec that it is.
    pub part: Option<Arc<Part>>,
}

/// Where a spec is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecPhase {
    /// It waits for a slot.
    Waiting {
        /// Since when.
        since: Timestamp,
    },
    /// Its newest attempt is on a slot.
    Active,
    /// It has its final verdict.
    Decided(SpecVerdict),
}

/// One try of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Who runs it.
    pub worker: WorkerId,
    /// On which slot.
    pub slot: SlotId,
    /// When it was given to the slot.
    pub assigned_at: Timestamp,
    /// How long it was expected to take.
    pub forecast: Option<Millis>,
    /// When its process started, as the leader heard of it.
    pub started_at: Option<Timestamp>,
    /// Batches of test results recorded.
    pub test_batches: u32,
    /// Where it is.
    pub phase: AttemptPhase,
    /// What a late report said, after it had been declared lost.
    pub superseded: Option<AttemptVerdict>,
    /// Why it was given to its slot.
    pub why: Option<Why>,
    /// The first spec of the batch that it shares a process with.
    pub batch: Option<SpecIndex>,
    /// True when it counts for nothing, since another attempt of its spec ended first.
    pub dismissed: bool,
    /// The duration that counts for forecasts, where it is not the time that the slot was taken.
    pub corrected: Option<Millis>,
}

impl Attempt {
    /// True when it may have taken its worker down: it had started, and was lost with the worker or its shim.
    ///
    /// An attempt that had not started cannot have done anything, and neither has one whose result came late: it ran to
    /// its end.
    pub fn took_worker_down(&self) -> bool {
        let AttemptPhase::Finished { finish, .. } = &self.phase else { return false };
        let ran_on = self.superseded.is_some_and(|verdict| verdict != AttemptVerdict::Lost);
        self.started_at.is_some() && !ran_on && finish.lost.is_some_and(LostCause::takes_worker_down)
    }

    /// How much of its slot's time it took; zero while it runs. Of a shared process, what its worker says is its share.
    pub fn slot_time(&self) -> Millis {
        match &self.phase {
            AttemptPhase::Active => Millis::ZERO,
            AttemptPhase::Finished { finish, .. } if self.batch.is_some() => finish.timing.total(),
            AttemptPhase::Finished { at, .. } => at.since(self.assigned_at),
        }
    }

    /// True when it ended with a result: it passed, or did not by its own fault.
    pub fn has_result(&self) -> bool {
        use AttemptVerdict as Verdict;
        match &self.phase {
            AttemptPhase::Active => false,
            AttemptPhase::Finished { finish, .. } => match finish.verdict {
                Verdict::Passed
                | Verdict::Failed
                | Verdict::TimedOut
                | Verdict::Crashed
                | Verdict::Invalid(_) => true,
                Verdict::Lost | Verdict::Cancelled | Verdict::SetupFailed => false,
            },
        }
    }

    /// When it ended; the beginning of time while it has not.
    pub fn ended_at(&self) -> Timestamp {
        match &self.phase {
            AttemptPhase::Active => Timestamp(0),
            AttemptPhase::Finished { at, .. } => *at,
        }
    }

    /// True while it is on a slot and counts.
    pub fn is_live(&self) -> bool {
        self.phase == AttemptPhase::Active && !self.dismissed
    }
}

/// Where an attempt is.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptPhase {
    /// On its slot.
    Active,
    /// Ended.
    Finished {
        /// When.
        at: Timestamp,
        /// How.
        finish: Box<Finish>,
    },
}

impl State {
    /// The runs in memory.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    /// A run, if it is in memory.
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.runs.get(&id)
    }

    /// An attempt with its spec and run, if they are in memory.
    pub fn attempt(&self, id: AttemptId) -> Option<(&Run, &Spec, &Attempt)> {
        let run = self.runs.get(&id.run)?;
        let spec = run.spec(id.spec)?;
        Some((run, spec, spec.attempt(id.number)?))
    }
}

impl Run {
    /// A spec by its index.
    pub fn spec(&self, index: SpecIndex) -> Option<&Spec> {
        self.specs.get(index.0 as usize)
    }

    /// The group of a spec.
    pub fn group_of(&self, spec: &Spec) -> &Group {
        // A spec is only ever added under a group that was added before it (`apply` refuses anything else).
        &self.groups[spec.group.0 as usize]
    }

    /// The attempts that are on slots now, dismissed ones included.
    pub fn active_attempts(&self) -> Vec<AttemptId> {
        let mut active = Vec::new();
        for (index, spec) in self.specs.iter().enumerate() {
            for (number, attempt) in (1..).zip(&spec.attempts) {
                if attempt.phase == AttemptPhase::Active {
                    active.push(AttemptId { run: self.id, spec: SpecIndex(index as u32), number });
                }
            }
        }
        active
    }

    /// The submission that a group came with.
    pub fn submission_of(&self, group: &Group) -> &Submitted {
        // A group is only ever added under the submission before it.
        &self.submissions[group.submission]
    }

    /// True when a spec's group counts for nothing, since its submission did not come in whole.
    pub fn is_dropped(&self, spec: &Spec) -> bool {
        self.submission_of(self.group_of(spec)).dropped
    }

    /// What a spec's history is kept under.
    pub fn history_key(&self, spec: &Spec) -> HistoryKey {
        let group = self.group_of(spec);
        HistoryKey {
            project: self.project.as_ref().to_owned(),
            suite: group.suite.clone(),
            class: group.requirements.target(),
            spec: spec.name.as_ref().to_owned(),
        }
    }

    /// What the run would come to if it ended now with every spec decided.
    pub fn verdict(&self) -> RunVerdict {
        let tally = Tally::of(self);
        match &self.cancelled {
            Some(CancelReason::Requested { .. }) => return RunVerdict::Cancelled,
            Some(CancelReason::Abandoned { .. }) => return RunVerdict::Incomplete,
            Some(CancelReason::MaxFailures { .. } | CancelReason::GroupsMissing { .. }) | None => {}
        }
        if tally.failed {
            RunVerdict::Failed
        } else if tally.lost || tally.undecided || self.cancelled.is_some() {
            RunVerdict::Incomplete
        } else if tally.no_tests || !tally.executed {
            RunVerdict::NothingRan
        } else {
            RunVerdict::Passed
        }
    }
}

/// The yes-or-no facts that a run's verdict is made of.
#[derive(Default)]
struct Tally {
    failed: bool,
    lost: bool,
    no_tests: bool,
    undecided: bool,
    executed: bool,
}

impl Tally {
    fn of(run: &Run) -> Tally {
        use crate::{AttemptVerdict as Attempt, InvalidReason};
        let mut tally = Tally::default();
        for spec in run.specs.iter().filter(|spec| !run.is_dropped(spec)) {
            match spec.phase {
                SpecPhase::Waiting { .. } | SpecPhase::Active => tally.undecided = true,
                SpecPhase::Decided(SpecVerdict::Carried) => tally.executed = true,
                SpecPhase::Decided(SpecVerdict::Passed { .. }) => {
                    // A spec without a report is its own test; one with a report must have executed something.
                    let ran =
                        spec.deciding_finish().is_none_or(|f| f.tests.total() == 0 || f.tests.executed() > 0);
                    tally.executed |= ran;
                }
                SpecPhase::Decided(SpecVerdict::NotPassed(_)) if spec.quarantined => {
                    tally.executed |= spec.finishes().any(|(_, finish)| finish.tests.executed() > 0);
                }
                SpecPhase::Decided(SpecVerdict::NotPassed(verdict)) => match verdict {
                    Attempt::Failed
                    | Attempt::TimedOut
                    | Attempt::Crashed
                    | Attempt::Invalid(InvalidReason::Report | InvalidReason::MissingTests) => {
                        tally.failed = true
                    }
                    Attempt::Invalid(InvalidReason::NoTests) => tally.no_tests = true,
                    Attempt::Lost | Attempt::Cancelled | Attempt::SetupFailed | Attempt::Passed => {
                        tally.lost = true
                    }
                },
                SpecPhase::Decided(SpecVerdict::Cancelled) => tally.lost = true,
            }
        }
        tally
    }
}

impl Spec {
    /// An attempt by its number, from 1.
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.get((number as usize).checked_sub(1)?)
    }

    /// The newest attempt's number and content.
    pub fn newest(&self) -> Option<(u32, &Attempt)> {
        self.attempts.last().map(|attempt| (self.attempts.len() as u32, attempt))
    }

    /// How the attempt that ended last ended, of those that count; none while one is running.
    pub fn deciding_finish(&self) -> Option<&Finish> {
        if self.attempts.iter().any(Attempt::is_live) {
            return None;
        }
        let ended = self.attempts.iter().filter(|attempt| !attempt.dismissed);
        // Of two that ended at once, the one with a result counts.
        match &ended.max_by_key(|attempt| (attempt.ended_at(), attempt.has_result()))?.phase {
            AttemptPhase::Active => None,
            AttemptPhase::Finished { finish, .. } => Some(finish),
        }
    }

    /// The attempts that are on slots and count: two while one of them is a backup.
    pub fn live_attempts(&self) -> impl Iterator<Item = (u32, &Attempt)> {
        (1..).zip(&self.attempts).filter(|(_, attempt)| attempt.is_live())
    }

    /// Its name without the part that it is.
    pub fn whole_name(&self) -> &str {
        self.part.as_ref().map_or(self.name.as_ref(), |part| part.of.as_str())
    }

    /// True when it has its final verdict.
    pub fn is_decided(&self) -> bool {
        matches!(self.phase, SpecPhase::Decided(_))
    }

    /// True while it waits for a slot.
    pub fn waits(&self) -> bool {
        matches!(self.phase, SpecPhase::Waiting { .. })
    }

    /// How many workers its attempts took down.
    pub fn kills(&self) -> u32 {
        self.attempts.iter().filter(|attempt| attempt.took_worker_down()).count() as u32
    }

    /// True when one of its attempts took a worker down: it never runs beside another such spec.
    pub fn is_suspect(&self) -> bool {
        self.attempts.iter().any(Attempt::took_worker_down)
    }

    /// True when an attempt began under suspicion: one before it took a worker down. What happens to its rival while it
    /// runs says nothing about it, and only what is not suspected gets a backup.
    pub(crate) fn is_suspect_in(&self, number: u32) -> bool {
        let backup = self.attempt(number).and_then(|attempt| attempt.why);
        let backup = backup.is_some_and(|why| why.rule == crate::Rule::Backup);
        !backup && self.attempts.iter().take(number.saturating_sub(1) as usize).any(Attempt::took_worker_down)
    }

    /// How each ended attempt that counts ended, oldest first.
    pub fn finishes(&self) -> impl Iterator<Item = (&Attempt, &Finish)> {
        self.attempts.iter().filter(|attempt| !attempt.dismissed).filter_map(|attempt| match &attempt.phase {
            AttemptPhase::Active => None,
            AttemptPhase::Finished { finish, .. } => Some((attempt, finish.as_ref())),
        })
    }
}

impl Finish {
    /// True when the duration says something about the spec: it ended by itself with a trusted result.
    pub fn counts_for_history(&self) -> bool {
        use crate::AttemptVerdict as Verdict;
        match self.verdict {
            Verdict::Passed | Verdict::Failed => true,
            Verdict::TimedOut
            | Verdict::Crashed
            | Verdict::Lost
            | Verdict::Cancelled
            | Verdict::SetupFailed
            | Verdict::Invalid(_) => false,
        }
    }
}
