//! Our lease, and until when it surely lives.

use super::clock::Moment;
use crate::bounds;
use std::time::Duration;

/// A lease that etcd gave us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) id: i64,
    pub(super) ttl: Duration,
    /// Until then it surely lives: counted from when the last answered keep-alive was sent, less a margin.
    good_until: Moment,
    /// True once that moment had passed without an answer, until one comes.
    lapsed: bool,
}

impl Lease {
    /// A lease of this time to live, asked for at `sent`.
    pub(super) fn new(id: i64, ttl: Duration, sent: Moment) -> Lease {
        Lease { id, ttl, good_until: sent + surely(ttl), lapsed: false }
    }

    /// A keep-alive was answered that had been sent at `sent`. True when the lease is well again after it had lapsed.
    pub(super) fn acked(&mut self, ttl: Duration, sent: Moment, now: Moment) -> bool {
        self.ttl = ttl;
        self.good_until = self.good_until.max(sent + surely(ttl));
        let healed = self.lapsed && now < self.good_until;
        self.lapsed &= !healed;
        healed
    }

    /// Looks at the clock. True when the lease lapsed just now.
    pub(super) fn look(&mut self, now: Moment) -> bool {
        let lapses = !self.lapsed && now >= self.good_until;
        self.lapsed |= lapses;
        lapses
    }

    /// True while the lease surely lives.
    pub(super) fn is_good(&self, now: Moment) -> bool {
        !self.lapsed && now < self.good_until
    }

    /// Until when that holds if nothing comes in.
    pub(super) fn good_until(&self) -> Moment {
        self.good_until
    }
}

/// The part of a time to live in which the lease surely lives.
fn surely(ttl: Duration) -> Duration {
    ttl - bounds::ETCD_MARGIN.min(ttl / 4)
}

/// How often a lease is kept alive.
pub(super) fn beat(ttl: Duration) -> Duration {
    (ttl / 6).min(bounds::ETCD_BEAT)
}

/// How soon etcd must answer.
pub(super) fn patience(ttl: Duration) -> Duration {
    (ttl / 3).min(bounds::ETCD_CALL)
}

#[cfg(test)]
mod tests {
    use super::{Lease, beat, patience};
    use std::time::Duration;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_deadline_counts_from_the_sending_less_a_margin() {
        for (ttl, sent, good_until) in
            [(10_000, 500, 9_500), (300_000, 0, 299_000), (3_000, 0, 2_250), (2_000, 100, 1_600)]
        {
            let lease = Lease::new(1, ms(ttl), ms(sent));
            assert_eq!(lease.good_until(), ms(good_until), "a lease of {ttl} ms");
            assert!(lease.is_good(ms(good_until - 1)) && !lease.is_good(ms(good_until)));
        }
    }

    #[test]
    fn a_lapse_is_told_once_and_only_a_fresh_answer_heals_it() {
        let mut lease = Lease::new(1, ms(3_000), ms(0));
        assert!(!lease.look(ms(2_249)));
        assert!(lease.look(ms(2_250)));
        assert!(!lease.look(ms(2_300)), "told once");
        assert!(!lease.acked(ms(3_000), ms(100), ms(2_400)), "sent so long ago that it says nothing");
        assert!(!lease.is_good(ms(2_340)), "what lapsed is not good by a clock that is looked at later");
        assert!(lease.acked(ms(3_000), ms(2_400), ms(2_500)));
        assert!(lease.is_good(ms(2_600)));
    }

    #[test]
    fn an_answer_that_comes_late_never_shortens() {
        let mut lease = Lease::new(1, ms(3_000), ms(1_000));
        lease.acked(ms(3_000), ms(500), ms(1_100));
        assert_eq!(lease.good_until(), ms(3_250));
    }

    #[test]
    fn beats_and_patience_follow_the_time_to_live() {
        for (ttl, between, patient) in
            [(2_000, 333, 666), (3_000, 500, 1_000), (10_000, 1_666, 1_000), (300_000, 2_000, 1_000)]
        {
            assert_eq!((beat(ms(ttl)).as_millis(), patience(ms(ttl)).as_millis()), (between, patient));
        }
    }
}
