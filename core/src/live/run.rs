//! A run's part that is not stored.

use crate::queue::{Class, ClassSet, RunQueue};
use crate::{CancelMode, GroupIndex, Incarnation, Millis, SpecIndex, Timestamp, WorkerId};
use std::collections::BTreeMap;

/// A run's part that is not stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LiveRun {
    pub(crate) queue: RunQueue,
    /// The class of each group.
    pub(crate) classes: Vec<Class>,
    /// Sum and number of durations known for each group: forecasts what is unknown.
    pub(crate) typical: Vec<(u64, u64)>,
    /// How hard its running attempts are to be stopped; repeated to workers that come back.
    pub(crate) stop: Option<CancelMode>,
    /// Until when a spec that goes again keeps away from the workers that it was on, where there are others.
    pub(crate) elsewhere: BTreeMap<SpecIndex, Timestamp>,
    /// Workers that could not make its workspace ready.
    pub(crate) barred: BTreeMap<WorkerId, Barred>,
    /// Up to two workers on which an attempt got past the setup: one of them is another one than any given worker.
    pub(crate) set_up_on: Vec<WorkerId>,
    /// Classes that wait although setup failed on every worker that could serve them, since when.
    pub(crate) hopeless: BTreeMap<Class, Timestamp>,
}

/// A worker that could not be set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Barred {
    /// The life in which it could not.
    pub(crate) life: Incarnation,
    /// What it was able to serve.
    pub(crate) able: ClassSet,
}

impl LiveRun {
    pub(crate) fn class_of(&self, group: GroupIndex) -> Class {
        self.classes[group.0 as usize]
    }

    /// The mean duration in a group, where anything is known.
    pub(crate) fn typical_of(&self, group: GroupIndex) -> Option<Millis> {
        let (sum, count) = self.typical.get(group.0 as usize)?;
        sum.checked_div(*count).map(Millis)
    }

    pub(crate) fn learn(&mut self, group: GroupIndex, duration: Millis) {
        if let Some((sum, count)) = self.typical.get_mut(group.0 as usize) {
            *sum = sum.saturating_add(duration.0);
            *count += 1;
        }
    }

    /// True when this worker, as it is now, could not make the run's workspace ready.
    pub(crate) fn bars(&self, worker: &WorkerId) -> bool {
        !self.barred.is_empty() && self.barred.contains_key(worker)
    }

    /// Notes that an attempt got past the setup on a worker. True when that is news about other workers.
    pub(crate) fn was_set_up_on(&mut self, worker: &WorkerId) -> bool {
        let news = self.set_up_on.len() < 2 && !self.set_up_on.contains(worker);
        if news {
            self.set_up_on.push(worker.clone());
        }
        news
    }

    pub(crate) fn was_set_up_elsewhere(&self, worker: &WorkerId) -> bool {
        self.set_up_on.iter().any(|other| other != worker)
    }
}
