//! The invariants, checked. Tests and simulation call [`Core::audit`] after every input.

use crate::live::{Probation, Timer, WorkerKey, idle_place};
use crate::queue::ClassSet;
use crate::{AttemptId, AttemptPhase, Core, RunId, SpecIndex, SpecPhase, SpecVerdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Core {
    /// Every violated invariant; empty when all is well. Reads all state: for tests, and on demand in production.
    pub fn audit(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let on_slots = self.audit_slots(&mut found);
        for run in self.state.runs() {
            self.audit_run(run.id, &on_slots, &mut found);
        }
        for attempt in on_slots.keys() {
            if self.state.attempt(*attempt).is_none_or(|(_, _, a)| a.phase != AttemptPhase::Active) {
                found.push(Violation(format!("a slot is taken by attempt {attempt}, which is not active")));
            }
        }
        self.audit_locks(&on_slots, &mut found);
        self.audit_idle(&mut found);
        self.audit_live(&mut found);
        self.audit_trust(&on_slots, &mut found);
        found
    }

    /// No attempt is on two slots.
    fn audit_slots(&self, found: &mut Vec<Violation>) -> BTreeMap<AttemptId, WorkerKey> {
        let mut on_slots = BTreeMap::new();
        for (key, worker) in &self.live.workers {
            for (_, running) in worker.running() {
                if on_slots.insert(running.attempt, *key).is_some() {
                    found.push(Violation(format!("attempt {} is on two slots", running.attempt)));
                }
            }
        }
        on_slots
    }

    fn audit_run(&self, id: RunId, on_slots: &BTreeMap<AttemptId, WorkerKey>, found: &mut Vec<Violation>) {
        let Some(run) = self.state.run(id) else { return };
        let mut say = |what: String| found.push(Violation(format!("run {id:?}: {what}")));
        let mut queued: BTreeSet<SpecIndex> = BTreeSet::new();
        if let Some(live) = self.live.runs.get(&id) {
            for (queue, place) in live.queue.iter() {
                if !queued.insert(place.spec) {
                    say(format!("spec {} is queued twice", place.spec.0));
                }
                if self.place_of(id, place.spec) != Some((queue, *place)) {
                    say(format!("spec {} is queued in a place that is not its own", place.spec.0));
                }
            }
        }
        let (mut undecided, mut failures, mut on_slot) = (0, 0, 0);
        for (index, spec) in run.specs.iter().enumerate() {
            let index = SpecIndex(index as u32);
            let active: Vec<u32> = spec.live_attempts().map(|(number, _)| number).collect();
            let running = spec.attempts.iter().filter(|a| a.phase == AttemptPhase::Active).count();
            on_slot += running as u32;
            let parked = self.live.runs.get(&id).and_then(|live| live.group(spec.group));
            let parked = parked.is_some_and(|group| group.is_parked(spec, index));
            match spec.phase {
                SpecPhase::Waiting { .. } => {
                    undecided += 1;
                    if queued.remove(&index) == parked {
                        say(format!("spec {} waits in no place, or in two", index.0));
                    }
                    if !active.is_empty() {
                        say(format!("spec {} waits while an attempt is active", index.0));
                    }
                }
                SpecPhase::Active => {
                    undecided += 1;
                    let ids = active.iter().map(|number| AttemptId { run: id, spec: index, number: *number });
                    let workers: Vec<_> = ids.filter_map(|id| on_slots.get(&id)).collect();
                    let apart = workers.len() < 2 || workers[0] != workers[1];
                    if !(1..=2).contains(&active.len()) || workers.len() != active.len() || !apart || parked {
                        say(format!(
                            "spec {} is active, but its attempts are not on slots as they should",
                            index.0
                        ));
                    }
                }
                SpecPhase::Decided(verdict) => {
                    failures += u32::from(matches!(verdict, SpecVerdict::NotPassed(_)) && !spec.quarantined);
                    if !active.is_empty() || parked {
                        say(format!("spec {} is decided while an attempt is active", index.0));
                    }
                }
            }
        }
        if let Some(index) = queued.first() {
            say(format!("spec {} is queued but does not wait", index.0));
        }
        if (undecided, failures, on_slot) != (run.undecided, run.failures, run.active) {
            say("its counts of undecided, failed and running specs are wrong".to_owned());
        }
        let completes = self.live.timers.iter().any(|(_, timer)| *timer == Timer::Complete(id));
        if run.finished.is_none() && run.sealed && undecided == 0 && on_slot == 0 && !completes {
            say("everything is decided, but it is not finished and nobody looks whether it is".to_owned());
        }
        self.audit_chains(id, found);
    }

    /// No two specs of a chain are on slots or queued at one time, nor are specs of two stages; locks are held by no more
    /// than may.
    fn audit_chains(&self, id: RunId, found: &mut Vec<Violation>) {
        let Some((run, live)) = self.state.run(id).zip(self.live.runs.get(&id)) else { return };
        let mut turns = BTreeMap::new();
        let queued: BTreeSet<SpecIndex> = live.queue.iter().map(|(_, place)| place.spec).collect();
        for (index, spec) in run.specs.iter().enumerate() {
            let index = SpecIndex(index as u32);
            let Some(group) = live.group(spec.group) else { continue };
            let running = spec.attempts.iter().any(|a| a.phase == AttemptPhase::Active);
            if (running || queued.contains(&index)) && group.is_too_early(spec) {
                found.push(Violation(format!("run {id:?}: spec {} runs before its stage", index.0)));
            }
            let Some(chain) = group.chain_of(spec).filter(|_| running || queued.contains(&index)) else {
                continue;
            };
            if group.turn(&chain) != Some(index) {
                found.push(Violation(format!("run {id:?}: spec {} runs out of its turn", index.0)));
            }
            if let Some(other) = turns.insert((spec.group, chain), index) {
                let both = format!("specs {} and {} of one chain run at one time", other.0, index.0);
                found.push(Violation(format!("run {id:?}: {both}")));
            }
        }
    }

    fn audit_locks(&self, on_slots: &BTreeMap<AttemptId, WorkerKey>, found: &mut Vec<Violation>) {
        for (name, holders, permits) in self.live.locks.iter() {
            // Whoever declared fewer permits later takes nothing away from those who hold some.
            let declared_later = holders.len() > permits as usize;
            if declared_later && self.state.runs().count() < 2 {
                found.push(Violation(format!("lock {name} is held {} times of {permits}", holders.len())));
            }
            for holder in holders {
                let holds = self
                    .state
                    .attempt(*holder)
                    .is_some_and(|(_, spec, _)| spec.locks.iter().any(|lock| lock.name == name));
                if !holds || !on_slots.contains_key(holder) {
                    found.push(Violation(format!("lock {name} is held by {holder}, which is on no slot")));
                }
            }
        }
    }

    /// What is kept beside the ledger to decide fast agrees with the ledger, and somebody watches every worker.
    fn audit_live(&self, found: &mut Vec<Violation>) {
        if !self.live.runs.keys().eq(self.state.runs().map(|run| &run.id)) {
            found.push(Violation("the runs in memory and the runs being scheduled differ".to_owned()));
        }
        for (id, live) in &self.live.runs {
            let work = (!live.queue.is_empty()).then(|| live.queue.work());
            if self.live.order.waiting(*id) != work {
                found.push(Violation(format!(
                    "run {id:?}: its place among the runs does not match its queue"
                )));
            }
            let queued: BTreeSet<SpecIndex> = live.queue.iter().map(|(_, place)| place.spec).collect();
            let waits = |spec: &SpecIndex| {
                let spec_of = self.state.run(*id).and_then(|run| run.spec(*spec));
                let parked = spec_of.and_then(|of| Some(live.group(of.group)?.is_parked(of, *spec)));
                queued.contains(spec) || parked == Some(true)
            };
            if !live.elsewhere.keys().all(waits) {
                found.push(Violation(format!(
                    "run {id:?}: a spec that does not wait, waits for another worker"
                )));
            }
        }
        for (key, worker) in &self.live.workers {
            if !self.live.timers.iter().any(|(_, timer)| *timer == Timer::Silence(*key)) {
                found.push(Violation(format!("nobody watches whether worker {} is silent", worker.id)));
            }
        }
    }

    /// No worker runs two specs whose attempts took a worker down, barred workers get nothing, and whoever is cordoned
    /// has somebody who looks after that.
    fn audit_trust(&self, on_slots: &BTreeMap<AttemptId, WorkerKey>, found: &mut Vec<Violation>) {
        let mut suspects = BTreeSet::new();
        for (attempt, worker) in on_slots {
            let suspected = self.state.attempt(*attempt);
            let suspect = suspected.is_some_and(|(_, spec, _)| spec.is_suspect_in(attempt.number));
            if suspect && !suspects.insert(*worker) {
                found.push(Violation(format!("attempt {attempt} runs beside another suspect")));
            }
        }
        for (key, worker) in &self.live.workers {
            let taken = worker.slots().filter(|(_, running)| !running.is_empty()).count() as u32;
            if worker.count_free() != worker.free_counts() {
                found.push(Violation(format!("worker {}: its free slots are counted wrongly", worker.id)));
            }
            let suspicious = worker.running().any(|(_, running)| running.suspect);
            for (_, running) in worker.running() {
                let suspected = self.state.attempt(running.attempt);
                let suspect =
                    suspected.is_some_and(|(_, spec, _)| spec.is_suspect_in(running.attempt.number));
                if suspect != running.suspect {
                    found.push(Violation(format!(
                        "attempt {} is suspected by one account only",
                        running.attempt
                    )));
                }
            }
            if (worker.busy(), worker.runs_suspect()) != (taken, suspicious) {
                found.push(Violation(format!("worker {}: its slots are counted wrongly", worker.id)));
            }
            let waits = match worker.cordon.as_ref().map(|cordon| cordon.probation) {
                Some(Probation::Waits(until)) => Some((until, Timer::Probation(*key))),
                Some(Probation::Open | Probation::Tries(_)) | None => None,
            };
            if waits.is_some_and(|timer| !self.live.timers.contains(&timer)) {
                found.push(Violation(format!("nobody ends the cordon of worker {}", worker.id)));
            }
            if worker.cordon.is_some() != self.live.cordoned.contains(key) {
                found.push(Violation(format!(
                    "worker {} is cordoned, or not, by one account only",
                    worker.id
                )));
            }
        }
        for (class, counted) in self.live.classes.all_takers() {
            let takers =
                self.live.workers.values().filter(|worker| worker.is_taker() && worker.able.contains(class));
            if takers.count() as u32 != counted {
                found.push(Violation("the workers that take work of a class are counted wrongly".to_owned()));
            }
        }
        for (id, live) in &self.live.runs {
            let limited = self.state.run(*id).is_some_and(|run| run.policy.wait_for_workers.is_some());
            if (!live.barred.is_empty() || limited) != self.live.watched_runs.contains(id) {
                found.push(Violation(format!("run {id:?} is watched, or not, by one account only")));
            }
        }
    }

    /// The index of idle workers says what the workers say, and that of waiting classes what the queues say.
    fn audit_idle(&self, found: &mut Vec<Violation>) {
        let mut expected = 0;
        for (key, worker) in &self.live.workers {
            let Some((kind, place)) = idle_place(*key, worker) else { continue };
            expected += 1;
            if !self.live.idle.get(&kind).is_some_and(|places| places.contains(&place)) {
                let what = format!("worker {} is idle, but not where idle ones are kept", worker.id);
                found.push(Violation(what));
            }
        }
        if self.live.idle.values().map(BTreeSet::len).sum::<usize>() != expected {
            found.push(Violation("workers are kept as idle that are not".to_owned()));
        }
        let mut waiting = ClassSet::default();
        for live in self.live.runs.values() {
            live.queue.waiting().iter().for_each(|class| waiting.insert(class));
        }
        if waiting != self.live.classes.waiting() {
            found.push(Violation("the classes of which something waits are counted wrongly".to_owned()));
        }
    }
}
