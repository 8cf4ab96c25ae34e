//! Forecast durations of the specs that wait, kept up to date event by event so that an ETA costs no scan.

use part_core::Millis;
use std::collections::BTreeMap;

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// How many specs wait with a forecast of so many milliseconds.
    known: BTreeMap<u64, u32>,
    total: u64,
    unknown: u32,
    /// Attempts that ended in this run and their slot time: what an unknown spec may be compared with.
    ended: u64,
    ended_time: u64,
}

impl Backlog {
    /// A spec waits.
    pub(super) fn add(&mut self, expected: Option<Millis>) {
        match expected {
            Some(Millis(expected)) => {
                *self.known.entry(expected).or_default() += 1;
                self.total = self.total.saturating_add(expected);
            }
            None => self.unknown += 1,
        }
    }

    /// A spec waits no longer.
    pub(super) fn remove(&mut self, expected: Option<Millis>) {
        match expected {
            Some(Millis(expected)) => {
                if let Some(count) = self.known.get_mut(&expected) {
                    *count -= 1;
                    self.total = self.total.saturating_sub(expected);
                    if *count == 0 {
                        self.known.remove(&expected);
                    }
                }
            }
            None => self.unknown = self.unknown.saturating_sub(1),
        }
    }

    /// An attempt ended by itself after so long.
    pub(super) fn learn(&mut self, took: Millis) {
        self.ended += 1;
        self.ended_time = self.ended_time.saturating_add(took.0);
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        (self.total, self.unknown) = (0, 0);
    }

    /// Sum of the forecasts.
    pub(crate) fn total(&self) -> Millis {
        Millis(self.total)
    }

    /// The longest forecast.
    pub(crate) fn longest(&self) -> Millis {
        Millis(self.known.last_key_value().map_or(0, |(expected, _)| *expected))
    }

    /// Specs without a forecast.
    pub(crate) fn unknown(&self) -> u32 {
        self.unknown
    }

    /// The mean of what ended in this run so far.
    pub(crate) fn mean(&self) -> Option<Millis> {
        self.ended_time.checked_div(self.ended).map(Millis)
    }
}
