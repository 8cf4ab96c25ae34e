//! What runs next, and where.

use super::next::may_fail;
use crate::live::{Kind, LiveRun, Running, Trust, WorkerKey};
use crate::queue::{Class, Lane, Place, Tier};
use crate::{
    AttemptId, AttemptOrder, AttemptVerdict, Command, Core, Effect, LinkState, Millis, Pending, Record, Run,
    RunId, Spec, SpecIndex, StartOrder, Timestamp,
};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a run is charged for a spec about which nothing is known.
const UNKNOWN_CHARGE: Millis = Millis::seconds(10);

/// A waiting spec and the worker that gets it.
#[derive(Clone, Copy)]
struct Choice {
    run: RunId,
    class: Class,
    lane: Lane,
    place: Place,
    worker: WorkerKey,
}

/// Idle workers of one kind, the least busy first.
type Idle = BTreeSet<(u32, WorkerKey)>;

impl Core {
    /// Gives every free slot the best spec that it can run.
    pub(crate) fn assign_free_slots(&mut self, now: Timestamp, pending: &mut Pending) {
        if self.live.gathering_until.is_some() {
            return;
        }
        let mut after = None;
        while let Some(kind) = self.next_kind(after) {
            match self.choose_for_kind(kind, now) {
                Some(choice) => self.assign(choice, now, pending),
                None => after = Some(kind),
            }
        }
    }

    fn next_kind(&self, after: Option<Kind>) -> Option<Kind> {
        use std::ops::Bound;
        let low = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.live.idle.range((low, Bound::Unbounded)).next().map(|(kind, _)| *kind)
    }

    fn choose_for_kind(&self, kind: Kind, now: Timestamp) -> Option<Choice> {
        let idle = self.live.idle.get(&kind)?;
        self.live.fair.iter().find_map(|run| self.choose_in_run(run, kind, idle, now))
    }

    fn choose_in_run(&self, run: RunId, kind: Kind, idle: &Idle, now: Timestamp) -> Option<Choice> {
        let live = self.live.runs.get(&run)?;
        let (_, able, trust) = kind;
        let mut classes: Vec<Class> = live.queue.waiting().intersection(able).iter().collect();
        classes.sort_by_key(|class| (self.live.classes.slots(*class), *class));
        for class in classes {
            // A suspect is no fair trial, unless there is nobody else to run it.
            let nobody_else = trust == Trust::OneAttempt && self.live.classes.takers(class) == 0;
            let lanes: &[Lane] = match trust {
                Trust::Full => &[Lane::Suspect, Lane::Open, Lane::Elsewhere],
                Trust::OneAttempt if nobody_else => &[Lane::Open, Lane::Elsewhere, Lane::Suspect],
                Trust::NoSuspects | Trust::OneAttempt => &[Lane::Open, Lane::Elsewhere],
            };
            let best = lanes
                .iter()
                .filter_map(|lane| self.choose_in_lane((run, live), class, *lane, kind, idle, now));
            if let Some(choice) = best.min_by_key(|choice| (self.is_a_gamble(trust, choice), choice.place)) {
                return Some(choice);
            }
        }
        None
    }

    fn choose_in_lane(
        &self,
        (run, live): (RunId, &LiveRun),
        class: Class,
        lane: Lane,
        (_, _, trust): Kind,
        idle: &Idle,
        now: Timestamp,
    ) -> Option<Choice> {
        let places = live.queue.places(class, lane).take(self.config.bounds.lookahead);
        let mut choices = places.filter_map(|place| {
            // At most the workers that it was on and those that are barred are passed over.
            let mut workers = idle.iter().map(|(_, key)| *key);
            let worker =
                workers.find(|worker| self.may_run_on((run, live), class, lane, place, *worker, now))?;
            Some(Choice { run, class, lane, place: *place, worker })
        });
        match trust {
            Trust::Full | Trust::NoSuspects => choices.next(),
            Trust::OneAttempt => {
                let first = choices.next()?;
                let safer =
                    std::iter::once(first).chain(choices).find(|choice| !self.is_a_gamble(trust, choice));
                Some(safer.unwrap_or(first))
            }
        }
    }

    /// True when a worker on probation could be a spec's undoing: it has no other chance.
    fn is_a_gamble(&self, trust: Trust, choice: &Choice) -> bool {
        let spec = self.state.run(choice.run).and_then(|run| Some((run, run.spec(choice.place.spec)?)));
        trust == Trust::OneAttempt && !spec.is_some_and(|(run, spec)| may_fail(run, spec))
    }

    /// A worker that could not be set up for a run gets nothing of it. A spec that goes again goes to a worker that has
    /// not had it, while there is one and for a bounded time.
    fn may_run_on(
        &self,
        (run, live): (RunId, &LiveRun),
        class: Class,
        lane: Lane,
        place: &Place,
        worker: WorkerKey,
        now: Timestamp,
    ) -> bool {
        let Some(worker) = self.live.workers.get(&worker) else { return false };
        let id = &worker.id;
        if live.bars(id) || lane == Lane::Suspect && worker.runs_suspect() {
            return false;
        }
        let Some(until) = live.elsewhere.get(&place.spec) else { return true };
        let Some(spec) = self.state.run(run).and_then(|run| run.spec(place.spec)) else { return true };
        let was_there = spec.attempts.iter().any(|attempt| attempt.worker == *id);
        now >= *until || !was_there || !self.has_elsewhere(live, class, spec)
    }

    /// True when another worker takes work of the class that has not had the spec.
    pub(crate) fn has_elsewhere(&self, live: &LiveRun, class: Class, spec: &Spec) -> bool {
        let of_no_use = |name| {
            let (_, worker) = self.live.named(name)?;
            (worker.is_taker() && worker.able.contains(class)).then_some(name)
        };
        let tried = spec.attempts.iter().map(|attempt| &attempt.worker);
        let tried: BTreeSet<_> = tried.chain(live.barred.keys()).filter_map(of_no_use).collect();
        self.live.classes.takers(class) as usize > tried.len()
    }

    fn assign(&mut self, choice: Choice, now: Timestamp, pending: &mut Pending) {
        let Choice { run: run_id, class, lane, place, worker: key } = choice;
        let Some(worker) = self.live.workers.get(&key) else { return };
        if now.since(worker.last_heard) >= self.config.bounds.suspect_after {
            // Its silence is looked at in a moment, but by then this would have been given to it.
            return self.live.change(key, |worker| worker.link = LinkState::Suspect);
        }
        let (Some(slot), worker_id) = (worker.free_slot(), worker.id.clone()) else { return };
        let Some(spec) = self.state.run(run_id).and_then(|run| run.spec(place.spec)) else { return };
        let attempt = AttemptId { run: run_id, spec: place.spec, number: spec.attempts.len() as u32 + 1 };
        let forecast = self.forecast(run_id, spec);
        let charged = forecast.unwrap_or(UNKNOWN_CHARGE);
        let running = Running { attempt, charged, suspect: lane == Lane::Suspect };

        self.dequeue(run_id, class, lane, &place);
        self.live.fair.charge(run_id, charged, None);
        self.live.change(key, |worker| worker.take(slot, running));
        self.tries_on_probation(key, attempt);
        let assigned = Record::AttemptAssigned {
            attempt,
            worker: worker_id.clone(),
            slot,
            forecast,
            why: None,
            batch: None,
        };
        self.record(run_id, assigned, now, pending);
        if let Some(order) = self.state.run(run_id).and_then(|run| order(run, attempt)) {
            let start = StartOrder { slot, workspace: order.1, attempts: vec![order.0], cpus: None };
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
        let Some((class, lane, place)) = self.place_of(run_id, index) else { return };
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        live.queue.push(class, lane, place);
        // What it could hope for may be gone by now.
        self.live.takers_changed |= !live.barred.is_empty();
        self.live.fair.set_waiting(run_id, true);
    }

    /// Takes a waiting spec out of its queue, before something changes that its place depends on.
    pub(crate) fn withdraw(&mut self, run_id: RunId, index: SpecIndex) {
        let Some((class, lane, place)) = self.place_of(run_id, index) else { return };
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        live.queue.remove(class, lane, &place);
        if live.queue.is_empty() {
            self.live.fair.set_waiting(run_id, false);
        }
    }

    /// Where a waiting spec stands, as it follows from the ledger and from what is kept for it.
    pub(crate) fn place_of(&self, run_id: RunId, index: SpecIndex) -> Option<(Class, Lane, Place)> {
        let (spec, live) = (self.state.run(run_id)?.spec(index)?, self.live.runs.get(&run_id)?);
        let (tier, weight) = match (last_verdict(spec), spec.estimate) {
            (Some(AttemptVerdict::Lost | AttemptVerdict::Cancelled | AttemptVerdict::SetupFailed), _) => {
                (Tier::Again, 0)
            }
            (Some(_), _) => (Tier::Retry, 0),
            (None, None) => (Tier::Unknown, spec.size_bytes),
            (None, Some(estimate)) => (Tier::Known, estimate.expected().0),
        };
        let lane = match live.elsewhere.contains_key(&index) {
            _ if spec.is_suspect() => Lane::Suspect,
            true => Lane::Elsewhere,
            false => Lane::Open,
        };
        Some((live.class_of(spec.group), lane, Place { tier, weight: Reverse(weight), spec: index }))
    }

    pub(crate) fn dequeue(&mut self, run: RunId, class: Class, lane: Lane, place: &Place) {
        let Some(live) = self.live.runs.get_mut(&run) else { return };
        live.queue.remove(class, lane, place);
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
        only: None,
        timeout: None,
    };
    Some((order, run.submission_of(group).workspace.as_ref().clone()))
}
