//! How long the same work would take on other numbers of slots.
//!
//! A list schedule, the longest first: what the core itself does when it knows how long everything takes. Workers that
//! differ, locks and requirements are not looked at.

use crate::{Millis, WhatIf};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Something that takes a slot for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// How long.
    pub duration: Millis,
    /// Jobs of one chain of a group never overlap.
    pub chain: Option<u32>,
    /// Jobs of a group's later stage begin when those of its earlier stages have ended.
    pub stage: u32,
    /// Its group: stages of different groups do not wait for each other.
    pub group: u32,
}

/// The most slots that are looked at: nobody reads more rows, and it keeps the time bounded.
const MOST_SLOTS: usize = 64;

/// From the first start to the last end on so many slots, with the longest first; 0 slots count as 1. Takes
/// O(n log n).
pub fn makespan(jobs: &[Job], slots: u32) -> Millis {
    Plan::of(jobs).makespan(slots)
}

/// The makespans for 1, 2, 4, 8, … slots, up to 64 and never more slots than jobs; and the smallest number of slots
/// whose makespan is within a tenth of the best of all. Nothing for no jobs.
pub fn what_if(jobs: &[Job]) -> (Vec<WhatIf>, Option<u32>) {
    let most = jobs.len().min(MOST_SLOTS) as u32;
    let plan = Plan::of(jobs);
    let on = |slots: u32| WhatIf { slots, makespan: plan.makespan(slots) };
    let doubled = std::iter::successors(Some(1u32), |slots| slots.checked_mul(2));
    let rows: Vec<WhatIf> = doubled.take_while(|slots| *slots <= most).map(on).collect();
    let best = rows.iter().map(|row| row.makespan).chain((most > 0).then(|| on(most).makespan)).min();
    let worth = best.and_then(|best| {
        let good = |makespan: Millis| makespan.0.saturating_mul(10) <= best.0.saturating_mul(11);
        // Fewer cannot do: the work alone would take too long.
        let work: u64 = jobs.iter().map(|job| job.duration.0).sum();
        let least =
            work.saturating_mul(10).div_ceil(best.0.saturating_mul(11).max(1)).clamp(1, u64::from(most));
        let known = |slots: u32| rows.iter().find(|row| row.slots == slots).map(|row| row.makespan);
        (least as u32..=most).find(|slots| good(known(*slots).unwrap_or_else(|| plan.makespan(*slots))))
    });
    (rows, worth)
}

/// Jobs, sorted once for all numbers of slots.
struct Plan {
    /// Jobs that are taken in this order: those of a chain, or those of a stage that are in none.
    sources: Vec<Source>,
    /// The sources of each stage, by group and in the order of stages, with the number of their jobs.
    stages: Vec<Vec<(Vec<usize>, usize)>>,
}

struct Source {
    /// The longest first.
    durations: Vec<u64>,
    /// One after the other.
    chained: bool,
    /// Place of its group, and of its stage within that.
    stage: (usize, usize),
}

impl Plan {
    fn of(jobs: &[Job]) -> Plan {
        let mut chains: BTreeMap<(u32, u32, Option<u32>), Vec<u64>> = BTreeMap::new();
        for job in jobs {
            chains.entry((job.group, job.stage, job.chain)).or_default().push(job.duration.0);
        }
        let mut plan = Plan { sources: Vec::with_capacity(chains.len()), stages: Vec::new() };
        let mut last = None;
        for ((group, stage, chain), mut durations) in chains {
            if last.is_none_or(|(before, _)| before != group) {
                plan.stages.push(Vec::new());
            }
            let place = plan.stages.len() - 1;
            let stages = &mut plan.stages[place];
            if last != Some((group, stage)) {
                stages.push((Vec::new(), 0));
            }
            last = Some((group, stage));
            let within = stages.len() - 1;
            stages[within].0.push(plan.sources.len());
            stages[within].1 += durations.len();
            durations.sort_unstable_by_key(|duration| Reverse(*duration));
            plan.sources.push(Source { durations, chained: chain.is_some(), stage: (place, within) });
        }
        plan
    }

    fn makespan(&self, slots: u32) -> Millis {
        let mut playing = Playing {
            plan: self,
            next: vec![0; self.sources.len()],
            remaining: self.sources.iter().map(|source| source.durations.iter().sum()).collect(),
            left: self
                .stages
                .iter()
                .map(|stages| stages.iter().map(|(_, number)| *number).collect())
                .collect(),
            ready: BinaryHeap::new(),
            running: BinaryHeap::new(),
        };
        (0..self.stages.len()).for_each(|group| playing.open(group, 0));
        playing.run(slots.max(1) as usize)
    }
}

/// A plan while it is carried out.
struct Playing<'a> {
    plan: &'a Plan,
    /// The job of each source that is next.
    next: Vec<usize>,
    /// What is left of each source, in milliseconds.
    remaining: Vec<u64>,
    /// Jobs of each stage that have not ended.
    left: Vec<Vec<usize>>,
    /// Sources that can give a job, by what is urgent about them.
    ready: BinaryHeap<(u64, Reverse<usize>)>,
    /// Ends of running jobs, with their sources.
    running: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Playing<'_> {
    fn run(&mut self, slots: usize) -> Millis {
        let mut now = 0;
        loop {
            while self.running.len() < slots
                && let Some((_, Reverse(source))) = self.ready.pop()
            {
                self.start(source, now);
            }
            let Some(Reverse((end, source))) = self.running.pop() else { return Millis(now) };
            now = end;
            self.end(source);
            // Whatever ends at the same moment may open something more urgent.
            while let Some(Reverse((end, source))) = self.running.peek().copied() {
                if end > now {
                    break;
                }
                self.running.pop();
                self.end(source);
            }
        }
    }

    fn start(&mut self, source: usize, now: u64) {
        let from = &self.plan.sources[source];
        let duration = from.durations[self.next[source]];
        self.next[source] += 1;
        self.remaining[source] -= duration;
        self.running.push(Reverse((now.saturating_add(duration), source)));
        if !from.chained {
            self.offer(source);
        }
    }

    fn end(&mut self, source: usize) {
        let from = &self.plan.sources[source];
        if from.chained {
            self.offer(source);
        }
        let (group, stage) = from.stage;
        self.left[group][stage] -= 1;
        if self.left[group][stage] == 0 {
            self.open(group, stage + 1);
        }
    }

    /// A single job is as urgent as it is long, a chain as all that is left of it.
    fn offer(&mut self, source: usize) {
        let from = &self.plan.sources[source];
        let Some(duration) = from.durations.get(self.next[source]) else { return };
        let urgency = if from.chained { self.remaining[source] } else { *duration };
        self.ready.push((urgency, Reverse(source)));
    }

    fn open(&mut self, group: usize, stage: usize) {
        let Some((sources, _)) = self.plan.stages[group].get(stage) else { return };
        sources.iter().for_each(|source| self.offer(*source));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn single(ms: u64) -> Job {
        Job { duration: Millis(ms), ..Job::default() }
    }

    fn singles(durations: &[u64]) -> Vec<Job> {
        durations.iter().copied().map(single).collect()
    }

    #[test]
    fn the_longest_goes_first_and_chains_go_one_by_one() {
        let jobs = singles(&[3, 3, 2, 2, 2]);
        assert_eq!([1, 2, 3, 5, 9].map(|slots| makespan(&jobs, slots).0), [12, 7, 5, 3, 3]);
        let chain = |ms, chain| Job { chain: Some(chain), ..single(ms) };
        // A chain is as urgent as all of it.
        assert_eq!(makespan(&[chain(2, 1), chain(2, 1), chain(2, 1), single(4), single(2)], 2), Millis(6));
        assert_eq!(makespan(&[chain(5, 1), chain(5, 2)], 2), Millis(5));
        assert_eq!(makespan(&[chain(5, 1), chain(5, 1)], 2), Millis(10));
    }

    #[test]
    fn stages_of_one_group_follow_each_other() {
        let job = |group, stage, ms| Job { group, stage, ..single(ms) };
        assert_eq!(makespan(&[job(0, 0, 5), job(0, 0, 3), job(0, 7, 4)], 2), Millis(9));
        assert_eq!(makespan(&[job(0, 0, 5), job(1, 1, 5)], 2), Millis(5));
        assert_eq!(makespan(&[job(0, 0, 1), job(0, 1, 4), job(1, 0, 5)], 2), Millis(5));
    }

    #[test]
    fn what_is_worth_having_is_told() {
        let (rows, worth) = what_if(&singles(&[10; 8]));
        let told: Vec<(u32, u64)> = rows.iter().map(|row| (row.slots, row.makespan.0)).collect();
        assert_eq!((told, worth), (vec![(1, 80), (2, 40), (4, 20), (8, 10)], Some(8)));
        // One that is as long as all others: two are enough.
        assert_eq!(what_if(&singles(&[40, 10, 10, 10, 10])).1, Some(2));
        assert_eq!(what_if(&singles(&[0, 0])).1, Some(1));
        assert_eq!(what_if(&[]), (Vec::new(), None));
        assert_eq!(what_if(&singles(&[1; 1000])).0.last().map(|row| row.slots), Some(64));
    }

    fn jobs() -> impl Strategy<Value = Vec<Job>> {
        let job = (0u64..1000, prop::option::weighted(0.3, 0u32..4), 0u32..3, 0u32..3);
        let job = job.prop_map(|(ms, chain, stage, group)| Job { duration: Millis(ms), chain, stage, group });
        prop::collection::vec(job, 0..40)
    }

    /// What no schedule can beat: the work spread evenly, the longest job, the longest chain, the stages of a group.
    fn bound(jobs: &[Job], slots: u64) -> u64 {
        let mut chains: BTreeMap<(u32, u32, Option<u32>), u64> = BTreeMap::new();
        let mut stages: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for job in jobs {
            *chains.entry((job.group, job.stage, job.chain)).or_default() += job.duration.0;
            let longest = stages.entry((job.group, job.stage)).or_default();
            *longest = job.duration.0.max(*longest);
        }
        for ((group, stage, chain), length) in chains {
            if chain.is_some() {
                stages.entry((group, stage)).and_modify(|longest| *longest = length.max(*longest));
            }
        }
        let mut groups: BTreeMap<u32, u64> = BTreeMap::new();
        stages.into_iter().for_each(|((group, _), longest)| *groups.entry(group).or_default() += longest);
        let share = jobs.iter().map(|job| job.duration.0).sum::<u64>().div_ceil(slots);
        groups.into_values().max().unwrap_or(0).max(share)
    }

    proptest! {
        #[test]
        fn no_schedule_beats_the_bound_or_is_worse_than_one_slot(jobs in jobs(), slots in 1u32..12) {
            let sum: u64 = jobs.iter().map(|job| job.duration.0).sum();
            prop_assert_eq!(makespan(&jobs, 1).0, sum);
            let took = makespan(&jobs, slots).0;
            prop_assert!(took >= bound(&jobs, u64::from(slots)) && took <= sum);
        }

        #[test]
        fn without_chains_and_stages_no_slot_is_idle_while_something_waits(
            durations in prop::collection::vec(1u64..1000, 1..60), slots in 1u64..12,
        ) {
            // So all slots are busy until the last job begins.
            let (sum, longest) = (durations.iter().sum::<u64>(), durations.iter().max().copied().unwrap_or(0));
            let took = makespan(&singles(&durations), slots as u32).0;
            prop_assert!(took * slots <= sum + longest * (slots - 1));
        }

        #[test]
        fn what_is_worth_having_is_the_smallest_that_is_good(jobs in jobs()) {
            let (rows, worth) = what_if(&jobs);
            let all: Vec<u64> = (1..=jobs.len() as u32).map(|slots| makespan(&jobs, slots).0).collect();
            let best = rows.iter().map(|row| row.makespan.0).chain(all.last().copied()).min();
            let expected = best.and_then(|best| all.iter().position(|took| took * 10 <= best * 11));
            prop_assert_eq!(worth, expected.map(|place| place as u32 + 1));
        }
    }
}
