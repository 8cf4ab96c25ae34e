//! The part of the core that is never stored: links, slots, timers. Rebuilt when workers introduce themselves.

use crate::queue::{Class, ClassSet, Classes, FairOrder, RunQueue};
use crate::{
    AttemptId, CancelMode, Capabilities, GroupIndex, Incarnation, Introduction, Millis, RunId, SlotId,
    SpecIndex, Timestamp, WorkerId,
};
use std::collections::{BTreeMap, BTreeSet};

/// A worker's number within one leader's memory; cheaper to carry than its name.
pub(crate) type WorkerKey = u32;

/// Everything that is not stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Live {
    pub(crate) workers: BTreeMap<WorkerKey, Worker>,
    pub(crate) by_name: BTreeMap<WorkerId, WorkerKey>,
    next_key: WorkerKey,
    pub(crate) classes: Classes,
    pub(crate) runs: BTreeMap<RunId, LiveRun>,
    pub(crate) fair: FairOrder,
    /// Workers with a free slot, by how much they can do: those that can do least choose first.
    pub(crate) idle: BTreeMap<(u32, ClassSet), BTreeSet<(u32, WorkerKey)>>,
    pub(crate) timers: BTreeSet<(Timestamp, Timer)>,
    /// Workers that an operator wants to take no new work, there or not, with who wants it.
    pub(crate) held_back: BTreeMap<WorkerId, String>,
    /// While set, nothing is assigned: the workers that hold attempts have not all come back.
    pub(crate) recovering_until: Option<Timestamp>,
}

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
    /// Until when a retry waits for a worker that has not failed it.
    pub(crate) elsewhere: BTreeMap<SpecIndex, Timestamp>,
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
}

/// What the core wants to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Look at how long a worker has been silent.
    Silence(WorkerKey),
    /// Stop waiting for workers to come back.
    RecoveryEnds,
    /// A retry may now go anywhere.
    Elsewhere(RunId),
}

/// Whether a worker is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Linked and heard from.
    Present,
    /// Linked, but silent for a while: it gets no new work.
    Suspect,
    /// Its link is closed.
    Absent,
}

/// A worker as the leader knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) incarnation: Option<Incarnation>,
    pub(crate) host: String,
    pub(crate) link: LinkState,
    pub(crate) last_heard: Timestamp,
    pub(crate) draining: bool,
    /// Why it can run nothing, by its own probes.
    pub(crate) problem: Option<String>,
    /// Who wants it to take no new work.
    pub(crate) held_back_by: Option<String>,
    /// Why it is not trusted with work.
    pub(crate) cordoned: Option<String>,
    pub(crate) version: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) able: ClassSet,
    /// What each slot runs; with none it is free.
    pub(crate) slots: BTreeMap<SlotId, Option<Running>>,
    /// Slots that it no longer offers but still runs something on: they go when that ends.
    pub(crate) retired: BTreeSet<SlotId>,
    /// Reports up to this number are durable.
    pub(crate) acknowledged: u64,
}

/// What a slot runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) attempt: AttemptId,
    /// Slot time charged to its run in advance.
    pub(crate) charged: Millis,
}

impl Worker {
    pub(crate) fn free_slot(&self) -> Option<SlotId> {
        self.slots.iter().find(|(_, running)| running.is_none()).map(|(slot, _)| *slot)
    }

    pub(crate) fn busy(&self) -> u32 {
        self.slots.values().flatten().count() as u32
    }

    /// True when it may get new work on a free slot.
    pub(crate) fn takes_work(&self) -> bool {
        self.why_no_work().is_none()
    }

    /// Why it gets no new work, whatever waits; none when it may get some.
    pub(crate) fn why_no_work(&self) -> Option<String> {
        match (self.link, &self.problem, &self.held_back_by, &self.cordoned) {
            (LinkState::Absent, _, _, _) => Some("its link is closed".to_owned()),
            (LinkState::Suspect, _, _, _) => Some("it has been silent".to_owned()),
            (LinkState::Present, _, _, _) if self.draining => Some("it is shutting down".to_owned()),
            (LinkState::Present, _, Some(by), _) => Some(format!("drained by {by}")),
            (LinkState::Present, Some(problem), None, _) => Some(problem.clone()),
            (LinkState::Present, None, None, Some(reason)) => Some(format!("cordoned: {reason}")),
            (LinkState::Present, None, None, None) => None,
        }
    }

    /// Puts an attempt back on the slot that it held before the worker introduced itself again.
    pub(crate) fn keep(&mut self, slot: SlotId, running: Running) {
        if self.slots.insert(slot, Some(running)).is_none() {
            self.retired.insert(slot);
        }
    }

    pub(crate) fn free(&mut self, slot: SlotId) {
        if self.retired.remove(&slot) {
            self.slots.remove(&slot);
        } else {
            self.slots.insert(slot, None);
        }
    }

    /// Slots that it offers, busy ones included.
    pub(crate) fn offered(&self) -> u32 {
        (self.slots.len() - self.retired.len()) as u32
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = (SlotId, Running)> {
        self.slots.iter().filter_map(|(slot, running)| running.map(|running| (*slot, running)))
    }
}

impl Live {
    /// The worker's entry, made (absent) when it is new.
    pub(crate) fn worker_key(&mut self, id: &WorkerId, now: Timestamp) -> WorkerKey {
        if let Some(key) = self.by_name.get(id) {
            return *key;
        }
        let key = self.next_key;
        self.next_key += 1;
        self.by_name.insert(id.clone(), key);
        let worker = Worker {
            id: id.clone(),
            incarnation: None,
            host: String::new(),
            link: LinkState::Absent,
            last_heard: now,
            draining: false,
            problem: None,
            held_back_by: self.held_back.get(id).cloned(),
            cordoned: None,
            version: String::new(),
            capabilities: Capabilities::default(),
            able: ClassSet::default(),
            slots: BTreeMap::new(),
            retired: BTreeSet::new(),
            acknowledged: 0,
        };
        self.workers.insert(key, worker);
        key
    }

    pub(crate) fn named(&self, id: &WorkerId) -> Option<(WorkerKey, &Worker)> {
        let key = *self.by_name.get(id)?;
        Some((key, self.workers.get(&key)?))
    }

    /// Changes a worker and keeps the index of idle workers true.
    pub(crate) fn change(&mut self, key: WorkerKey, change: impl FnOnce(&mut Worker)) {
        let Some(mut worker) = self.workers.remove(&key) else { return };
        self.index(key, &worker, false);
        change(&mut worker);
        self.index(key, &worker, true);
        self.workers.insert(key, worker);
    }

    fn index(&mut self, key: WorkerKey, worker: &Worker, add: bool) {
        if !worker.takes_work() || worker.free_slot().is_none() {
            return;
        }
        let kind = (worker.able.len(), worker.able);
        let place = (worker.busy(), key);
        if add {
            self.idle.entry(kind).or_default().insert(place);
        } else if let Some(places) = self.idle.get_mut(&kind) {
            places.remove(&place);
            if places.is_empty() {
                self.idle.remove(&kind);
            }
        }
    }

    pub(crate) fn forget_worker(&mut self, key: WorkerKey) {
        self.change(key, |worker| worker.link = LinkState::Absent);
        if let Some(worker) = self.workers.remove(&key) {
            self.by_name.remove(&worker.id);
        }
    }

    /// Takes over what a worker said of itself, with up to `most` slots, all of them free.
    pub(crate) fn introduce(
        &mut self,
        key: WorkerKey,
        introduction: &Introduction,
        most: usize,
        now: Timestamp,
    ) {
        let able = self.classes.able(&introduction.capabilities);
        self.change(key, |worker| {
            if worker.incarnation != Some(introduction.incarnation) {
                worker.acknowledged = 0;
            }
            worker.incarnation = Some(introduction.incarnation);
            worker.host.clone_from(&introduction.host);
            worker.link = LinkState::Present;
            worker.last_heard = now;
            worker.draining = introduction.draining;
            worker.problem.clone_from(&introduction.problem);
            worker.version.clone_from(&introduction.version);
            worker.capabilities = introduction.capabilities.clone();
            worker.able = able;
            worker.slots = introduction.slots.iter().take(most).map(|slot| (*slot, None)).collect();
            worker.retired.clear();
        });
        self.count_slots();
    }

    /// Recomputes which classes each worker serves, after a class came.
    pub(crate) fn reclassify(&mut self) {
        let keys: Vec<WorkerKey> = self.workers.keys().copied().collect();
        for key in keys {
            let able = self.workers.get(&key).map(|worker| self.classes.able(&worker.capabilities));
            self.change(key, |worker| worker.able = able.unwrap_or_default());
        }
        self.count_slots();
    }

    /// Recounts how many slots can serve each class; only on a change of membership or classes.
    pub(crate) fn count_slots(&mut self) {
        self.classes.clear_slots();
        for worker in self.workers.values().filter(|worker| worker.link != LinkState::Absent) {
            self.classes.add_slots(worker.able, worker.offered());
        }
    }
}

/// A worker, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerView {
    /// Its name.
    pub worker: WorkerId,
    /// Where it runs.
    pub host: String,
    /// Whether it is there.
    pub link: LinkState,
    /// How long it has been silent.
    pub silent_for: Millis,
    /// True when it takes no new work.
    pub draining: bool,
    /// Why it can run nothing by its own probes; none when it can.
    pub problem: Option<String>,
    /// Who wants it to take no new work; none when nobody does.
    pub held_back_by: Option<String>,
    /// Why the leader gives it no work although it asks for some: it failed what others can do. None when it is trusted.
    pub cordoned: Option<String>,
    /// Version of its program.
    pub version: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Each slot, with the attempt it runs.
    pub slots: Vec<(SlotId, Option<AttemptId>)>,
    /// Why it gets no work although it has a free slot; empty when it does, or has none.
    pub idle_because: String,
}
