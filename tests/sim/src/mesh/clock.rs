//! Clocks of hosts: each runs at its own rate, and its wall time is off and jumps.

use part_core::Timestamp;

/// One host's clocks, as functions of the world's time.
#[derive(Clone, Debug)]
pub(super) struct HostClock {
    /// How far the monotonic clock gets in a million true milliseconds.
    rate: u64,
    /// Wall time at the world's beginning.
    wall: u64,
}

/// A reading of a host's monotonic clock.
pub(super) type Mono = Timestamp;

impl HostClock {
    pub(super) fn new(rate: u64, wall: u64) -> HostClock {
        HostClock { rate, wall }
    }

    pub(super) fn mono(&self, now: Timestamp) -> Mono {
        Timestamp(now.0 * self.rate / 1_000_000)
    }

    /// The first moment at which the monotonic clock shows `at`.
    pub(super) fn when(&self, at: Mono) -> Timestamp {
        Timestamp((at.0 * 1_000_000).div_ceil(self.rate))
    }

    pub(super) fn wall(&self, now: Timestamp) -> Timestamp {
        Timestamp(self.wall + self.mono(now).0)
    }

    /// Somebody sets the wall clock.
    pub(super) fn set_wall(&mut self, wall: u64) {
        self.wall = wall;
    }
}

/// A leader's clock, as in `daemon/src/clock.rs`: wall time at its start carried on by the monotonic clock, and never
/// behind what is recorded already.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeriodClock {
    origin: Timestamp,
    started: Mono,
}

impl PeriodClock {
    pub(super) fn start(clock: &HostClock, now: Timestamp, not_before: Timestamp) -> PeriodClock {
        PeriodClock { origin: clock.wall(now).max(not_before), started: clock.mono(now) }
    }

    pub(super) fn now(&self, mono: Mono) -> Timestamp {
        self.origin + mono.since(self.started)
    }

    /// The reading of the monotonic clock at which this clock shows `at`.
    pub(super) fn mono_at(&self, at: Timestamp) -> Mono {
        self.started + at.since(self.origin)
    }
}
