//! A run's part that is not stored.

use super::{Backups, LiveGroup};
use crate::queue::{Class, ClassSet, Gate, GateId, RunQueue};
use crate::{CancelMode, GroupIndex, Incarnation, SpecIndex, Timestamp, WorkerId};
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

    /// True when nothing of it waits for a slot or its turn.
    pub(crate) fn has_nothing_left_to_start(&self) -> bool {
        self.queue.is_empty() && self.groups.iter().all(LiveGroup::has_nothing_parked)
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
