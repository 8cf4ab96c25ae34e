//! How much something on the host waited for a CPU.

use std::time::Instant;

/// Where Linux tells it.
const PRESSURE: &str = "/proc/pressure/cpu";

/// A look at the host's pressure, from which the share of the time since then follows.
pub(crate) struct CpuWait {
    at: Instant,
    /// Microseconds in which something waited, since the host started.
    waited: u64,
}

impl CpuWait {
    /// Begins to measure; none where the host does not tell.
    pub(crate) fn begin() -> Option<CpuWait> {
        Some(CpuWait { at: Instant::now(), waited: waited()? })
    }

    /// The share of the time since then in which something waited for a CPU, in thousandths.
    pub(crate) fn share(&self) -> Option<u32> {
        share(waited()?.checked_sub(self.waited)?, self.at.elapsed().as_micros() as u64)
    }
}

fn waited() -> Option<u64> {
    total(&std::fs::read_to_string(PRESSURE).ok()?)
}

/// `some avg10=0.05 avg60=1.05 avg300=1.14 total=12812164846`: the last number.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    line.split_whitespace().find_map(|word| word.strip_prefix("total=")?.parse().ok())
}

fn share(waited_micros: u64, micros: u64) -> Option<u32> {
    // The kernel adds up in steps: over a very short time it may seem to have waited longer than it took.
    let share = waited_micros.checked_mul(1000)?.checked_div(micros)?.min(1000);
    u32::try_from(share).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_follows_from_two_looks() {
        let text = "some avg10=0.05 avg60=1.05 avg300=1.14 total=12812164846\nfull avg10=0.00 total=7\n";
        assert_eq!(total(text), Some(12_812_164_846));
        assert_eq!(["", "full total=7", "some avg10=1", "some total=x"].map(total), [None; 4]);
        let table =
            [(0, 10, Some(0)), (5, 10, Some(500)), (20, 10, Some(1000)), (1, 0, None), (u64::MAX, 1, None)];
        for (waited, micros, expected) in table {
            assert_eq!(share(waited, micros), expected, "{waited} of {micros}");
        }
        if std::path::Path::new(PRESSURE).exists() {
            assert!(CpuWait::begin().and_then(|begun| begun.share()).is_some_and(|share| share <= 1000));
        }
    }
}
