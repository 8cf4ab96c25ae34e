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
    last: Count,
}

/// What the last count found.
#[derive(Clone, Copy, Debug)]
struct Count {
    at: Instant,
    cost: Duration,
    processes: u64,
    host_threads: u64,
}

/// Whether the tree should be counted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// No.
    Away,
    /// It is time for it.
    Routine,
    /// The limit may have been passed.
    Alarmed,
}

impl Guard {
    /// A watch that begins with the main process alone.
    pub(crate) fn new(limit: u32, started: Instant, host_threads: Option<u64>) -> Guard {
        let host_threads = host_threads.unwrap_or(0);
        Guard { limit, last: Count { at: started, cost: Duration::ZERO, processes: 1, host_threads } }
    }

    /// Where a count may end: it only matters that the limit is passed.
    pub(crate) fn enough(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX).saturating_add(1)
    }

    pub(crate) fn look(&self, now: Instant, host_threads: Option<u64>) -> Look {
        let last = self.last;
        let since = now.saturating_duration_since(last.at);
        let grown = host_threads.map_or(0, |threads| threads.saturating_sub(last.host_threads));
        let in_reach = last.processes.saturating_add(grown) > u64::from(self.limit);
        if in_reach && since >= last.cost * bounds::GUARD_ALARM_COST {
            return Look::Alarmed;
        }
        let calm = bounds::GUARD_WALK_INTERVAL.max(last.cost * bounds::GUARD_CALM_COST);
        if since >= calm { Look::Routine } else { Look::Away }
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
        self.last = Count { at, cost, processes, host_threads: host_threads.unwrap_or(0) };
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
    fn counts_on_growth_and_each_second() {
        let start = Instant::now();
        let mut guard = Guard::new(100, start, Some(900));
        // The main process and 99 more threads on the host fit below the limit, 100 may not.
        assert_eq!(guard.look(start + ms(50), Some(999)), Look::Away);
        assert_eq!(guard.look(start + ms(50), Some(1000)), Look::Alarmed);
        assert_eq!(guard.counted(start, ms(1), 40, Some(1000)), None);
        assert_eq!(guard.look(start + ms(50), Some(1060)), Look::Away);
        assert_eq!(guard.look(start + ms(50), Some(1061)), Look::Alarmed);
        assert_eq!(guard.look(start + ms(999), Some(900)), Look::Away);
        assert_eq!(guard.look(start + ms(1000), Some(900)), Look::Routine);
    }

    #[test]
    fn dear_counts_are_rarer() {
        let start = Instant::now();
        let mut guard = Guard::new(100, start, None);
        assert_eq!(guard.counted(start, ms(100), 40, None), None);
        assert_eq!(guard.look(start + ms(4999), None), Look::Away);
        assert_eq!(guard.look(start + ms(5000), None), Look::Routine);
        assert_eq!(guard.counted(start, ms(100), 100, Some(5)), None);
        assert_eq!(guard.look(start + ms(499), Some(500)), Look::Away);
        assert_eq!(guard.look(start + ms(500), Some(500)), Look::Alarmed);
    }

    #[test]
    fn more_than_the_limit_is_too_much() {
        let now = Instant::now();
        let mut guard = Guard::new(3, now, None);
        assert_eq!(guard.enough(), 4);
        assert_eq!(guard.counted(now, ms(0), 3, None), None);
        assert_eq!(guard.counted(now, ms(0), 4, None), Some(4));
        assert_eq!(Guard::new(u32::MAX, now, None).enough(), 1 << 32);
    }
}
