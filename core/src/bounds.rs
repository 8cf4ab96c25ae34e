//! Every bound of the core, in one place, with its reason.

use crate::Millis;

/// Limits that keep input from making the leader grow without bound or wait for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Specs in one run. A million costs about 300 MB in the leader; nobody has shown a larger suite.
    pub specs_per_run: usize,
    /// Groups in one run: labels are written by people or made per package.
    pub groups_per_run: usize,
    /// Bytes of a spec's name: what file systems take for a path.
    pub spec_name_bytes: usize,
    /// Bytes of a label, project or build id: shown in tables and URLs.
    pub label_bytes: usize,
    /// Runs that are not finished, over all clients.
    pub open_runs: usize,
    /// Distinct requirement sets alive at one time: they are bits of a fixed mask.
    pub classes: usize,
    /// Retries a policy may ask for.
    pub retries: u32,
    /// Attempts of one spec that may be lost with their workers before the spec is given up.
    pub lost_attempts: u32,
    /// Specs in one record, so that a record stays well under a message.
    pub specs_per_record: usize,
    /// Slots of one worker.
    pub slots_per_worker: usize,
    /// How far a choice looks past queue heads that may not run on the worker at hand.
    pub lookahead: usize,
    /// Silence of a link after which a worker gets no new work (missed three heartbeats of 2 s).
    pub suspect_after: Millis,
    /// Silence after which a worker's attempts are lost.
    pub lost_after: Millis,
    /// How long a new leader waits for the workers that hold attempts.
    pub recovery_window: Millis,
    /// How long a retry waits for a worker that has not failed it yet.
    pub elsewhere_wait: Millis,
}

impl Bounds {
    /// The values used everywhere outside tests.
    pub const DEFAULT: Bounds = Bounds {
        specs_per_run: 1_000_000,
        groups_per_run: 10_000,
        spec_name_bytes: 4096,
        label_bytes: 512,
        open_runs: 1000,
        classes: 256,
        retries: 100,
        lost_attempts: 3,
        specs_per_record: 500,
        slots_per_worker: 4096,
        lookahead: 16,
        suspect_after: Millis::seconds(6),
        lost_after: Millis::seconds(60),
        recovery_window: Millis::seconds(30),
        elsewhere_wait: Millis::seconds(30),
    };
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds::DEFAULT
    }
}
