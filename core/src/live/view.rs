//! A worker as people are shown it.

use crate::{AttemptId, Capabilities, LinkState, Millis, SlotId, WorkerId};

/// A worker, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerView {
    /// Its name.
    pub worker: WorkerId,
    /// Where it runs.
    pub host: String,
    /// Whether it is there.
    pub link: LinkState,
    /// How long it has been silent.
    pub silent_for: Millis,
    /// True when it takes no new work.
    pub draining: bool,
    /// Why it can run nothing by its own probes; none when it can.
    pub problem: Option<String>,
    /// Who wants it to take no new work; none when nobody does.
    pub held_back_by: Option<String>,
    /// Why the leader gives it no work although it asks for some, and when it is tried again: it failed what others
    /// can do. None when it is trusted.
    pub cordoned: Option<String>,
    /// Version of its program.
    pub version: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Each slot, extra ones included, with the attempt it runs: the first, where several share a process.
    pub slots: Vec<(SlotId, Option<AttemptId>)>,
    /// How many of its slots are extra ones, for groups that may start more than it has CPUs.
    pub extra_slots: u32,
    /// How many CPUs it has; 0 where it does not say.
    pub cpus: u32,
    /// What is too scarce for its extra slots to take new work; none when nothing is.
    pub scarce: Option<String>,
    /// By what factor specs take longer on it than on the mesh as a whole; 1 while that is not known.
    pub slowness: f64,
    /// Why it gets no work although it has a free slot; empty when it does, or has none.
    pub idle_because: String,
}
