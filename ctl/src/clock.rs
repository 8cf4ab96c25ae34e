//! The only place that reads the time of day.

use part_core::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in Unix milliseconds.
pub(crate) fn now() -> Timestamp {
    // A clock before 1970 shows wrong dates; nothing depends on them.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
