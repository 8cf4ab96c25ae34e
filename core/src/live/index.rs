//! Everything that is not stored, and the indexes that make a choice cheap.

use super::{Cordon, LinkState, LiveRun, Locks, Order, Probation, Running, Speed, Worker, WorkerKey};
use crate::queue::{ClassSet, Classes};
use crate::{AttemptId, Incarnation, Introduction, RunId, Timestamp, WorkerId};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Everything that is not stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Live {
    pub(crate) workers: BTreeMap<WorkerKey, Worker>,
    pub(crate) by_name: BTreeMap<WorkerId, WorkerKey>,
    next_key: WorkerKey,
    pub(crate) classes: Classes,
    pub(crate) runs: BTreeMap<RunId, LiveRun>,
    pub(crate) order: Order,
    pub(crate) locks: Locks,
    /// Workers with a free slot, by kind: those that can do least choose first.
    pub(crate) idle: BTreeMap<Kind, BTreeSet<IdlePlace>>,
    /// Assignments made: every few of them is a guaranteed turn.
    pub(crate) turns: u64,
    /// Unfinished runs with groups that extra slots serve too.
    pub(crate) greedy_runs: u32,
    /// How fast the mesh as a whole is.
    pub(crate) speed: Speed,
    /// What was looked at to make decisions, in steps: for measuring.
    pub(crate) effort: Cell<u64>,
    pub(crate) timers: BTreeSet<(Timestamp, Timer)>,
    /// Workers that an operator wants to take no new work, there or not, with who wants it.
    pub(crate) held_back: BTreeMap<WorkerId, String>,
    /// While set, nothing is assigned: workers that hold attempts are likely to be back in a moment.
    pub(crate) gathering_until: Option<Timestamp>,
    /// Workers that are cordoned.
    pub(crate) cordoned: BTreeSet<WorkerKey>,
    /// Cordons of workers that went away, with the life in which they were cordoned.
    pub(crate) cordoned_away: BTreeMap<WorkerId, (Cordon, Option<Incarnation>)>,
    /// Runs that some worker could not be set up for, and those that wait for workers for a limited time.
    pub(crate) watched_runs: BTreeSet<RunId>,
    /// Runs with attempts that may get a second one beside them.
    pub(crate) backed_runs: BTreeSet<RunId>,
    /// Who could take what changed since this was last looked at.
    pub(crate) takers_changed: bool,
    /// Runs that ended a while ago, the newest last.
    pub(crate) ended: VecDeque<Ended>,
}

/// What is remembered of a run that ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) run: RunId,
    /// Number of its newest entry.
    pub(crate) last_number: u64,
    /// Attempts that were declared lost and have not been heard of since, with their workers.
    pub(crate) lost: BTreeMap<AttemptId, WorkerId>,
}

/// How much a worker is trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trust {
    /// Anything.
    Full,
    /// No spec whose attempts took a worker down: it runs one already.
    NoSuspects,
    /// It is cordoned: one attempt to show what it can do, and no suspect.
    OneAttempt,
}

/// What room an idle worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Room {
    /// A usual slot.
    Usual,
    /// Extra slots only.
    ExtraOnly,
}

/// Idle workers of one kind are alike to a choice: their room, how much they can do, what exactly, and how far they are
/// trusted.
pub(crate) type Kind = (Room, u32, ClassSet, Trust);

/// An idle worker's place among those of its kind: the least busy first, then the fastest.
pub(crate) type IdlePlace = (u32, i8, WorkerKey);

/// What the core wants to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Look at how long a worker has been silent.
    Silence(WorkerKey),
    /// Stop waiting for workers to come back before anything is assigned.
    GatheringEnds,
    /// A retry may now go anywhere.
    Elsewhere(RunId),
    /// Give a cordoned worker a chance.
    Probation(WorkerKey),
    /// Give up what no worker can run.
    GiveUp(RunId),
    /// See whether a run that others may join is complete.
    Complete(RunId),
    /// See whether an attempt runs far beyond its forecast.
    Straggler(RunId),
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
        let mut worker = Worker::unheard(id.clone(), now);
        worker.held_back_by = self.held_back.get(id).cloned();
        self.workers.insert(key, worker);
        key
    }

    pub(crate) fn named(&self, id: &WorkerId) -> Option<(WorkerKey, &Worker)> {
        let key = *self.by_name.get(id)?;
        Some((key, self.workers.get(&key)?))
    }

    /// Changes a worker and keeps what is counted over all workers true.
    pub(crate) fn change(&mut self, key: WorkerKey, change: impl FnOnce(&mut Worker)) {
        let Some(mut worker) = self.workers.remove(&key) else { return };
        self.index(key, &worker, false);
        let before = Stake::of(&worker);
        change(&mut worker);
        let after = Stake::of(&worker);
        if before != after {
            self.takers_changed = true;
            self.classes.drop_taker(before.takes);
            self.classes.add_taker(after.takes);
        }
        self.index(key, &worker, true);
        self.workers.insert(key, worker);
    }

    fn index(&mut self, key: WorkerKey, worker: &Worker, add: bool) {
        let Some((kind, place)) = idle_place(key, worker) else { return };
        if add {
            self.idle.entry(kind).or_default().insert(place);
        } else if let Some(places) = self.idle.get_mut(&kind) {
            places.remove(&place);
            if places.is_empty() {
                self.idle.remove(&kind);
            }
        }
    }

    /// Forgets a worker that went away with nothing left on it. A cordon is remembered, for up to `most` workers.
    pub(crate) fn forget_worker(&mut self, key: WorkerKey, most: usize) {
        self.change(key, |worker| worker.link = LinkState::Absent);
        let Some(worker) = self.workers.remove(&key) else { return };
        self.by_name.remove(&worker.id);
        self.cordoned.remove(&key);
        self.takers_changed = true;
        self.timers
            .retain(|(_, timer)| !matches!(timer, Timer::Silence(of) | Timer::Probation(of) if *of == key));
        if let Some(cordon) = worker.cordon {
            if self.cordoned_away.len() >= most {
                self.cordoned_away.pop_first();
            }
            self.cordoned_away.insert(worker.id, (cordon, worker.incarnation));
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
            worker.scarce.clone_from(&introduction.scarce);
            worker.cpus = introduction.cpus;
            worker.version.clone_from(&introduction.version);
            worker.capabilities = introduction.capabilities.clone();
            worker.able = able;
            let extra = introduction.extra_slots.iter().take(most.saturating_sub(introduction.slots.len()));
            worker.offer(introduction.slots.iter().take(most).copied(), extra.copied());
        });
        self.count_slots();
    }

    /// Puts a cordon on a worker, changes it, or lifts it.
    pub(crate) fn set_cordon(&mut self, key: WorkerKey, cordon: Option<Cordon>) {
        self.timers.retain(|(_, timer)| *timer != Timer::Probation(key));
        match &cordon {
            Some(cordon) => {
                self.cordoned.insert(key);
                if let Probation::Waits(until) = cordon.probation {
                    self.timers.insert((until, Timer::Probation(key)));
                }
            }
            None => drop(self.cordoned.remove(&key)),
        }
        self.change(key, |worker| worker.cordon = cordon);
    }

    /// Recomputes which classes each worker serves, after a class came.
    pub(crate) fn reclassify(&mut self) {
        let keys: Vec<WorkerKey> = self.workers.keys().copied().collect();
        for key in keys {
            let able = self.workers.get(&key).map(|worker| self.classes.able(&worker.capabilities));
            self.change(key, |worker| worker.able = able.unwrap_or_default());
        }
        // A class may have taken the place of one that is gone: what was counted under it is not its own.
        self.classes.clear_takers();
        for worker in self.workers.values() {
            self.classes.add_taker(Stake::of(worker).takes);
        }
        self.count_slots();
    }

    /// Recounts how many slots can serve each class; only on a change of membership or classes.
    pub(crate) fn count_slots(&mut self) {
        self.classes.clear_slots();
        let mut all = 0;
        for worker in self.workers.values().filter(|worker| worker.link != LinkState::Absent) {
            self.classes.add_slots(worker.able, worker.offered());
            all += worker.offered();
        }
        self.classes.rank();
        self.order.set_pace(all);
    }

    /// Counts a step of a decision.
    pub(crate) fn step(&self) {
        self.effort.set(self.effort.get() + 1);
    }
}

/// Where a worker is kept while it is idle; none while it is not.
pub(crate) fn idle_place(key: WorkerKey, worker: &Worker) -> Option<(Kind, IdlePlace)> {
    let room = worker.room().filter(|_| worker.takes_work())?;
    let kind = (room, worker.able.len(), worker.able, worker.trust());
    Some((kind, (worker.busy(), worker.slowness, key)))
}

/// What others count on a worker for.
#[derive(PartialEq)]
struct Stake {
    /// The classes that it takes work of.
    takes: Option<ClassSet>,
    /// The classes that it will take work of unless it goes away.
    will_take: Option<ClassSet>,
    heard_of: Option<Incarnation>,
}

impl Stake {
    fn of(worker: &Worker) -> Stake {
        Stake {
            takes: worker.is_taker().then_some(worker.able),
            will_take: worker.will_take_work().then_some(worker.able),
            heard_of: worker.incarnation,
        }
    }
}

impl Running {
    pub(crate) fn adopted(attempt: AttemptId, suspect: bool, limited: Option<crate::GroupIndex>) -> Running {
        Running { attempt, charged: crate::Millis::ZERO, suspect, limited }
    }
}
