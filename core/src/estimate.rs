//! Forecasts of how long a spec will take, from how long it took before.

use crate::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// One duration from the history of a spec on one capability class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When the attempt ended.
    pub at: Timestamp,
    /// How long it held its slot, on a worker of usual speed.
    pub duration: Millis,
    /// How long its tests took by themselves; none where they did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Millis>,
}

/// A forecast: a log-normal centre and spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Natural logarithm of the expected duration in milliseconds.
    pub log_mean: f64,
    /// Smoothed absolute deviation of the logarithm: 0.1 means about ten per cent.
    pub log_spread: f64,
    /// How many samples it rests on.
    pub samples: u32,
    /// The newest sample, in milliseconds; none in ledgers of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<u64>,
}

/// Weight of the newest sample. Makespans on recorded suites hardly depend on it between 0.3 and 0.5.
const NEWEST_WEIGHT: f64 = 0.4;
/// What one sample alone is taken to be off by.
const FIRST_SPREAD: f64 = 0.3;

impl Estimate {
    /// Smooths samples, given oldest first; none when there are none.
    pub fn from_samples(samples: &[Sample]) -> Option<Estimate> {
        let (first, rest) = samples.split_first()?;
        let mut estimate =
            Estimate { log_mean: log_of(first.duration), log_spread: FIRST_SPREAD, samples: 1, newest: None };
        for sample in rest {
            let value = log_of(sample.duration);
            let off = (value - estimate.log_mean).abs();
            estimate.log_spread += NEWEST_WEIGHT * (off - estimate.log_spread);
            estimate.log_mean += NEWEST_WEIGHT * (value - estimate.log_mean);
            estimate.samples += 1;
        }
        estimate.newest = samples.last().map(|sample| sample.duration.0);
        Some(estimate)
    }

    /// What a spec is queued by: it may take as long as it did last time, and to start it too early costs little.
    pub(crate) fn weight(&self) -> u64 {
        self.expected().0.max(self.newest.unwrap_or(0))
    }

    /// The expected duration.
    pub fn expected(&self) -> Millis {
        Millis(self.log_mean.exp().round().clamp(1.0, 1e12) as u64)
    }
}

fn log_of(duration: Millis) -> f64 {
    (duration.0.max(1) as f64).ln()
}

/// How far a forecast was off, as a factor of 1 or more: 1.25 means a quarter too long or too short.
pub(crate) fn error_factor(forecast: Millis, actual: Millis) -> f64 {
    (log_of(forecast) - log_of(actual)).abs().exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(durations: &[u64]) -> Vec<Sample> {
        durations
            .iter()
            .enumerate()
            .map(|(at, ms)| Sample { at: Timestamp(at as u64), duration: Millis(*ms), tests: None })
            .collect()
    }

    #[test]
    fn steady_history_is_forecast_exactly_and_trusted_more() {
        let once = Estimate::from_samples(&samples(&[2000])).expect("one sample");
        let often = Estimate::from_samples(&samples(&[2000; 8])).expect("eight samples");
        assert_eq!((once.expected(), often.expected()), (Millis(2000), Millis(2000)));
        assert!(often.log_spread < once.log_spread / 10.0);
        assert_eq!(Estimate::from_samples(&[]), None);
    }

    proptest! {
        #[test]
        fn a_forecast_lies_within_its_samples(durations in prop::collection::vec(1u64..10_000_000, 1..20)) {
            let expected = Estimate::from_samples(&samples(&durations)).expect("not empty").expected().0;
            let (low, high) = (durations.iter().min().expect("one"), durations.iter().max().expect("one"));
            prop_assert!(expected + 1 >= *low && expected <= high + 1);
        }

        #[test]
        fn recent_samples_win(old in 1u64..100_000, new in 1u64..100_000) {
            let mut durations = vec![old; 5];
            durations.extend([new; 12]);
            let expected = Estimate::from_samples(&samples(&durations)).expect("some").expected();
            prop_assert!(error_factor(expected, Millis(new)) < 1.05);
        }
    }
}
