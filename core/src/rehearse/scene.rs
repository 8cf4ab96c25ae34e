//! What a rehearsal is made of.

use super::outcome::Rehearsed;
use super::play::Play;
use crate::{
    AttemptOrder, AttemptVerdict, Bounds, Capabilities, Millis, Refusal, RunId, StartOrder, Submission,
    Timestamp, WorkerId,
};
use std::fmt;
use thiserror::Error;

/// A worker that only pretends.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualWorker {
    /// Its name, unique in the rehearsal.
    pub worker: WorkerId,
    /// Its slots; they are numbered from 0.
    pub slots: u32,
    /// Slots beyond those, for groups that may start more than it has CPUs; numbered on from there.
    pub extra_slots: u32,
    /// How many CPUs it has; 0 where it does not say, and then no attempt waits for one.
    pub cpus: u32,
    /// What it can do.
    pub capabilities: Capabilities,
    /// How fast it is: on a worker of speed 2, everything takes half as long as usual.
    pub speed: f64,
    /// When it comes.
    pub joins: Timestamp,
    /// When and how it goes.
    pub leaves: Leaving,
}

/// How a virtual worker goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leaving {
    /// It stays.
    #[default]
    Never,
    /// From then on it takes nothing new, and it goes when what it runs has ended.
    Drains(Timestamp),
    /// At that moment it is gone, with what it runs; nobody says so.
    Dies(Timestamp),
}

impl VirtualWorker {
    /// One of usual speed that can do nothing in particular, is there from the start, and stays.
    pub fn new(name: impl Into<String>, slots: u32) -> Self {
        VirtualWorker {
            worker: WorkerId(name.into()),
            slots,
            extra_slots: 0,
            cpus: 0,
            capabilities: Capabilities::default(),
            speed: 1.0,
            joins: Timestamp(0),
            leaves: Leaving::Never,
        }
    }
}

/// An attempt that begins: what decides how it goes.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    /// The order. [`AttemptOrder::only`] is there where only a part of the spec's tests runs.
    pub order: &'a AttemptOrder,
    /// Where.
    pub worker: &'a VirtualWorker,
    /// When the order came.
    pub at: Timestamp,
    /// Its place in the process that it shares, from 0; 0 where it has its own.
    pub place: usize,
    /// How many attempts share the process; 1 where it has its own.
    pub together: usize,
}

/// How an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Act {
    /// How long it takes on a worker of usual speed with CPUs to spare, without the process's overhead.
    pub takes: Millis,
    /// How it ends.
    pub verdict: AttemptVerdict,
    /// The share of that time in which it uses a CPU, from 0 to 1; in the rest it waits for something else. Where more
    /// CPUs are wanted than there are, that share is stretched.
    pub cpu: f64,
}

impl Act {
    /// Passes after so long, and waits for no CPU.
    pub fn passes(takes: Millis) -> Act {
        Act::ends(takes, AttemptVerdict::Passed)
    }

    /// Ends like this after so long, and waits for no CPU.
    pub fn ends(takes: Millis, verdict: AttemptVerdict) -> Act {
        Act { takes, verdict, cpu: 0.0 }
    }
}

/// Says how long a process takes before and after its specs' own time.
type Overhead<'a> = Box<dyn FnMut(&StartOrder, &VirtualWorker) -> Millis + 'a>;

/// Workers, submissions, and what there is to know beside them.
pub struct Rehearsal<'a> {
    pub(super) bounds: Bounds,
    pub(super) workers: Vec<VirtualWorker>,
    pub(super) submissions: Vec<(Timestamp, Submission)>,
    pub(super) overhead: Overhead<'a>,
    pub(super) keeps_entries: bool,
}

/// Why a rehearsal came to no end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RehearsalError {
    /// A submission was refused.
    #[error("submission {number} of the rehearsal was refused")]
    Refused {
        /// Which, from 0 in the order in which they were added.
        number: usize,
        /// Why.
        source: Refusal,
    },
    /// Nothing runs and nothing will, and yet a run is not finished.
    #[error(
        "nothing runs any more and run {run} is not finished: {waiting} of its specs wait for a worker that can run them"
    )]
    Stuck {
        /// The run.
        run: RunId,
        /// Its specs that wait.
        waiting: usize,
    },
}

impl<'a> Rehearsal<'a> {
    /// Nobody there, and nothing to do.
    pub fn new() -> Self {
        Rehearsal {
            bounds: Bounds::DEFAULT,
            workers: Vec::new(),
            submissions: Vec::new(),
            overhead: Box::new(|_, _| Millis::ZERO),
            keeps_entries: false,
        }
    }

    /// Lets the core go by other bounds than the usual ones. Where no worker dies, silence is not rehearsed, and the
    /// bounds on it have no meaning.
    pub fn bounds(&mut self, bounds: Bounds) -> &mut Self {
        self.bounds = bounds;
        self
    }

    /// Adds a worker.
    pub fn worker(&mut self, worker: VirtualWorker) -> &mut Self {
        self.workers.push(worker);
        self
    }

    /// Adds a submission that comes at this time. Workers that join at the same moment are there before it.
    pub fn submit(&mut self, at: Timestamp, submission: Submission) -> &mut Self {
        self.submissions.push((at, submission));
        self
    }

    /// Says what each process costs beside its specs' own time; without it, nothing.
    pub fn overhead(
        &mut self,
        overhead: impl FnMut(&StartOrder, &VirtualWorker) -> Millis + 'a,
    ) -> &mut Self {
        self.overhead = Box::new(overhead);
        self
    }

    /// Keeps the whole ledger in [`Rehearsed::entries`].
    pub fn keep_entries(&mut self) -> &mut Self {
        self.keeps_entries = true;
        self
    }

    /// Plays it to the end of all runs. `act` is asked once for each attempt, when its order comes.
    pub fn play(self, act: impl FnMut(Begun<'_>) -> Act) -> Result<Rehearsed, RehearsalError> {
        Play::new(self, act).play()
    }
}

impl Default for Rehearsal<'_> {
    fn default() -> Self {
        Rehearsal::new()
    }
}

impl fmt::Debug for Rehearsal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehearsal")
            .field("workers", &self.workers)
            .field("submissions", &self.submissions.len())
            .finish_non_exhaustive()
    }
}
