//! Splitting: a spec that alone decides how long a run takes becomes several, each with some of its tests.

use crate::{Core, Estimate, GroupSubmission, Millis, Part, SpecAdded, SpecSubmission};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The fact by which a worker says that it runs some tests of a spec only.
const ABLE: &str = "part.select";

/// A submission's specs as a whole: what one of them is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Expected slot time of all specs that run, in milliseconds.
    pub(super) total: u64,
    /// What a spec without a forecast is taken for.
    pub(super) typical: u64,
}

impl Load {
    pub(super) fn of(groups: &[GroupSubmission]) -> Load {
        let running = groups.iter().flat_map(|group| &group.specs).filter(|spec| spec.carried.is_none());
        let (mut known, mut number, mut unknown) = (0, 0, 0);
        for spec in running {
            match Estimate::from_samples(&spec.history) {
                Some(estimate) => (known, number) = (known + estimate.expected().0, number + 1),
                None => unknown += 1,
            }
        }
        let typical = known.checked_div(number).unwrap_or(crate::queue::UNKNOWN_WORK);
        Load { total: known + unknown * typical, typical }
    }
}

impl Core {
    /// A spec as it joins its run: whole, or in parts.
    pub(super) fn specs_added(
        &self,
        group: &GroupSubmission,
        spec: SpecSubmission,
        load: Load,
    ) -> Vec<SpecAdded> {
        let parts = self.parts_of(group, &spec, load);
        let estimate = Estimate::from_samples(&spec.history);
        let whole = SpecAdded {
            name: spec.name,
            size_bytes: spec.size_bytes,
            estimate,
            expected_tests: spec.expected_tests,
            carried: spec.carried,
            collection: spec.collection,
            serial: spec.serial,
            assembly: spec.assembly,
            locks: spec.locks,
            quarantined: spec.quarantined,
            failed_last: spec.failed_last,
            part: None,
        };
        if parts.len() < 2 {
            return vec![whole];
        }
        let count = parts.len() as u32;
        let part = |(number, (tests, time)): (u32, (Vec<String>, Millis))| SpecAdded {
            name: format!("{} (part {number} of {count})", whole.name),
            estimate: estimate.map(|estimate| Estimate { log_mean: (time.0.max(1) as f64).ln(), ..estimate }),
            expected_tests: Some(tests.clone()),
            part: Some(Part { of: whole.name.clone(), number, count, tests }),
            ..whole.clone()
        };
        (1..).zip(parts).map(part).collect()
    }

    /// The tests of each part of a spec that is worth splitting, with the time that the part is expected to take.
    fn parts_of(
        &self,
        group: &GroupSubmission,
        spec: &SpecSubmission,
        load: Load,
    ) -> Vec<(Vec<String>, Millis)> {
        let none = Vec::new();
        let wanted = group.policy.split && group.recipe.select.is_some() && !spec.whole;
        let alone = spec.carried.is_none() && spec.collection.is_none() && !spec.serial;
        let (Some(listed), true) = (&spec.expected_tests, wanted && alone && self.all_can_select(group))
        else {
            return none;
        };
        let Some(estimate) = Estimate::from_samples(&spec.history) else { return none };
        let expected = estimate.expected().0;
        let slots = u64::from(self.slots_for(group)).max(1);
        let share = (load.total / slots).max(load.typical);
        if listed.len() < 2 || expected * 10 <= share * 11 {
            return none;
        }
        let overhead = group.overhead.unwrap_or(Millis::ZERO).0.min(expected);
        let own = expected - overhead;
        // No part need be shorter than what each slot has to do anyway, nor than what its process costs.
        let useful = own / share.saturating_sub(overhead).max(overhead).max(1) + 1;
        let most = (listed.len() as u64).min(slots).min(self.config.bounds.parts as u64);
        let parts = useful.min(most);
        let gains = expected > own / parts.max(1) + 2 * overhead;
        if parts < 2 || !gains { none } else { divided(listed, &spec.tests, own, overhead, parts as usize) }
    }

    fn slots_for(&self, group: &GroupSubmission) -> u32 {
        let able = |worker: &&crate::live::Worker| group.requirements.unmet(&worker.capabilities).is_none();
        self.live.workers.values().filter(able).map(crate::live::Worker::offered).sum()
    }

    fn all_can_select(&self, group: &GroupSubmission) -> bool {
        let mut able = self
            .live
            .workers
            .values()
            .filter(|worker| group.requirements.unmet(&worker.capabilities).is_none());
        able.all(|worker| worker.capabilities.0.contains_key(ABLE))
    }
}

/// Divides tests into parts that take about equally long: the longest first, each to the part with least in it. Within a
/// part they keep their order. What is not known of is taken for an average test.
fn divided(
    listed: &[String],
    known: &[(String, Millis)],
    own: u64,
    overhead: u64,
    parts: usize,
) -> Vec<(Vec<String>, Millis)> {
    let known: BTreeMap<&str, u64> = known.iter().map(|(test, time)| (test.as_str(), time.0)).collect();
    let average = own / listed.len() as u64;
    let time = |test: &String| known.get(test.as_str()).copied().unwrap_or(average).max(1);
    let mut longest: Vec<usize> = (0..listed.len()).collect();
    longest.sort_by_key(|test| (Reverse(time(&listed[*test])), *test));
    let mut bins: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new()); parts];
    for test in longest {
        if let Some((sum, tests)) = bins.iter_mut().min_by_key(|(sum, tests)| (*sum, tests.len())) {
            *sum += time(&listed[test]);
            tests.push(test);
        }
    }
    // The tests' own times are scaled to what the spec takes beside its process.
    let total: u64 = bins.iter().map(|(sum, _)| *sum).sum::<u64>().max(1);
    let part = |(sum, mut tests): (u64, Vec<usize>)| {
        tests.sort_unstable();
        let tests = tests.into_iter().map(|test| listed[test].clone()).collect();
        (
            tests,
            Millis(
                u64::try_from(u128::from(own) * u128::from(sum) / u128::from(total)).unwrap_or(own)
                    + overhead,
            ),
        )
    };
    bins.into_iter().map(part).collect()
}
