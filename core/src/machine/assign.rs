//! The choice: which spec goes to which free slot.
//!
//! Workers that can do least choose first, so that a slot which can do what few can is not spent on what any
//! can do. For each free slot: the least served run, inside it the scarcest class, inside that specs whose
//! worker was lost, then unknown ones, then the longest, and retries last.

use crate::live::{Running, WorkerKey};
use crate::queue::{Class, ClassSet, Place, Tier};
use crate::{
    AttemptId, AttemptOrder, AttemptVerdict, Command, Core, Effect, Millis, Pending, Record, Run, RunId,
    Spec, SpecIndex, StartOrder, Timestamp,
};
use std::cmp::Reverse;
use std::sync::Arc;

/// What a run is charged for a spec about which nothing is known.
const UNKNOWN_CHARGE: Millis = Millis::seconds(10);

impl Core {
    /// Gives every free slot the best spec that it can run.
    pub(crate) fn assign_free_slots(&mut self, now: Timestamp, pending: &mut Pending) {
        if self.live.recovering_until.is_some() {
            return;
        }
        let mut after = None;
        while let Some(kind) = self.next_kind(after) {
            match self.choose_for_kind(kind.1, now) {
                Some((worker, run, class, place)) => self.assign(worker, run, class, place, now, pending),
                None => after = Some(kind),
            }
        }
    }

    fn next_kind(&self, after: Option<(u32, ClassSet)>) -> Option<(u32, ClassSet)> {
        use std::ops::Bound;
        let low = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.live.idle.range((low, Bound::Unbounded)).next().map(|(kind, _)| *kind)
    }

    fn choose_for_kind(&self, able: ClassSet, now: Timestamp) -> Option<(WorkerKey, RunId, Class, Place)> {
        let idle = self.live.idle.get(&(able.len(), able))?;
        // Only a retry that avoids its worker makes a second worker of one kind worth asking.
        for (_, worker) in idle.iter().take(self.config.bounds.lookahead) {
            for run in self.live.fair.iter() {
                if let Some((class, place)) = self.choose_in_run(run, able, *worker, now) {
                    return Some((*worker, run, class, place));
                }
            }
        }
        None
    }

    fn choose_in_run(
        &self,
        run: RunId,
        able: ClassSet,
        worker: WorkerKey,
        now: Timestamp,
    ) -> Option<(Class, Place)> {
        let live = self.live.runs.get(&run)?;
        let mut classes: Vec<Class> = live.queue.waiting().intersection(able).iter().collect();
        classes.sort_by_key(|class| (self.live.classes.slots(*class), *class));
        for class in classes {
            let mut places = live.queue.places(class).take(self.config.bounds.lookahead);
            if let Some(place) = places.find(|place| self.may_run_on(run, place, worker, now)) {
                return Some((class, *place));
            }
        }
        None
    }

    /// A retry goes to a worker that has not failed it, while one exists and for a bounded time.
    fn may_run_on(&self, run: RunId, place: &Place, worker: WorkerKey, now: Timestamp) -> bool {
        let until = self.live.runs.get(&run).and_then(|live| live.elsewhere.get(&place.spec));
        let Some(until) = until else { return true };
        let Some(spec) = self.state.run(run).and_then(|run| run.spec(place.spec)) else { return true };
        now >= *until || !self.has_failed_on(spec, worker)
    }

    fn has_failed_on(&self, spec: &Spec, worker: WorkerKey) -> bool {
        let Some(worker) = self.live.workers.get(&worker) else { return false };
        spec.attempts.iter().any(|attempt| attempt.worker == worker.id)
    }

    /// True when another worker that takes work could run the spec and has not tried it.
    pub(crate) fn has_elsewhere(&self, class: Class, spec: &Spec) -> bool {
        self.live.workers.iter().any(|(key, worker)| {
            worker.takes_work() && worker.able.contains(class) && !self.has_failed_on(spec, *key)
        })
    }

    fn assign(
        &mut self,
        key: WorkerKey,
        run_id: RunId,
        class: Class,
        place: Place,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let Some(worker) = self.live.workers.get(&key) else { return };
        let (Some(slot), worker_id) = (worker.free_slot(), worker.id.clone()) else { return };
        let Some(spec) = self.state.run(run_id).and_then(|run| run.spec(place.spec)) else { return };
        let attempt = AttemptId { run: run_id, spec: place.spec, number: spec.attempts.len() as u32 + 1 };
        let forecast = self.forecast(run_id, spec);
        let charged = forecast.unwrap_or(UNKNOWN_CHARGE);

        self.dequeue(run_id, class, &place);
        self.live.fair.charge(run_id, charged, None);
        self.live.change(key, |worker| {
            worker.slots.insert(slot, Some(Running { attempt, charged }));
        });
        let assigned = Record::AttemptAssigned { attempt, worker: worker_id.clone(), slot, forecast };
        self.record(run_id, assigned, now, pending);
        if let Some(order) = self.state.run(run_id).and_then(|run| order(run, attempt)) {
            let start = StartOrder { slot, workspace: order.1, attempts: vec![order.0] };
            pending.effect(Effect::Command { worker: worker_id, command: Command::Start(start) });
        }
    }

    /// How long a spec is expected to take: from its own history, else like its group.
    pub(crate) fn forecast(&self, run: RunId, spec: &Spec) -> Option<Millis> {
        let own = spec.estimate.map(|estimate| estimate.expected());
        own.or_else(|| self.live.runs.get(&run)?.typical_of(spec.group))
    }

    /// Puts a waiting spec into its queue.
    pub(crate) fn enqueue(&mut self, run_id: RunId, index: SpecIndex) {
        let Some(spec) = self.state.run(run_id).and_then(|run| run.spec(index)) else { return };
        let (tier, weight) = match (last_verdict(spec), spec.estimate) {
            (Some(AttemptVerdict::Lost | AttemptVerdict::Cancelled), _) => (Tier::Again, 0),
            (Some(_), _) => (Tier::Retry, 0),
            (None, None) => (Tier::Unknown, spec.size_bytes),
            (None, Some(estimate)) => (Tier::Known, estimate.expected().0),
        };
        let place = Place { tier, weight: Reverse(weight), spec: index };
        let group = spec.group;
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        let class = live.class_of(group);
        live.queue.push(class, place);
        self.live.fair.set_waiting(run_id, true);
    }

    fn dequeue(&mut self, run: RunId, class: Class, place: &Place) {
        let Some(live) = self.live.runs.get_mut(&run) else { return };
        live.queue.remove(class, place);
        live.elsewhere.remove(&place.spec);
        if live.queue.is_empty() {
            self.live.fair.set_waiting(run, false);
        }
    }
}

fn last_verdict(spec: &Spec) -> Option<AttemptVerdict> {
    spec.deciding_finish().map(|finish| finish.verdict)
}

fn order(run: &Run, attempt: AttemptId) -> Option<(AttemptOrder, crate::Workspace)> {
    let spec = run.spec(attempt.spec)?;
    let group = run.group_of(spec);
    let order = AttemptOrder {
        attempt,
        project: Arc::clone(&run.project),
        group: Arc::clone(&group.label),
        spec: Arc::clone(&spec.name),
        recipe: Arc::clone(&group.recipe),
        expected_tests: spec.expected_tests.clone(),
    };
    Some((order, run.workspace.clone()))
}
