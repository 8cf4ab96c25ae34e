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
    /// Attempts of one spec that may be lost, other than by taking their worker down, before the spec is given up.
    pub lost_attempts: u32,
    /// Workers that attempts of one spec may take down before it is decided as crashed, where its run says nothing.
    pub worker_kills: u32,
    /// Attempts of one spec that may end because its workspace could not be made ready.
    pub setup_attempts: u32,
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
    /// How long a new leader holds back what waits, so that the workers that are about to come back share it. Short:
    /// nothing but the spread of work depends on it.
    pub gather: Millis,
    /// How long a new leader waits at most for a worker that holds attempts before it takes them for lost, where their
    /// run would give the worker up sooner. See [`Bounds::patience_after_takeover`].
    pub recovery_window: Millis,
    /// How long a retry waits for a worker that has not failed it yet.
    pub elsewhere_wait: Millis,
    /// How long what no worker could be set up for waits for another worker.
    pub setup_wait: Millis,
    /// Specs that are decided at one time because no worker can be set up for them: the rest follows a moment later.
    pub given_up_at_once: usize,
    /// Attempts in a row that end by a worker's own fault before it is cordoned.
    pub cordon_faults: u32,
    /// Runs whose setup fails on a worker and not elsewhere before it is cordoned.
    pub cordon_setups: u32,
    /// Specs in a row that fail on a worker and pass elsewhere before it is cordoned.
    pub cordon_failures: u32,
    /// How long a cordoned worker waits for one attempt to show that it is well; doubled while it is not.
    pub cordon_wait: Millis,
    /// The longest such wait: whoever mended the host should not wait for longer.
    pub cordon_wait_longest: Millis,
    /// Workers that went away while cordoned and are remembered.
    pub cordons_away: usize,
    /// Every so many assignments, whoever was served least goes first, whatever priorities say.
    pub guaranteed_turn: u64,
    /// How many specs an aggressive group starts for each of its threads.
    pub overcommit: u32,
    /// Distinct locks over all unfinished runs.
    pub locks: usize,
    /// Permits of one lock.
    pub permits: usize,
    /// Locks of one spec.
    pub locks_per_spec: usize,
    /// Specs that share one process at most.
    pub batch: usize,
    /// A batch is at most so many times as long as what its process costs beside the tests: what a process that dies
    /// takes with it is bounded, and the cost is a tenth.
    pub batch_overheads: u64,
    /// What is left for each slot is done in one batch where it is no longer than so many times that cost.
    pub batch_last_overheads: u64,
    /// Parts that a spec is split into at most.
    pub parts: usize,
    /// No time limit that comes from a forecast is shorter.
    pub least_timeout: Millis,
    /// An attempt is no straggler before it runs for so long.
    pub least_straggler: Millis,
    /// Backups may take this much of a run's expected slot time, in thousandths; one is always allowed.
    pub backup_budget: u64,
    /// How long a run waits at most for the groups that it was told to expect, after it became quiet.
    pub expected_groups_wait: Millis,
    /// A duration does not count when something waited for a CPU for so much more of the time than is usual on its
    /// worker, in thousandths.
    pub contended: u32,
    /// Candidates for a spec that are counted where it is explained why it got its slot.
    pub candidates_counted: u32,
    /// Ended runs of which lost attempts are remembered, so that their late results are still kept as evidence.
    pub ended_runs: usize,
    /// Lost attempts remembered of one ended run.
    pub lost_remembered: usize,
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
        worker_kills: 2,
        setup_attempts: 8,
        specs_per_record: 500,
        slots_per_worker: 4096,
        lookahead: 16,
        suspect_after: Millis::seconds(6),
        lost_after: Millis::seconds(60),
        gather: Millis(250),
        recovery_window: Millis::seconds(30),
        elsewhere_wait: Millis::seconds(30),
        setup_wait: Millis::seconds(10),
        given_up_at_once: 2000,
        cordon_faults: 3,
        cordon_setups: 2,
        cordon_failures: 3,
        cordon_wait: Millis::seconds(30),
        cordon_wait_longest: Millis::seconds(600),
        cordons_away: 1000,
        guaranteed_turn: 8,
        overcommit: 4,
        locks: 10_000,
        permits: 10_000,
        locks_per_spec: 16,
        batch: 200,
        batch_overheads: 10,
        batch_last_overheads: 3,
        parts: 16,
        least_timeout: Millis::seconds(10),
        least_straggler: Millis::seconds(5),
        backup_budget: 50,
        expected_groups_wait: Millis::seconds(6 * 3600),
        contended: 300,
        candidates_counted: 100,
        ended_runs: 256,
        lost_remembered: 1000,
    };

    /// How long a worker that has not come back to a new leader may stay away before its attempts are lost, where
    /// their run takes workers for lost after `lost_after` of silence.
    ///
    /// Before a worker looks for the new leader it has to notice that the old one is gone, which takes it as long as
    /// it takes the leader to notice a worker. So a run's patience counts twice here, up to the recovery window.
    pub fn patience_after_takeover(&self, lost_after: Millis) -> Millis {
        (lost_after + lost_after).min(self.recovery_window).max(lost_after)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds::DEFAULT
    }
}

/// Bytes of one requirement: whatever needs more is better written as several. Each is looked at for each worker.
pub(crate) const EXPRESSION_BYTES: usize = 1024;
/// How deep a requirement may be nested: it is read and evaluated on the stack.
pub(crate) const EXPRESSION_DEPTH: usize = 32;
/// Conditions of one group, as far as one text holds them.
pub(crate) const CONDITIONS: usize = 64;
/// Sorts of things that a host may have several of: browsers, devices, simulators.
pub(crate) const KINDS: usize = 3;
/// Combinations of one browser and one device of each kind that are tried for one set of requirements and one worker:
/// a hundred devices with a hundred simulators.
pub(crate) const COMBINATIONS: usize = 10_000;
