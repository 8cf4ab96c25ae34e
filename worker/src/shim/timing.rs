//! When something is due in an attempt, and what. Pure: time comes in as an argument.

use std::time::{Duration, Instant};

use super::protocol::Limits;

/// What can fall due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The grace after SIGTERM, or an order to kill.
    Kill,
    /// The grace for processes that outlived the main one.
    Leaks,
    /// The time limit.
    Timeout,
    /// The limit for silence.
    Idle,
    /// Another look at the number of processes.
    Guard,
}

/// The clocks of one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    timeout: Option<Instant>,
    idle_limit: Option<Duration>,
    last_output: Instant,
    leak_grace: Duration,
    main_ended: Option<Instant>,
    kill_at: Option<Instant>,
    guard_at: Option<Instant>,
}

impl Timing {
    pub(crate) fn new(limits: &Limits, started: Instant, guard_at: Option<Instant>) -> Timing {
        Timing {
            // A limit beyond what the clock can hold is no limit.
            timeout: limits.timeout_ms.and_then(|ms| started.checked_add(Duration::from_millis(ms))),
            idle_limit: limits.idle_timeout_ms.map(Duration::from_millis),
            last_output: started,
            leak_grace: Duration::from_millis(limits.leak_grace_ms),
            main_ended: None,
            kill_at: None,
            guard_at,
        }
    }

    pub(crate) fn output_seen(&mut self, now: Instant) {
        self.last_output = now;
    }

    pub(crate) fn main_ended(&mut self, now: Instant) {
        self.main_ended = Some(now);
    }

    pub(crate) fn guard_again(&mut self, at: Instant) {
        self.guard_at = Some(at);
    }

    /// Sets the time of the kill; an earlier one stands.
    pub(crate) fn kill_by(&mut self, at: Instant) {
        self.kill_at = Some(self.kill_at.map_or(at, |before| before.min(at)));
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.kill_at.is_some()
    }

    /// What falls due next, and when. Where the clock cannot hold the moment, it never comes.
    pub(crate) fn next(&self) -> Option<(Instant, Due)> {
        let kill = self.kill_at.map(|at| (at, Due::Kill));
        let leaks = self.main_ended.and_then(|at| at.checked_add(self.leak_grace)).map(|at| (at, Due::Leaks));
        // The limits of an attempt end with its main process, or with the decision to stop it.
        let limited = self.main_ended.is_none() && self.kill_at.is_none();
        let idle = || self.idle_limit.and_then(|limit| self.last_output.checked_add(limit));
        let timeout = self.timeout.filter(|_| limited).map(|at| (at, Due::Timeout));
        let idle = if limited { idle() } else { None }.map(|at| (at, Due::Idle));
        let guard = self.guard_at.filter(|_| self.kill_at.is_none()).map(|at| (at, Due::Guard));
        // `min_by_key` keeps the first of equals, so the list is in order of importance.
        [kill, leaks, timeout, idle, guard].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// What is due by now.
    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        self.next().filter(|(at, _)| *at <= now).map(|(_, due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(timeout_ms: Option<u64>, idle_timeout_ms: Option<u64>) -> (Timing, Instant) {
        let limits = Limits { timeout_ms, idle_timeout_ms, leak_grace_ms: 2000, ..Limits::default() };
        let start = Instant::now();
        (Timing::new(&limits, start, None), start)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn without_limits_nothing_falls_due() {
        let (timing, _) = timing(None, None);
        assert_eq!(timing.next(), None);
    }

    #[test]
    fn absurd_limits_do_no_harm() {
        let (mut timing, start) = timing(Some(u64::MAX), Some(u64::MAX));
        let century = start + Duration::from_secs(100 * 365 * 86400);
        assert_eq!(timing.due(century), None);
        timing.output_seen(century);
        assert_eq!(timing.due(century), None);
    }

    #[test]
    fn output_puts_off_the_idle_limit_only() {
        let (mut timing, start) = timing(Some(100), Some(30));
        assert_eq!(timing.due(start + ms(29)), None);
        assert_eq!(timing.due(start + ms(30)), Some(Due::Idle));
        timing.output_seen(start + ms(20));
        assert_eq!(timing.next(), Some((start + ms(50), Due::Idle)));
        timing.output_seen(start + ms(99));
        assert_eq!(timing.due(start + ms(100)), Some(Due::Timeout));
    }

    #[test]
    fn the_time_limit_goes_before_the_idle_limit() {
        let (timing, start) = timing(Some(30), Some(30));
        assert_eq!(timing.due(start + ms(30)), Some(Due::Timeout));
    }

    #[test]
    fn after_the_main_process_only_leaks_count() {
        let (mut timing, start) = timing(Some(100), Some(30));
        timing.main_ended(start + ms(10));
        assert_eq!(timing.next(), Some((start + ms(2010), Due::Leaks)));
    }

    #[test]
    fn stopping_suspends_limits_and_takes_the_earliest_kill() {
        let (mut timing, start) = timing(Some(100), None);
        timing.guard_again(start + ms(1));
        timing.kill_by(start + ms(500));
        timing.kill_by(start + ms(900));
        assert!(timing.is_stopping());
        assert_eq!(timing.next(), Some((start + ms(500), Due::Kill)));
        timing.kill_by(start + ms(50));
        assert_eq!(timing.due(start + ms(50)), Some(Due::Kill));
    }

    #[test]
    fn leaks_end_a_stop_early() {
        let (mut timing, start) = timing(None, None);
        timing.kill_by(start + ms(10_000));
        timing.main_ended(start + ms(100));
        assert_eq!(timing.next(), Some((start + ms(2100), Due::Leaks)));
    }
}
