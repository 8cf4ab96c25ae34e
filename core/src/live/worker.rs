//! A worker as the leader knows it.

use super::{Conduct, Cordon, Probation, Trust};
use crate::queue::ClassSet;
use crate::{AttemptId, Capabilities, Incarnation, Millis, SlotId, Timestamp, WorkerId};
use std::collections::{BTreeMap, BTreeSet};

/// A worker's number within one leader's memory; cheaper to carry than its name.
pub(crate) type WorkerKey = u32;

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
    /// Its life; none while it has not introduced itself to this leader.
    pub(crate) incarnation: Option<Incarnation>,
    pub(crate) host: String,
    pub(crate) link: LinkState,
    pub(crate) last_heard: Timestamp,
    pub(crate) draining: bool,
    /// Why it can run nothing, by its own probes.
    pub(crate) problem: Option<String>,
    /// What is too scarce for its extra slots to take new work.
    pub(crate) scarce: Option<String>,
    /// How many CPUs it has; 0 where it does not say.
    pub(crate) cpus: u32,
    /// Who wants it to take no new work.
    pub(crate) held_back_by: Option<String>,
    /// Why it is not trusted with work.
    pub(crate) cordon: Option<Cordon>,
    pub(crate) conduct: Conduct,
    pub(crate) version: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) able: ClassSet,
    /// What each slot runs; with none it is free.
    slots: BTreeMap<SlotId, Option<Running>>,
    /// Slots that it no longer offers but still runs something on: they go when that ends.
    retired: BTreeSet<SlotId>,
    /// Slots that are taken, and those that are taken by suspects.
    busy: u32,
    suspects: u32,
    /// Reports up to this number are durable.
    pub(crate) acknowledged: u64,
}

/// What a slot runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) attempt: AttemptId,
    /// Slot time charged to its run in advance.
    pub(crate) charged: Millis,
    /// An earlier attempt of its spec took a worker down.
    pub(crate) suspect: bool,
}

impl Worker {
    /// One that was heard of, but has not said anything yet.
    pub(crate) fn unheard(id: WorkerId, now: Timestamp) -> Worker {
        Worker {
            id,
            incarnation: None,
            host: String::new(),
            link: LinkState::Absent,
            last_heard: now,
            draining: false,
            problem: None,
            scarce: None,
            cpus: 0,
            held_back_by: None,
            cordon: None,
            conduct: Conduct::default(),
            version: String::new(),
            capabilities: Capabilities::default(),
            able: ClassSet::default(),
            slots: BTreeMap::new(),
            retired: BTreeSet::new(),
            busy: 0,
            suspects: 0,
            acknowledged: 0,
        }
    }

    pub(crate) fn slots(&self) -> &BTreeMap<SlotId, Option<Running>> {
        &self.slots
    }

    pub(crate) fn free_slot(&self) -> Option<SlotId> {
        if self.busy as usize == self.slots.len() {
            return None;
        }
        self.slots.iter().find(|(_, running)| running.is_none()).map(|(slot, _)| *slot)
    }

    /// True while it runs a spec whose attempts took a worker down.
    pub(crate) fn runs_suspect(&self) -> bool {
        self.suspects > 0
    }

    pub(crate) fn busy(&self) -> u32 {
        self.busy
    }

    /// True when it may get new work on a free slot.
    pub(crate) fn takes_work(&self) -> bool {
        self.why_no_work().is_none()
    }

    /// True when a spec can hope for it: it takes work, and is trusted with it.
    pub(crate) fn is_taker(&self) -> bool {
        self.cordon.is_none() && self.takes_work()
    }

    /// True when it takes work, or is likely to without anybody doing something about it.
    pub(crate) fn will_take_work(&self) -> bool {
        !self.draining && self.problem.is_none() && self.held_back_by.is_none()
    }

    /// Why it gets no new work, whatever waits; none when it may get some.
    pub(crate) fn why_no_work(&self) -> Option<String> {
        match self.link {
            LinkState::Absent => return Some("its link is closed".to_owned()),
            LinkState::Suspect => return Some("it has been silent".to_owned()),
            LinkState::Present => {}
        }
        if self.draining {
            return Some("it is shutting down".to_owned());
        }
        if let Some(by) = &self.held_back_by {
            return Some(format!("drained by {by}"));
        }
        if let Some(problem) = &self.problem {
            return Some(problem.clone());
        }
        let cordon = self.cordon.as_ref().filter(|cordon| cordon.probation != Probation::Open);
        cordon.map(|cordon| format!("cordoned: {}", cordon.reason))
    }

    /// What it may be given while it takes work.
    pub(crate) fn trust(&self) -> Trust {
        match (&self.cordon, self.suspects) {
            (Some(_), _) => Trust::OneAttempt,
            (None, 0) => Trust::Full,
            (None, _) => Trust::NoSuspects,
        }
    }

    /// Offers these slots and no others, all of them free.
    pub(crate) fn offer(&mut self, slots: impl Iterator<Item = SlotId>) {
        self.slots = slots.map(|slot| (slot, None)).collect();
        self.retired.clear();
        (self.busy, self.suspects) = (0, 0);
    }

    /// Puts an attempt on a slot. One that it does not offer goes when the attempt has ended.
    pub(crate) fn take(&mut self, slot: SlotId, running: Running) {
        self.busy += 1;
        self.suspects += u32::from(running.suspect);
        match self.slots.insert(slot, Some(running)) {
            Some(None) => {}
            None => drop(self.retired.insert(slot)),
            // Nothing is assigned to a taken slot; were it, the audit would say so.
            Some(Some(before)) => {
                self.busy -= 1;
                self.suspects -= u32::from(before.suspect);
            }
        }
    }

    pub(crate) fn free(&mut self, slot: SlotId) {
        let Some(Some(before)) = self.slots.get(&slot).copied() else { return };
        self.busy -= 1;
        self.suspects -= u32::from(before.suspect);
        if self.retired.remove(&slot) {
            self.slots.remove(&slot);
        } else {
            self.slots.insert(slot, None);
        }
    }

    /// What runs on a slot is no suspect any more.
    pub(crate) fn acquit(&mut self, slot: SlotId) {
        if let Some(Some(running)) = self.slots.get_mut(&slot) {
            self.suspects -= u32::from(running.suspect);
            running.suspect = false;
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
