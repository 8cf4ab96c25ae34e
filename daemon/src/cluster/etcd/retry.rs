//! When to try again after a failure.

use super::clock::Moment;
use crate::bounds;

/// Failures in a row, and when to try again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retry {
    failures: u32,
    at: Moment,
}

impl Retry {
    /// It failed at `now`: later and later, with a part of chance (`roll`), so that not all daemons come at once.
    pub(super) fn failed(&mut self, now: Moment, roll: u64) {
        let doubled = bounds::ETCD_RETRY_FIRST.saturating_mul(1 << self.failures.min(16));
        let longest = doubled.min(bounds::ETCD_RETRY_SLOWEST);
        self.failures = self.failures.saturating_add(1);
        let half = longest / 2;
        self.at = now + half + part_of(half, roll);
    }

    /// It went well.
    pub(super) fn clear(&mut self) {
        *self = Retry::default();
    }

    /// The next try is not before this.
    pub(super) fn at(&self) -> Moment {
        self.at
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

/// A share of a time, by chance.
pub(super) fn part_of(time: std::time::Duration, roll: u64) -> std::time::Duration {
    time.mul_f64((roll % 1024) as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::Retry;
    use crate::bounds;
    use std::time::Duration;

    #[test]
    fn waits_longer_and_longer_up_to_a_bound() {
        let mut retry = Retry::default();
        let now = Duration::from_secs(100);
        let mut before = Duration::ZERO;
        for _ in 0..40 {
            retry.failed(now, 1023);
            let wait = retry.at() - now;
            assert!(wait >= before && wait <= bounds::ETCD_RETRY_SLOWEST, "{wait:?} after {before:?}");
            before = wait;
        }
        assert!(before > bounds::ETCD_RETRY_SLOWEST.mul_f64(0.9));
        retry.failed(now, 0);
        assert_eq!(retry.at() - now, bounds::ETCD_RETRY_SLOWEST / 2, "chance halves it at most");
        retry.clear();
        assert_eq!((retry.failures(), retry.at()), (0, Duration::ZERO));
    }
}
