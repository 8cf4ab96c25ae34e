//! Bounds of what people write in part.toml and on the command line, in one place, with their reasons.

use part_core::Millis;

/// Bytes of a lock's name: it is shown in one line beside others.
pub(crate) const LOCK_NAME_BYTES: usize = 128;
/// Permits of a lock: a lock that so many specs may hold holds nothing back.
pub(crate) const LOCK_PERMITS: u32 = 10_000;
/// Locks of one spec: the scheduler looks at each whenever it looks at the spec.
pub(crate) const LOCKS_PER_SPEC: usize = 16;
/// Sections `[[….rules]]` of one suite or group: each is tried on every spec.
pub(crate) const RULES: usize = 1000;
/// The smallest limit as a multiple of the forecast, in hundredths: half of all attempts take longer than forecast.
pub(crate) const LEAST_TIMES: u32 = 100;
/// The largest limit as a multiple of the forecast, in hundredths: beyond it the plain limit is meant.
pub(crate) const MOST_TIMES: u32 = 100_000;
/// A run's weight: shares finer than a thousandth are nobody's wish.
pub(crate) const WEIGHT: u32 = 1000;
/// A run's priority, up and down.
pub(crate) const PRIORITY: i32 = 1000;
/// Retries of a whole run: as many as it may have specs.
pub(crate) const RETRY_BUDGET: u32 = 1_000_000;
/// How long a quiet run may stay open, and how long specs may wait for a worker: a day, after which nobody waits.
pub(crate) const LONGEST_WAIT: Millis = Millis::seconds(24 * 3600);
/// How long a quiet run that others may join stays open, where nobody says: jobs of one pipeline start within it.
pub(crate) const COMPLETION_DELAY: Millis = Millis::seconds(60);
