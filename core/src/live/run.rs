//! A run's part that is not stored.

use super::{Backups, LiveGroup, WorkerKey};
use crate::queue::{Class, ClassSet, Gate, GateId, RunQueue};
use crate::{CancelMode, GroupIndex, Incarnation, Millis, SlotId, SpecIndex, Timestamp, WorkerId};
use std::collections::BTreeMap;

/// A run's part that is not stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LiveRun {
    pub(crate) queue: RunQueue,
    pub(crate) groups: Vec<LiveGroup>,
    /// What its specs have to get past besides a slot, by [`GateId`].
    gates: Vec<Gate>,
    gate_ids: BTreeMap<Gate, GateId>,
    /// How hard its running attempts are to be stopped; repeated to workers that come back.
    pub(crate) stop: Option<CancelMode>,
    /// Until when a spec that goes again keeps away from the workers that it was on, where there are others.
    pub(crate) elsewhere: BTreeMap<SpecIndex, Timestamp>,
    /// Workers that could not make its workspace ready.
    pub(crate) barred: BTreeMap<WorkerId, Barred>,
    /// Up to two workers on which an attempt got past the setup: one of them is another one than any given worker.
    pub(crate) set_up_on: Vec<WorkerId>,
    /// Classes that wait although no worker is there that could take them, since when.
    pub(crate) hopeless: BTreeMap<Class, Timestamp>,
    /// Attempts that may get a second one beside them.
    pub(crate) backups: Backups,
    /// When what runs of it on each slot is expected to end, and the sum of those times in milliseconds.
    ends: BTreeMap<(WorkerKey, SlotId), Timestamp>,
    ends_sum: u128,
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
    /// A run without groups, whose attempts are to be stopped so hard.
    pub(crate) fn stopping(stop: Option<CancelMode>) -> LiveRun {
        LiveRun { stop, ..LiveRun::default() }
    }

    /// Notes an attempt that takes so long on a slot, after those that are there already.
    pub(crate) fn occupy(&mut self, slot: (WorkerKey, SlotId), from: Timestamp, takes: Millis) {
        let before = self.ends.get(&slot).copied();
        let end = before.unwrap_or(from) + takes;
        self.ends.insert(slot, end);
        self.ends_sum += u128::from(end.0) - before.map_or(0, |before| u128::from(before.0));
    }

    /// Nothing of it runs on a slot any more.
    pub(crate) fn vacate(&mut self, slot: (WorkerKey, SlotId)) {
        if let Some(end) = self.ends.remove(&slot) {
            self.ends_sum -= u128::from(end.0);
        }
    }

    /// Slot time that what runs of it is expected to take still, in milliseconds.
    pub(crate) fn running_work(&self, now: Timestamp) -> u64 {
        let left = self.ends_sum.saturating_sub(u128::from(now.0) * self.ends.len() as u128);
        u64::try_from(left).unwrap_or(u64::MAX)
    }

    pub(crate) fn group(&self, group: GroupIndex) -> Option<&LiveGroup> {
        self.groups.get(group.0 as usize)
    }

    pub(crate) fn group_mut(&mut self, group: GroupIndex) -> Option<&mut LiveGroup> {
        self.groups.get_mut(group.0 as usize)
    }

    /// The number of a gate, made when it is new.
    pub(crate) fn gate_id(&mut self, gate: Gate) -> GateId {
        if let Some(id) = self.gate_ids.get(&gate) {
            return *id;
        }
        let id = GateId(self.gates.len() as u32);
        self.gates.push(gate.clone());
        self.gate_ids.insert(gate, id);
        id
    }

    /// The number of a gate that was made.
    pub(crate) fn known_gate(&self, gate: &Gate) -> Option<GateId> {
        self.gate_ids.get(gate).copied()
    }

    pub(crate) fn gate(&self, id: GateId) -> Option<&Gate> {
        self.gates.get(id.0 as usize)
    }

    /// Forgets everything that waits.
    pub(crate) fn clear_waiting(&mut self) {
        self.queue = RunQueue::default();
        self.groups.iter_mut().for_each(LiveGroup::clear_parked);
        self.elsewhere.clear();
        self.hopeless.clear();
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
