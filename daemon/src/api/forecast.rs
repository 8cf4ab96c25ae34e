//! What earlier runs say about the specs of a submission. Pure; `history.rs` reads it from the store.

use crate::bounds;
use part_core::{AttemptVerdict, Estimate, Millis, Sample, SpecSubmission, Timestamp};
use part_store::{Measured, SpecHistory};

/// The newest moment in the histories of a suite.
pub(super) fn newest<'a>(histories: impl IntoIterator<Item = &'a SpecHistory>) -> Timestamp {
    let samples = histories.into_iter().flat_map(|history| &history.samples);
    samples.map(|measured| measured.sample.at).max().unwrap_or_default()
}

/// Leaves out what is too old beside the newest of its suite.
pub(super) fn keep_recent(histories: &mut [SpecHistory], newest: Timestamp) {
    for history in histories {
        history.samples.retain(|measured| newest.since(measured.sample.at) <= bounds::HISTORY_AGE);
    }
}

/// Fills in what a spec's own history says.
pub(super) fn fill_in(spec: &mut SpecSubmission, history: &SpecHistory) {
    spec.history = samples(history);
    spec.failed_last = history.last.is_some_and(|verdict| verdict != AttemptVerdict::Passed);
}

pub(super) fn samples(history: &SpecHistory) -> Vec<Sample> {
    history.samples.iter().map(|measured| measured.sample).collect()
}

/// What a process costs beside its tests, by processes that ran one spec and said how long its tests took: the median,
/// since a spec that was measured badly once must not decide it. None where nobody said.
pub(super) fn overhead(histories: &[SpecHistory]) -> Option<Millis> {
    let alone = histories.iter().flat_map(|history| &history.samples).filter(|measured| !measured.batched);
    let own = |measured: &Measured| Some(measured.sample.duration - measured.sample.tests?);
    let mut overheads: Vec<Millis> = alone.filter_map(own).collect();
    overheads.sort_unstable();
    overheads.get(overheads.len() / 2).copied()
}

/// How much longer specs take in one class than in another: the median over those known in both; none where none is.
fn ratio(own: &[SpecHistory], other: &[SpecHistory]) -> Option<f64> {
    let expected = |history| Some(Estimate::from_samples(&samples(history))?.expected().0 as f64);
    let both = own.iter().zip(other).filter_map(|(own, other)| Some(expected(own)? / expected(other)?));
    let mut ratios: Vec<f64> = both.collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied()
}

/// For each spec without a history in its own class, the samples of the class that saw it last, as long as they would
/// be in its own. `others` holds the histories of the same specs in other classes.
pub(super) fn borrowed(own: &[SpecHistory], others: &[Vec<SpecHistory>]) -> Vec<Vec<Sample>> {
    let ratios: Vec<(&Vec<SpecHistory>, f64)> =
        others.iter().filter_map(|other| Some((other, ratio(own, other)?))).collect();
    let borrow = |(place, history): (usize, &SpecHistory)| {
        if !history.samples.is_empty() {
            return Vec::new();
        }
        let of_spec = ratios.iter().filter_map(|(other, ratio)| {
            let samples = samples(other.get(place)?);
            Some((samples.last()?.at, *ratio, samples))
        });
        let latest = of_spec.max_by_key(|(at, ..)| *at);
        latest.map_or_else(Vec::new, |(_, ratio, samples)| samples.iter().map(|s| scaled(s, ratio)).collect())
    };
    own.iter().enumerate().map(borrow).collect()
}

fn scaled(sample: &Sample, ratio: f64) -> Sample {
    let scale = |time: Millis| Millis((time.0 as f64 * ratio).round() as u64);
    Sample { at: sample.at, duration: scale(sample.duration), tests: sample.tests.map(scale) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(samples: &[(u64, u64)]) -> SpecHistory {
        let measured = |(at, ms): &(u64, u64)| Measured {
            sample: Sample { at: Timestamp(*at), duration: Millis(*ms), tests: None },
            batched: false,
        };
        SpecHistory { samples: samples.iter().map(measured).collect(), last: None }
    }

    fn durations(samples: &[Sample]) -> Vec<u64> {
        samples.iter().map(|sample| sample.duration.0).collect()
    }

    #[test]
    fn what_is_old_beside_its_suite_is_left_out() {
        let age = bounds::HISTORY_AGE.0;
        let mut histories = [history(&[(1, 10), (2 + age, 20)]), history(&[(1, 30)]), history(&[(3, 40)])];
        let newest = newest(&histories);
        assert_eq!(newest, Timestamp(2 + age));
        keep_recent(&mut histories, newest);
        let kept: Vec<usize> = histories.iter().map(|history| history.samples.len()).collect();
        assert_eq!(kept, [1, 0, 1]);
    }

    #[test]
    fn failures_of_the_spec_itself_count_as_such() {
        let table = [
            (None, false),
            (Some(AttemptVerdict::Passed), false),
            (Some(AttemptVerdict::Failed), true),
            (Some(AttemptVerdict::Crashed), true),
            (Some(AttemptVerdict::TimedOut), true),
        ];
        for (last, failed) in table {
            let mut spec = SpecSubmission::default();
            fill_in(&mut spec, &SpecHistory { last, ..history(&[(1, 5)]) });
            assert_eq!((spec.failed_last, spec.history.len()), (failed, 1), "{last:?}");
        }
    }

    #[test]
    fn an_unknown_spec_borrows_from_the_class_that_saw_it_last() {
        // In class A everything takes twice as long as here but for one odd spec, in B half as long; C shares nothing.
        let own =
            [history(&[(1, 100)]), history(&[(1, 300)]), history(&[(1, 50)]), history(&[]), history(&[])];
        let a = vec![
            history(&[(1, 200)]),
            history(&[(1, 600)]),
            history(&[(1, 9000)]),
            history(&[(5, 400), (6, 400)]),
            history(&[]),
        ];
        let b = vec![history(&[(1, 50)]), history(&[]), history(&[]), history(&[(9, 70)]), history(&[])];
        let c = vec![history(&[]), history(&[]), history(&[]), history(&[(99, 1)]), history(&[(99, 1)])];
        let lent = |others: &[Vec<SpecHistory>]| -> Vec<Vec<u64>> {
            borrowed(&own, others).iter().map(|samples| durations(samples)).collect()
        };
        assert_eq!(lent(&[a.clone(), c.clone()]), [vec![], vec![], vec![], vec![200, 200], vec![]]);
        assert_eq!(lent(&[a, b, c]), [vec![], vec![], vec![], vec![140], vec![]]);
        assert_eq!(lent(&[]), vec![Vec::<u64>::new(); 5]);
    }

    #[test]
    fn the_overhead_is_what_is_left_of_processes_of_their_own() {
        let measured = |ms, tests: u64, batched| Measured {
            sample: Sample { at: Timestamp(1), duration: Millis(ms), tests: Some(Millis(tests)) },
            batched,
        };
        let samples = vec![
            measured(1000, 700, false),
            measured(1000, 720, false),
            measured(5000, 10, false),
            measured(30, 10, true),
        ];
        let histories = [history(&[(1, 10)]), SpecHistory { samples, last: None }];
        assert_eq!(overhead(&histories), Some(Millis(300)));
        assert_eq!(overhead(&histories[..1]), None);
        // Tests that run beside each other take longer together than their process.
        let beside = SpecHistory { samples: vec![measured(100, 400, false)], last: None };
        assert_eq!(overhead(&[beside]), Some(Millis::ZERO));
    }
}
