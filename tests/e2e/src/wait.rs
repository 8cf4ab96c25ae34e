//! Waiting for what other processes do. There is nothing to be woken by, so it is looked at again and again.

use crate::Trouble;
use std::time::{Duration, Instant, SystemTime};

/// Longer than anything that is not slow on purpose takes on a crowded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(25);

/// Looks until there is something, for so long at most.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>, Trouble>,
) -> Result<T, Trouble> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begun.elapsed() > limit {
            return Err(Trouble(format!("waited {limit:?} in vain until {what}")));
        }
        nap(LOOK);
    }
}

/// Lets time pass, where the passing of time is the scenario: a freeze that must outlast a lease, the gap between two
/// kills.
pub fn nap(time: Duration) {
    let until = Instant::now() + time;
    while let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
        std::thread::park_timeout(rest);
    }
}

/// The wall clock, Unix milliseconds: what the daemons stamp their events with.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
