//! The leader's clock as seen from here: elapsed times are shown by it, because events carry its time.

use part_core::Timestamp;

/// Estimates how far the client's clock is ahead of the leader's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeaderClock {
    /// The smallest difference seen on events that were sent as they happened.
    live: Option<i64>,
    /// The smallest difference seen on any event; only its negative part means anything.
    replayed: Option<i64>,
}

impl LeaderClock {
    /// An event of this time arrived now; `live` when it was sent as it happened, not from the past.
    pub(crate) fn observe(&mut self, at: Timestamp, now: Timestamp, live: bool) {
        let ahead = difference(now, at);
        let slot = if live { &mut self.live } else { &mut self.replayed };
        *slot = Some(slot.map_or(ahead, |least| least.min(ahead)));
    }

    /// The leader's time when it is `now` here.
    pub(crate) fn at(&self, now: Timestamp) -> Timestamp {
        let ahead = self.live.unwrap_or_else(|| self.replayed.unwrap_or(0).min(0));
        Timestamp(now.0.saturating_add_signed(ahead.saturating_neg()))
    }
}

fn difference(later: Timestamp, earlier: Timestamp) -> i64 {
    i64::try_from(i128::from(later.0) - i128::from(earlier.0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_events_tell_the_difference_and_old_ones_only_a_clock_that_is_behind() {
        let mut clock = LeaderClock::default();
        assert_eq!(clock.at(Timestamp(500)), Timestamp(500));
        // An old event says nothing, but one from the future shows that this clock is behind.
        clock.observe(Timestamp(100), Timestamp(5000), false);
        assert_eq!(clock.at(Timestamp(5000)), Timestamp(5000));
        clock.observe(Timestamp(5300), Timestamp(5000), false);
        assert_eq!(clock.at(Timestamp(5000)), Timestamp(5300));
        // Live events: the quickest one counts.
        clock.observe(Timestamp(4000), Timestamp(6040), true);
        clock.observe(Timestamp(5000), Timestamp(7005), true);
        assert_eq!(clock.at(Timestamp(8005)), Timestamp(6000));
    }
}
