//! A worker as the leader knows it.

use super::{Conduct, Cordon, Probation, Room, Speed, Trust};
use crate::queue::ClassSet;
use crate::{
    Algorithm, AttemptId, Capabilities, GroupIndex, GroupPolicy, Incarnation, Millis, RunId, SlotId, Threads,
    Timestamp, WorkerId,
};
use std::collections::BTreeMap;

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
    /// How fast it is.
    pub(crate) speed: Speed,
    /// How slow it is beside the others, in coarse steps: fast workers are preferred.
    pub(crate) slowness: i8,
    /// How much of the time something waited for a CPU on it lately, in thousandths; none while that is not known.
    pub(crate) usual_cpu_wait: Option<u32>,
    slots: BTreeMap<SlotId, Slot>,
    /// Specs on it by group, of groups with a limit.
    limited: BTreeMap<(RunId, GroupIndex), u32>,
    /// Usual slots that are free, and extra ones.
    free: u32,
    free_extra: u32,
    /// Slots that are taken, and attempts on it that are suspects.
    busy: u32,
    suspects: u32,
    /// Reports up to this number are durable.
    pub(crate) acknowledged: u64,
}

/// One of its slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Slot {
    kind: SlotKind,
    /// What runs on it: several attempts where they share a process. With none it is free.
    running: Vec<Running>,
    /// What ran on it last.
    last: Option<AttemptId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SlotKind {
    #[default]
    Usual,
    /// For groups that may start more than the worker has CPUs.
    Extra,
    /// It is no longer offered and goes when what it runs has ended.
    Retired,
}

/// What a slot runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) attempt: AttemptId,
    /// Slot time charged to its run in advance.
    pub(crate) charged: Millis,
    /// An earlier attempt of its spec took a worker down.
    pub(crate) suspect: bool,
    /// Its group, where that has a limit on the specs that one worker runs of it.
    pub(crate) limited: Option<GroupIndex>,
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
            speed: Speed::default(),
            slowness: 0,
            usual_cpu_wait: None,
            slots: BTreeMap::new(),
            limited: BTreeMap::new(),
            free: 0,
            free_extra: 0,
            busy: 0,
            suspects: 0,
            acknowledged: 0,
        }
    }

    /// Its slots with what runs on them.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (SlotId, &[Running])> {
        self.slots.iter().map(|(id, slot)| (*id, slot.running.as_slice()))
    }

    /// True when it has room: a usual slot, or for what may use them also an extra one.
    pub(crate) fn room(&self) -> Option<Room> {
        match (self.free, self.free_extra) {
            (0, 0) => None,
            (0, _) => self.scarce.is_none().then_some(Room::ExtraOnly),
            (_, _) => Some(Room::Usual),
        }
    }

    /// The slot that the next attempt gets, and what ran on it last: a usual one where one is free.
    pub(crate) fn free_slot(&self) -> Option<(SlotId, Option<AttemptId>)> {
        let room = self.room()?;
        let kind = if room == Room::Usual { SlotKind::Usual } else { SlotKind::Extra };
        let free = self.slots.iter().find(|(_, slot)| slot.running.is_empty() && slot.kind == kind);
        free.map(|(id, slot)| (*id, slot.last))
    }

    /// True when nothing runs on a slot.
    pub(crate) fn is_free(&self, id: SlotId) -> bool {
        self.slots.get(&id).is_none_or(|slot| slot.running.is_empty())
    }

    /// Specs of a group with a limit that it runs.
    pub(crate) fn count_of(&self, run: RunId, group: GroupIndex) -> u32 {
        self.limited.get(&(run, group)).copied().unwrap_or(0)
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
    pub(crate) fn offer(&mut self, slots: impl Iterator<Item = SlotId>, extra: impl Iterator<Item = SlotId>) {
        let last: BTreeMap<SlotId, Option<AttemptId>> =
            std::mem::take(&mut self.slots).into_iter().map(|(id, slot)| (id, slot.last)).collect();
        let known = |id: &SlotId| last.get(id).copied().flatten();
        for id in extra {
            self.slots.insert(id, Slot { kind: SlotKind::Extra, running: Vec::new(), last: known(&id) });
        }
        for id in slots {
            self.slots.insert(id, Slot { kind: SlotKind::Usual, running: Vec::new(), last: known(&id) });
        }
        self.limited.clear();
        (self.busy, self.suspects) = (0, 0);
        self.free = self.of_kind(SlotKind::Usual);
        self.free_extra = self.of_kind(SlotKind::Extra);
    }

    fn of_kind(&self, kind: SlotKind) -> u32 {
        self.slots.values().filter(|slot| slot.kind == kind).count() as u32
    }

    /// Puts an attempt on a slot, beside those that share its process. A slot that it does not offer goes when the
    /// attempt has ended.
    pub(crate) fn take(&mut self, id: SlotId, running: Running) {
        let slot =
            self.slots.entry(id).or_insert_with(|| Slot { kind: SlotKind::Retired, ..Slot::default() });
        if slot.running.is_empty() {
            self.busy += 1;
            match slot.kind {
                SlotKind::Usual => self.free -= 1,
                SlotKind::Extra => self.free_extra -= 1,
                SlotKind::Retired => {}
            }
        }
        slot.running.push(running);
        self.suspects += u32::from(running.suspect);
        if let Some(group) = running.limited {
            *self.limited.entry((running.attempt.run, group)).or_default() += 1;
        }
    }

    /// An attempt is off its slot; the slot is free when it was the last on it.
    pub(crate) fn free(&mut self, id: SlotId, attempt: AttemptId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(place) = slot.running.iter().position(|running| running.attempt == attempt) else { return };
        let before = slot.running.remove(place);
        slot.last = Some(attempt);
        self.suspects -= u32::from(before.suspect);
        if let Some(group) = before.limited
            && let Some(count) = self.limited.get_mut(&(attempt.run, group))
        {
            *count -= 1;
            if *count == 0 {
                self.limited.remove(&(attempt.run, group));
            }
        }
        if !slot.running.is_empty() {
            return;
        }
        self.busy -= 1;
        match slot.kind {
            SlotKind::Usual => self.free += 1,
            SlotKind::Extra => self.free_extra += 1,
            SlotKind::Retired => drop(self.slots.remove(&id)),
        }
    }

    /// An attempt is no suspect any more.
    pub(crate) fn acquit(&mut self, attempt: AttemptId) {
        let running = self.slots.values_mut().flat_map(|slot| &mut slot.running);
        for running in running.filter(|running| running.attempt == attempt) {
            self.suspects -= u32::from(running.suspect);
            running.suspect = false;
        }
    }

    /// Usual slots that it offers, busy ones included.
    pub(crate) fn offered(&self) -> u32 {
        self.of_kind(SlotKind::Usual)
    }

    /// Extra slots that it offers, busy ones included.
    pub(crate) fn offered_extra(&self) -> u32 {
        self.of_kind(SlotKind::Extra)
    }

    /// Usual and extra slots that are free, counted anew: for the audit.
    pub(crate) fn count_free(&self) -> (u32, u32) {
        let free = |kind| {
            self.slots.values().filter(|slot| slot.kind == kind && slot.running.is_empty()).count() as u32
        };
        (free(SlotKind::Usual), free(SlotKind::Extra))
    }

    /// Usual and extra slots that are free.
    pub(crate) fn free_counts(&self) -> (u32, u32) {
        (self.free, self.free_extra)
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = (SlotId, Running)> {
        self.slots.iter().flat_map(|(id, slot)| slot.running.iter().map(move |running| (*id, *running)))
    }

    /// How many specs of a group with these rules it runs at a time; none when only its slots are the limit.
    pub(crate) fn limit(&self, policy: &GroupPolicy, overcommit: u32) -> Option<u32> {
        let threads = self.threads(policy)?;
        Some(match policy.algorithm {
            Algorithm::Conservative => threads,
            Algorithm::Aggressive => threads.saturating_mul(overcommit),
        })
    }

    /// How many threads a group with these rules has on it; none when that is as many as there are slots.
    pub(crate) fn threads(&self, policy: &GroupPolicy) -> Option<u32> {
        match policy.threads {
            Threads::Default | Threads::Unlimited => None,
            Threads::Count(count) => Some(count.max(1)),
            Threads::PerHundredCpus(share) => {
                let cpus = if self.cpus > 0 { self.cpus } else { self.offered() };
                let threads = u64::from(share) * u64::from(cpus) / 100;
                // Less than one thread means that the usual number applies.
                u32::try_from(threads).ok().filter(|threads| *threads > 0)
            }
        }
    }

    /// How many CPUs the specs of a group with these rules may use on it together; none for all of them.
    pub(crate) fn cpus_for(&self, policy: &GroupPolicy) -> Option<u32> {
        match policy.algorithm {
            Algorithm::Conservative => None,
            Algorithm::Aggressive => {
                let usual = if self.cpus > 0 { self.offered().min(self.cpus) } else { self.offered() };
                let unlimited = policy.threads == Threads::Unlimited;
                Some(self.threads(policy).unwrap_or(usual)).filter(|_| !unlimited)
            }
        }
    }
}
