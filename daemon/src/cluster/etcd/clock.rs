//! A clock for the deadlines of leases: it also counts the time that the machine sleeps, because etcd's does.
//!
//! On Linux `CLOCK_BOOTTIME`; on macOS `CLOCK_MONOTONIC`, which counts sleep there (its clock that does not is another
//! one). tokio's timers do not count sleep, so whoever waits for a moment of this clock wakes up every few seconds to look.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// A moment: the time since an origin that never changes while the machine is up.
pub(super) type Moment = Duration;

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Now.
pub(super) fn now() -> Moment {
    let time = clock_gettime(CLOCK);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}
