//! Watching the number of processes of an attempt, at a price that stays unnoticed.
//!
//! Counting a tree means reading a file per thread of it, which for a browser takes milliseconds. So
//! every [`bounds::GUARD_INTERVAL`] one small read tells how many threads the host has; the tree is
//! counted when that has grown enough for the limit to be within reach, and about once a second anyway.

use std::time::{Duration, Instant};

use super::bounds;

/// The watch over one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    limit: u32,
    last: Option<Count>,
}

/// What the last count found.
#[derive(Clone, Copy, Debug)]
struct Count {
    at: Instant,
    cost: Duration,
    processes: u64,
    host_threads: u64,
}

impl Guard {
    pub(crate) fn new(limit: u32) -> Guard {
        Guard { limit, last: None }
    }

    /// Where a count may end: it only matters that the limit is passed.
    pub(crate) fn enough(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// Whether the tree should be counted now.
    pub(crate) fn wants_count(&self, now: Instant, host_threads: Option<u64>) -> bool {
        let Some(last) = self.last else { return true };
        let since = now.saturating_duration_since(last.at);
        let calm = bounds::GUARD_WALK_INTERVAL.max(last.cost * bounds::GUARD_CALM_COST);
        let alarmed = last.cost * bounds::GUARD_ALARM_COST;
        let grown = host_threads.map_or(0, |threads| threads.saturating_sub(last.host_threads));
        let in_reach = last.processes.saturating_add(grown) > u64::from(self.limit);
        since >= calm || (in_reach && since >= alarmed)
    }

    /// Takes note of a count; says whether it is too much.
    pub(crate) fn counted(
        &mut self,
        at: Instant,
        cost: Duration,
        processes: usize,
        host_threads: Option<u64>,
    ) -> Option<u32> {
        let processes = u64::try_from(processes).unwrap_or(u64::MAX);
        self.last = Some(Count { at, cost, processes, host_threads: host_threads.unwrap_or(0) });
        let too_many = processes > u64::from(self.limit);
        too_many.then(|| u32::try_from(processes).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn counts_first_then_on_growth_then_each_second() {
        let start = Instant::now();
        let mut guard = Guard::new(100);
        assert!(guard.wants_count(start, Some(1000)));
        assert_eq!(guard.counted(start, ms(1), 40, Some(1000)), None);
        // 60 more threads on the host still fit below the limit, 61 may not.
        assert!(!guard.wants_count(start + ms(50), Some(1060)));
        assert!(guard.wants_count(start + ms(50), Some(1061)));
        assert!(!guard.wants_count(start + ms(999), Some(900)));
        assert!(guard.wants_count(start + ms(1000), Some(900)));
    }

    #[test]
    fn dear_counts_are_rarer() {
        let start = Instant::now();
        let mut guard = Guard::new(100);
        assert_eq!(guard.counted(start, ms(100), 40, None), None);
        assert!(!guard.wants_count(start + ms(4999), None));
        assert!(guard.wants_count(start + ms(5000), None));
        assert_eq!(guard.counted(start, ms(100), 100, Some(5)), None);
        assert!(!guard.wants_count(start + ms(499), Some(500)));
        assert!(guard.wants_count(start + ms(500), Some(500)));
    }

    #[test]
    fn more_than_the_limit_is_too_much() {
        let mut guard = Guard::new(3);
        assert_eq!(guard.enough(), 4);
        assert_eq!(guard.counted(Instant::now(), ms(0), 3, None), None);
        assert_eq!(guard.counted(Instant::now(), ms(0), 4, None), Some(4));
        assert_eq!(Guard::new(u32::MAX).enough(), 1 << 32);
    }
}
