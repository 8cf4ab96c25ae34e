//! Which attempts of a run may get a second one beside them, and when.

use crate::{AttemptId, Millis, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The attempts of a run that are watched for running far beyond their forecast.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Backups {
    due: BTreeSet<(Timestamp, AttemptId)>,
    times: BTreeMap<AttemptId, Timestamp>,
    /// Forecast slot time of the backups made so far, and their number.
    pub(crate) spent: Millis,
    pub(crate) made: u32,
}

impl Backups {
    /// Watches an attempt: from `at` on it is a straggler.
    pub(crate) fn watch(&mut self, attempt: AttemptId, at: Timestamp) {
        self.times.insert(attempt, at);
        self.due.insert((at, attempt));
    }

    pub(crate) fn forget(&mut self, attempt: AttemptId) {
        if let Some(at) = self.times.remove(&attempt) {
            self.due.remove(&(at, attempt));
        }
    }

    /// The stragglers at a moment, the one that is late for longest first.
    pub(crate) fn stragglers(&self, now: Timestamp) -> impl Iterator<Item = AttemptId> {
        self.due.iter().take_while(move |(at, _)| *at <= now).map(|(_, attempt)| *attempt)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}
