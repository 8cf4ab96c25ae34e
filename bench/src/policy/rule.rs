//! The policies by name.

use super::{pull, shards, xdist};
use crate::Suite;
use part_core::Millis;

/// A way to spread a suite over slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A free slot takes the next spec in submission order.
    SubmissionOrder,
    /// A free slot takes the longest spec by what it took last; those never seen go first, by file size. What Jest does
    /// on one host.
    JestOrder,
    /// A spec's slot follows from a hash of its name.
    HashShards,
    /// Specs in the order of a hash of their names, cut into runs of equal count. What `jest --shard` does.
    JestShards,
    /// Specs in submission order, cut into runs of equal count. What `playwright test --shard` does, by files.
    CountShards,
    /// Every spec is given to the slot with the least forecast work before anything starts, the longest first. What tools
    /// that split by recorded times do.
    StaticBins,
    /// Chunks that shrink, with at least two tests on each slot. What `pytest -n N --dist load` does.
    XdistLoad,
    /// Equal shares to begin with; who runs out takes half of what the fullest still has. What
    /// `pytest -n N --dist worksteal` does.
    XdistWorksteal,
}

/// A slot: how fast it is, and when it comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// 1 is usual; with 2 everything takes half as long.
    pub speed: f64,
    /// When it comes.
    pub from: Millis,
}

impl Slot {
    /// So many of usual speed, all there from the start.
    pub fn usual(count: u32) -> Vec<Slot> {
        vec![Slot { speed: 1.0, from: Millis::ZERO }; count as usize]
    }

    /// How long a spec takes on it.
    pub(crate) fn takes(self, job: &crate::Job) -> u64 {
        (job.takes.0 as f64 / self.speed).ceil() as u64
    }
}

impl Policy {
    /// All of them, in the order of tables.
    pub const ALL: [Policy; 8] = [
        Policy::SubmissionOrder,
        Policy::JestOrder,
        Policy::StaticBins,
        Policy::XdistLoad,
        Policy::XdistWorksteal,
        Policy::HashShards,
        Policy::JestShards,
        Policy::CountShards,
    ];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Policy::SubmissionOrder => "pull, submission order",
            Policy::JestOrder => "pull, Jest's order (one host)",
            Policy::HashShards => "shards by hash",
            Policy::JestShards => "shards, `jest --shard`",
            Policy::CountShards => "shards, `playwright --shard`",
            Policy::StaticBins => "bins from history",
            Policy::XdistLoad => "pytest-xdist `load`",
            Policy::XdistWorksteal => "pytest-xdist `worksteal`",
        }
    }

    /// From the start to the last end.
    pub fn makespan(self, suite: &Suite, slots: &[Slot]) -> Millis {
        let end = match self {
            Policy::SubmissionOrder => pull::makespan(suite, slots, pull::submission_order(suite)),
            Policy::JestOrder => pull::makespan(suite, slots, pull::jest_order(suite)),
            Policy::HashShards => shards::makespan(suite, slots, &shards::by_hash(suite, slots)),
            Policy::JestShards => shards::makespan(suite, slots, &shards::by_hash_order(suite, slots)),
            Policy::CountShards => shards::makespan(suite, slots, &shards::by_count(suite, slots)),
            Policy::StaticBins => shards::makespan(suite, slots, &shards::by_history(suite, slots)),
            Policy::XdistLoad => xdist::load(suite, slots),
            Policy::XdistWorksteal => xdist::worksteal(suite, slots),
        };
        Millis(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Job;

    /// Four short specs and a long one at the end; the history says so.
    fn suite() -> Suite {
        let jobs = [1, 1, 1, 1, 4].iter().enumerate().map(|(number, seconds)| Job {
            history: vec![Millis(seconds * 1000)],
            ..Job::new(format!("spec {number}"), Millis(seconds * 1000))
        });
        Suite { name: "five".to_owned(), jobs: jobs.collect() }
    }

    #[test]
    fn each_policy_follows_its_rule() {
        let seconds = |policy: Policy| policy.makespan(&suite(), &Slot::usual(2)).0 / 1000;
        assert_eq!(seconds(Policy::SubmissionOrder), 6);
        assert_eq!(seconds(Policy::JestOrder), 4);
        assert_eq!(seconds(Policy::StaticBins), 4);
        // Three and two: the second has the long one.
        assert_eq!(seconds(Policy::CountShards), 5);
        // Two each, then the last one to whoever has fewer than two left.
        assert_eq!(seconds(Policy::XdistLoad), 6);
        // Two, and three of which the last one is stolen only when nothing else is left to begin.
        assert_eq!(seconds(Policy::XdistWorksteal), 6);
    }

    #[test]
    fn no_policy_beats_the_bound_or_loses_a_spec() {
        let suite = crate::generate::suite(
            crate::generate::Habits { specs: 60, ..crate::generate::Habits::FRESH },
            5,
        );
        for slots in [1, 2, 7, 16] {
            for policy in Policy::ALL {
                let took = policy.makespan(&suite, &Slot::usual(slots));
                assert!(took >= suite.bound(slots) && took <= suite.work(), "{policy:?} on {slots}: {took}");
            }
        }
        assert!(Policy::ALL.iter().all(|policy| policy.makespan(&suite, &Slot::usual(1)) == suite.work()));
    }

    #[test]
    fn slow_and_late_slots_take_less() {
        let slots = [Slot { speed: 1.0, from: Millis::ZERO }, Slot { speed: 0.5, from: Millis(500) }];
        // The long one on the first slot, the others one after the other on both.
        assert_eq!(Policy::JestOrder.makespan(&suite(), &slots), Millis(6500));
    }
}
