//! Inputs: what happened. The driver passes them in with the time, one by one.

use crate::{
    AttemptId, Capabilities, Finish, Incarnation, Millis, RequestId, RunId, SlotId, Submission, Term,
    TestResult, WorkerId, outcome::CancelMode,
};

/// Everything that can happen to the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A client submitted a run. `run` is the id to use if it is a new one.
    RunSubmitted {
        /// Whom to answer.
        request: RequestId,
        /// A fresh id.
        run: RunId,
        /// What to run.
        submission: Box<Submission>,
    },
    /// A client asked to stop a run. Asking again with [`CancelMode::Kill`] hurries it.
    CancelRequested {
        /// Whom to answer.
        request: RequestId,
        /// The run.
        run: RunId,
        /// Who asks, for display.
        by: String,
        /// How hard.
        mode: CancelMode,
    },
    /// The daemon that led this run is gone for good, and with it the run's attempts.
    RunAbandoned {
        /// The run.
        run: RunId,
        /// What is known about it, for display.
        detail: String,
    },
    /// A worker opened a link and said what it is and holds. Replaces an earlier link of the same worker.
    WorkerIntroduced {
        /// What it said.
        introduction: Introduction,
    },
    /// A worker's link closed. Its attempts go on; silence is counted from here.
    LinkClosed {
        /// The worker.
        worker: WorkerId,
        /// The life whose link it was; a newer life's link is not touched.
        incarnation: Incarnation,
    },
    /// A worker was heard from.
    Heartbeat {
        /// The worker.
        worker: WorkerId,
        /// Its life.
        incarnation: Incarnation,
    },
    /// A numbered report arrived.
    Reported {
        /// The worker.
        worker: WorkerId,
        /// Its life.
        incarnation: Incarnation,
        /// What it says.
        report: Report,
    },
    /// A worker takes no new work from now on, or takes it again.
    DrainChanged {
        /// The worker.
        worker: WorkerId,
        /// True to drain.
        draining: bool,
    },
    /// What a worker's own probes say changed: a full disk, a wrong clock.
    HealthChanged {
        /// The worker.
        worker: WorkerId,
        /// Its life.
        incarnation: Incarnation,
        /// Why it can run nothing now; none when it can.
        problem: Option<String>,
    },
    /// A worker's memory ran low, or is no longer: while it does, its extra slots take nothing new.
    PressureChanged {
        /// The worker.
        worker: WorkerId,
        /// Its life.
        incarnation: Incarnation,
        /// What is scarce; none when nothing is.
        scarce: Option<String>,
    },
    /// An operator wants a worker to take no new work, or to take it again. Also sent for each such worker when a
    /// leader begins. Not stored by the core: the driver keeps it beside the ledger.
    HeldBack {
        /// The worker, which need not be there.
        worker: WorkerId,
        /// Who wants it; none to let it work again.
        by: Option<String>,
    },
    /// The leader itself did not run for so long (stopped, or the machine slept): silence in it says nothing about workers.
    LeaderPaused {
        /// How long.
        lasted: Millis,
    },
    /// The moment that the core asked for has come, or any other: never wrong to send.
    TimePassed,
}

/// The first message of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct Introduction {
    /// Stable name.
    pub worker: WorkerId,
    /// This life.
    pub incarnation: Incarnation,
    /// Where it runs, for display.
    pub host: String,
    /// Highest term it has obeyed.
    pub term_seen: Term,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its slots.
    pub slots: Vec<SlotId>,
    /// Slots beyond those, for groups that may start more than it has CPUs ([`crate::Algorithm::Aggressive`]).
    pub extra_slots: Vec<SlotId>,
    /// How many CPUs it has; 0 where it does not say.
    pub cpus: u32,
    /// What is too scarce for its extra slots to take new work; none when nothing is.
    pub scarce: Option<String>,
    /// Attempts that it runs, or has results of that were not acknowledged.
    pub held: Vec<HeldAttempt>,
    /// True when it takes no new work.
    pub draining: bool,
    /// Why it can run nothing now, by its own probes; none when it can.
    pub problem: Option<String>,
    /// Version of its program, for display.
    pub version: String,
}

/// An attempt that a worker knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its slot.
    pub slot: SlotId,
    /// What the worker has of it.
    pub state: HeldState,
}

/// What a worker has of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldState {
    /// It runs or is about to.
    Running,
    /// It ended, and the report will be sent (again) over this link.
    Reported,
}

/// A report, numbered within the worker's life from 1. Sending one again is harmless.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Its number.
    pub number: u64,
    /// What it says.
    pub body: ReportBody,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq)]
pub enum ReportBody {
    /// The attempt's process started.
    Started {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Some of its test results.
    Tests {
        /// The attempt.
        attempt: AttemptId,
        /// Number of the batch within the attempt, from 0.
        batch: u32,
        /// The results.
        tests: Vec<TestResult>,
    },
    /// It ended.
    Finished {
        /// The attempt.
        attempt: AttemptId,
        /// How.
        finish: Box<Finish>,
    },
}
