//! The leader's clock: wall time at its start, carried on by the monotonic clock, so that it never goes back.

use part_core::Timestamp;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Timestamp,
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { origin: Timestamp(since_epoch.as_millis() as u64), started: Instant::now() }
    }

    /// A clock that is at least at `floor`, for ledgers written while the wall clock was ahead of where it is now.
    pub(crate) fn not_before(self, floor: Timestamp) -> Clock {
        Clock { origin: self.origin.max(floor), ..self }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.origin.0 + self.started.elapsed().as_millis() as u64)
    }

    /// The instant at which this clock shows `at`.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.started + std::time::Duration::from_millis(at.since(self.origin).0)
    }
}
