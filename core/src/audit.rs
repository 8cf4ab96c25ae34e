//! The invariants, checked. Tests and simulation call [`Core::audit`] after every input.

use crate::live::{Probation, Timer, WorkerKey};
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
            for (class, lane, place) in live.queue.iter() {
                if !queued.insert(place.spec) {
                    say(format!("spec {} is queued twice", place.spec.0));
                }
                if run.spec(place.spec).is_none_or(|spec| live.class_of(spec.group) != class) {
                    say(format!("spec {} is queued under a class that is not its own", place.spec.0));
                }
                if self.place_of(id, place.spec) != Some((class, lane, *place)) {
                    say(format!("spec {} is queued in a place that is not its own", place.spec.0));
                }
            }
        }
        let (mut undecided, mut failures) = (0, 0);
        for (index, spec) in run.specs.iter().enumerate() {
            let index = SpecIndex(index as u32);
            let active = spec.attempts.iter().filter(|a| a.phase == AttemptPhase::Active).count();
            match spec.phase {
                SpecPhase::Waiting { .. } => {
                    undecided += 1;
                    if !queued.remove(&index) {
                        say(format!("spec {} waits but is not queued", index.0));
                    }
                    if active > 0 {
                        say(format!("spec {} waits while an attempt is active", index.0));
                    }
                }
                SpecPhase::Active => {
                    undecided += 1;
                    let number = spec.attempts.len() as u32;
                    if active != 1 || !on_slots.contains_key(&AttemptId { run: id, spec: index, number }) {
                        say(format!("spec {} is active, but its attempt is on no slot", index.0));
                    }
                }
                SpecPhase::Decided(verdict) => {
                    failures += u32::from(matches!(verdict, SpecVerdict::NotPassed(_)));
                    if active > 0 {
                        say(format!("spec {} is decided while an attempt is active", index.0));
                    }
                }
            }
        }
        if let Some(index) = queued.first() {
            say(format!("spec {} is queued but does not wait", index.0));
        }
        if (undecided, failures) != (run.undecided, run.failures) {
            say("its counts of undecided and failed specs are wrong".to_owned());
        }
        if run.finished.is_none() && run.sealed && undecided == 0 {
            say("everything is decided, but it is not finished".to_owned());
        }
    }

    /// What is kept beside the ledger to decide fast agrees with the ledger, and somebody watches every worker.
    fn audit_live(&self, found: &mut Vec<Violation>) {
        if !self.live.runs.keys().eq(self.state.runs().map(|run| &run.id)) {
            found.push(Violation("the runs in memory and the runs being scheduled differ".to_owned()));
        }
        for (id, live) in &self.live.runs {
            if self.live.fair.is_waiting(*id) == live.queue.is_empty() {
                found.push(Violation(format!(
                    "run {id:?}: its place among the runs does not match its queue"
                )));
            }
            let queued: BTreeSet<SpecIndex> = live.queue.iter().map(|(_, _, place)| place.spec).collect();
            if !live.elsewhere.keys().all(|spec| queued.contains(spec)) {
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
            let suspect = self.state.attempt(*attempt).is_some_and(|(_, spec, _)| spec.is_suspect());
            if suspect && !suspects.insert(*worker) {
                found.push(Violation(format!("attempt {attempt} runs beside another suspect")));
            }
        }
        for (key, worker) in &self.live.workers {
            let taken = worker.running().count() as u32;
            let suspicious = worker.running().any(|(_, running)| running.suspect);
            for (_, running) in worker.running() {
                let suspect =
                    self.state.attempt(running.attempt).is_some_and(|(_, spec, _)| spec.is_suspect());
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
            if live.barred.is_empty() == self.live.barred_runs.contains(id) {
                found.push(Violation(format!("run {id:?} is barred, or not, by one account only")));
            }
        }
    }

    /// The index of idle workers says what the workers say.
    fn audit_idle(&self, found: &mut Vec<Violation>) {
        let idle = self
            .live
            .workers
            .iter()
            .filter(|(_, worker)| worker.takes_work() && worker.free_slot().is_some());
        let mut expected = 0;
        for (key, worker) in idle {
            expected += 1;
            let places = self.live.idle.get(&(worker.able.len(), worker.able, worker.trust()));
            if !places.is_some_and(|places| places.contains(&(worker.busy(), *key))) {
                found.push(Violation(format!(
                    "worker {} is idle, but not where idle ones are kept",
                    worker.id
                )));
            }
        }
        if self.live.idle.values().map(BTreeSet::len).sum::<usize>() != expected {
            found.push(Violation("workers are kept as idle that are not".to_owned()));
        }
    }
}
