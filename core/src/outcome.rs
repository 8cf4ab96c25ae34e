//! What comes out of the core: records first, and only after their commit everything that others can see.

use crate::{
    AttemptId, Entry, IdParseError, Millis, Recipe, RunId, SlotId, SubmissionError, SubmissionId, WorkerId,
    Workspace, ids::RequestId,
};
use std::sync::Arc;
use thiserror::Error;

/// One input's outcome before its records are durable.
///
/// The effects are out of reach until [`Pending::confirm`]. Batches of several inputs are joined with
/// [`Pending::append`], committed in one transaction and confirmed together.
#[must_use = "records that are dropped are lost, and the core has already applied them"]
#[derive(Debug, Default)]
pub struct Pending {
    entries: Vec<Entry>,
    effects: Vec<Effect>,
}

impl Pending {
    /// The records to commit, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// True when there is neither a record nor an effect.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.effects.is_empty()
    }

    /// Adds a later batch.
    pub fn append(&mut self, later: Pending) {
        self.entries.extend(later.entries);
        self.effects.extend(later.effects);
    }

    /// Call once the entries are committed, and only then. A driver whose commit failed drops the batch and the
    /// whole core with it, and rebuilds from the store.
    pub fn confirm(self) -> Vec<Effect> {
        self.effects
    }

    pub(crate) fn record(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}

/// Something that others will see.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answers a request.
    Reply {
        /// Whose.
        request: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// Goes to a worker over its link; dropped when the link is gone (the next introduction settles it).
    Command {
        /// The worker.
        worker: WorkerId,
        /// The order.
        command: Command,
    },
    /// The worker was declared lost while linked. Its link is to be closed, so that it introduces itself anew if it
    /// comes back to life.
    CloseLink {
        /// The worker.
        worker: WorkerId,
    },
    /// A run's ledger grew: watchers may read up to this number.
    RunAdvanced {
        /// The run.
        run: RunId,
        /// The newest number.
        through: u64,
        /// True when the run is finished.
        finished: bool,
    },
}

/// An answer to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The submission is a run now, or was one already.
    Submitted {
        /// The run.
        run: RunId,
        /// False when this submission had already been accepted.
        new: bool,
        /// Which attempt of its build the run is, from 1.
        attempt: u32,
        /// True when the run had been opened by another submission.
        joined: bool,
    },
    /// The cancel is on its way; the run ends when its attempts have stopped.
    Cancelling,
    /// The request was refused and nothing changed.
    Refused(Refusal),
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The submission is malformed.
    #[error(transparent)]
    Invalid(#[from] SubmissionError),
    /// No worker can ever run a group.
    #[error("no worker can run group {label:?}: it requires {requirement}, and {have}")]
    NoWorker {
        /// The group.
        label: String,
        /// The first requirement that every worker lacks.
        requirement: String,
        /// What there is instead.
        have: String,
    },
    /// The submission's number was used before, for something else.
    #[error(
        "submission number {submission} was already used for run {run}, with other content; submit again with a new number"
    )]
    OtherContent {
        /// The number, as 32 hexadecimal digits.
        submission: String,
        /// The run that it made.
        run: RunId,
    },
    /// The run that the submission would join has a group of that label.
    #[error(
        "group {label:?} is in run {run} of this build already: it came {ago} ago from {from}; give this one another label, or wait for the run's end and submit again, which makes the build's next attempt"
    )]
    LabelTaken {
        /// The label.
        label: String,
        /// The run.
        run: RunId,
        /// How long ago it came.
        ago: Millis,
        /// From where, for people.
        from: String,
    },
    /// The attempt that the submission asks for is complete.
    #[error(
        "attempt {attempt} of build {build:?} is complete: run {run} ended {ago} ago; submit attempt {} (--attempt), or have the run wait for its groups next time (--expect-groups, --completion-delay)", attempt + 1
    )]
    Complete {
        /// The build.
        build: String,
        /// Its attempt.
        attempt: u32,
        /// That attempt's run.
        run: RunId,
        /// How long ago it ended; zero where that is not known.
        ago: Millis,
    },
    /// The run that the submission would join has other rules.
    #[error(
        "run {run} of this build was opened with {what} {have}, this submission says {want}; say the same, or leave it away"
    )]
    OtherPolicy {
        /// The run.
        run: RunId,
        /// The rule.
        what: &'static str,
        /// What the run has.
        have: String,
        /// What the submission wants.
        want: String,
    },
    /// The leader is at a bound.
    #[error("{what}: {limit} at most; try again when some are finished")]
    Full {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// There is no unfinished run with that id.
    #[error("run {run} is not running")]
    NotRunning {
        /// The id.
        run: RunId,
    },
    /// The text is no run id.
    #[error(transparent)]
    BadId(#[from] IdParseError),
}

impl Refusal {
    /// The answer to a submission whose number made `run` before, out of something else. The core compares with the
    /// unfinished runs; its driver compares with the rest.
    pub fn other_content(submission: SubmissionId, run: RunId) -> Refusal {
        Refusal::OtherContent { submission: format!("{:032x}", submission.0), run }
    }
}

/// An order to a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Answers an introduction.
    Welcome {
        /// Reports up to this number are durable.
        acknowledged: u64,
        /// Attempts to stop and forget: decided elsewhere or unknown.
        discard: Vec<AttemptId>,
        /// When the worker must take itself for lost.
        lost_after: Millis,
    },
    /// Run these attempts on this slot, one after the other.
    Start(StartOrder),
    /// Stop this attempt.
    Cancel {
        /// The attempt.
        attempt: AttemptId,
        /// How hard.
        mode: CancelMode,
    },
    /// Reports up to this number are durable.
    Acknowledge {
        /// The number.
        through: u64,
    },
}

/// What a slot is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct StartOrder {
    /// The slot.
    pub slot: SlotId,
    /// The files.
    pub workspace: Workspace,
    /// The attempts. Several share one process, by their recipe's [`Recipe::batch`].
    pub attempts: Vec<AttemptOrder>,
    /// How many CPUs all attempts of the group on this worker may use together; none for all that there are.
    pub cpus: Option<u32>,
}

/// One attempt of a [`StartOrder`].
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptOrder {
    /// The attempt.
    pub attempt: AttemptId,
    /// Project, for the spec's environment.
    pub project: Arc<str>,
    /// Label of its group.
    pub group: Arc<str>,
    /// Name of its spec.
    pub spec: Arc<str>,
    /// How to run it.
    pub recipe: Arc<Recipe>,
    /// Tests that must be executed.
    pub expected_tests: Option<Arc<[String]>>,
    /// The tests of the spec that are run, by its recipe's [`Recipe::select`]; none for all.
    pub only: Option<Arc<[String]>>,
    /// Limit for its run, in place of the recipe's; none to go by that.
    pub timeout: Option<Millis>,
}

/// How hard to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CancelMode {
    /// Ask first, kill after the grace period.
    Graceful,
    /// Kill at once.
    Kill,
}
