//! What runs next, and where.

use super::next::may_fail;
use crate::live::{IdlePlace, Kind, LiveRun, Room, Running, Trust, WorkerKey};
use crate::queue::{Class, ClassSet, Gate, Lane, Place, Queue, Tier, UNKNOWN_WORK};
use crate::{
    AttemptId, Command, Core, Effect, GroupIndex, LinkState, Millis, Pending, Record, Rule, RunId, Spec,
    StartOrder, Timestamp, Turn, Why,
};
use std::collections::BTreeSet;

/// What a run is charged for a spec about which nothing is known.
const UNKNOWN_CHARGE: Millis = Millis(UNKNOWN_WORK);

/// A waiting spec and the worker that gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) run: RunId,
    pub(super) queue: Queue,
    pub(super) place: Place,
    pub(super) worker: WorkerKey,
    turn: Turn,
}

/// What a choice in one run is made for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    kind: Kind,
    idle: &'a BTreeSet<IdlePlace>,
    /// The classes that are looked at.
    classes: ClassSet,
    now: Timestamp,
}

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

    /// The spec that the next free slot gets, and its worker; none while nothing can be assigned. Changes nothing.
    pub fn what_next(&self, now: Timestamp) -> Option<(RunId, crate::SpecIndex, &crate::WorkerId)> {
        let mut after = None;
        while let Some(kind) = self.next_kind(after) {
            if let Some(choice) = self.choose_for_kind(kind, now) {
                let worker = self.live.workers.get(&choice.worker)?;
                return Some((choice.run, choice.place.spec, &worker.id));
            }
            after = Some(kind);
        }
        None
    }

    /// The kinds of idle workers, one after the other. Extra slots come last, and only where some run may use them.
    fn next_kind(&self, after: Option<Kind>) -> Option<Kind> {
        use std::ops::Bound;
        let low = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (kind, _) = self.live.idle.range((low, Bound::Unbounded)).next()?;
        (kind.0 == Room::Usual || self.live.greedy_runs > 0).then_some(*kind)
    }

    /// What the idle workers of a kind do next: what the fewest slots can serve, whichever run it is of; between runs,
    /// in their order. On a guaranteed turn the run that was served least has its best, whatever that is.
    fn choose_for_kind(&self, kind: Kind, now: Timestamp) -> Option<Choice> {
        let idle = self.live.idle.get(&kind)?;
        let able = self.live.classes.waiting().intersection(kind.2);
        if able.is_empty() {
            return None;
        }
        let asked = Asked { kind, idle, classes: able, now };
        if self.live.turns.is_multiple_of(self.config.bounds.guaranteed_turn.max(1)) {
            let mut runs = self.live.order.guaranteed();
            let choice = runs.find_map(|run| self.choose_in_run(run, asked, Turn::Guaranteed));
            return choice
                .map(|choice| Choice { turn: self.turn_of(choice.run, Turn::Guaranteed), ..choice });
        }
        let mut left = able;
        for level in self.live.classes.levels() {
            let classes = level.intersection(left);
            if classes.is_empty() {
                continue;
            }
            left = left.without(level);
            let turn = if left.is_empty() { Turn::Shortest } else { Turn::Scarce };
            let mut runs = self.live.order.iter();
            let choice = runs.find_map(|run| self.choose_in_run(run, Asked { classes, ..asked }, turn));
            if let Some(choice) = choice {
                return Some(Choice { turn: self.turn_of(choice.run, turn), ..choice });
            }
        }
        None
    }

    /// Why a run had its turn, as closely as that can be said.
    fn turn_of(&self, run: RunId, found: Turn) -> Turn {
        let standing = self.live.order.standing(run);
        match found {
            _ if standing.alone => Turn::Alone,
            Turn::Guaranteed | Turn::Scarce => found,
            _ if standing.outranks => Turn::Priority,
            _ if standing.has_siblings => Turn::Shortest,
            Turn::Alone | Turn::Priority | Turn::Share | Turn::Shortest => Turn::Share,
        }
    }

    fn choose_in_run(&self, run: RunId, asked: Asked<'_>, turn: Turn) -> Option<Choice> {
        self.live.step();
        let live = self.live.runs.get(&run)?;
        let classes = live.queue.waiting().intersection(asked.classes);
        let trust = asked.kind.3;
        for level in self.live.classes.levels() {
            for class in level.intersection(classes).iter() {
                // A suspect is no fair trial, unless there is nobody else to run it.
                let nobody_else = trust == Trust::OneAttempt && self.live.classes.takers(class) == 0;
                let lanes: &[Lane] = match trust {
                    Trust::Full => &[Lane::Suspect, Lane::Open, Lane::Elsewhere],
                    Trust::OneAttempt if nobody_else => &[Lane::Open, Lane::Elsewhere, Lane::Suspect],
                    Trust::NoSuspects | Trust::OneAttempt => &[Lane::Open, Lane::Elsewhere],
                };
                let queues = lanes.iter().flat_map(|lane| live.queue.lane(class, *lane));
                let best =
                    queues.filter_map(|(queue, _)| self.choose_in_queue((run, live), queue, asked, turn));
                let best = best.min_by_key(|choice| (self.is_a_gamble(trust, choice), choice.place));
                if best.is_some() {
                    return best;
                }
            }
        }
        None
    }

    fn choose_in_queue(
        &self,
        (run, live): (RunId, &LiveRun),
        queue: Queue,
        asked: Asked<'_>,
        turn: Turn,
    ) -> Option<Choice> {
        let gate = live.gate(queue.gate)?;
        let closed = self.live.locks.taken(&gate.locks).is_some();
        if closed || asked.kind.0 == Room::ExtraOnly && !gate.greedy {
            return None;
        }
        let places = live.queue.queue(queue)?.places().take(self.config.bounds.lookahead);
        let mut choices = places.filter_map(|place| {
            // At most the workers that it was on, those that are barred and those at a limit are passed over.
            let mut workers = asked.idle.iter().map(|(_, _, key)| *key);
            let worker = workers.find(|worker| {
                self.live.step();
                self.may_run_on((run, live), (queue, gate), place, *worker, asked.now)
            })?;
            Some(Choice { run, queue, place: *place, worker, turn })
        });
        match asked.kind.3 {
            Trust::Full | Trust::NoSuspects => choices.next(),
            trust @ Trust::OneAttempt => {
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

    /// A worker that could not be set up for a run gets nothing of it, nor does one that runs as much of a group as it
    /// may. A spec that goes again goes to a worker that has not had it, while there is one and for a bounded time.
    fn may_run_on(
        &self,
        (run, live): (RunId, &LiveRun),
        (queue, gate): (Queue, &Gate),
        place: &Place,
        worker: WorkerKey,
        now: Timestamp,
    ) -> bool {
        let Some(worker) = self.live.workers.get(&worker) else { return false };
        let id = &worker.id;
        if live.bars(id) || queue.lane == Lane::Suspect && worker.runs_suspect() {
            return false;
        }
        if let Some(group) = gate.limited
            && self.is_at_limit(worker, run, group)
        {
            return false;
        }
        let Some(until) = live.elsewhere.get(&place.spec) else { return true };
        let Some(spec) = self.state.run(run).and_then(|run| run.spec(place.spec)) else { return true };
        let was_there = spec.attempts.iter().any(|attempt| attempt.worker == *id);
        now >= *until || !was_there || !self.has_elsewhere(live, queue.class, spec)
    }

    /// True when a worker runs as many specs of a group as the group's rules allow.
    pub(crate) fn is_at_limit(&self, worker: &crate::live::Worker, run: RunId, group: GroupIndex) -> bool {
        let group_of = |run: RunId| self.state.run(run)?.groups.get(group.0 as usize);
        let limit = group_of(run).and_then(|of| worker.limit(&of.policy, self.config.bounds.overcommit));
        limit.is_some_and(|limit| worker.count_of(run, group) >= limit)
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
        let Some(worker) = self.live.workers.get(&choice.worker) else { return };
        if now.since(worker.last_heard) >= self.config.bounds.suspect_after {
            // Its silence is looked at in a moment, but by then this would have been given to it.
            return self.live.change(choice.worker, |worker| worker.link = LinkState::Suspect);
        }
        let Some((slot, after)) = worker.free_slot() else { return };
        let why = self.why(&choice, after);
        self.live.turns += 1;
        let batch = self.batch_of(&choice, now);
        let first = (batch.len() > 1).then_some(choice.place.spec);
        let forecasts = self.forecasts_of(choice.run, &batch, choice.worker);
        let mut attempts = Vec::with_capacity(batch.len());
        for (place, forecast) in batch.iter().zip(forecasts) {
            let why = match place.spec == choice.place.spec {
                true => why,
                false => Why { rule: Rule::Batch, ..why },
            };
            let taken = Taken { run: choice.run, spec: place.spec, slot, forecast, why, batch: first };
            self.dequeue(choice.run, choice.queue, place);
            attempts.extend(self.take(taken, choice.worker, now, pending));
        }
        self.order_start(choice.worker, slot, &attempts, pending);
    }

    /// Records an attempt on a worker's slot and keeps account of it.
    pub(super) fn take(
        &mut self,
        taken: Taken,
        key: WorkerKey,
        now: Timestamp,
        pending: &mut Pending,
    ) -> Option<AttemptId> {
        let worker = self.live.workers.get(&key)?.id.clone();
        let spec = self.state.run(taken.run)?.spec(taken.spec)?;
        let (suspect, locks) = (spec.is_suspect(), spec.locks.clone());
        let attempt = AttemptId { run: taken.run, spec: taken.spec, number: spec.attempts.len() as u32 + 1 };
        let charged = taken.forecast.unwrap_or(UNKNOWN_CHARGE);
        let limited = self.limited_group(taken.run, spec);
        self.live.order.charge(taken.run, charged, None);
        self.live
            .change(key, |worker| worker.take(taken.slot, Running { attempt, charged, suspect, limited }));
        self.live.locks.hold(&locks, attempt);
        self.tries_on_probation(key, attempt);
        let assigned = Record::AttemptAssigned {
            attempt,
            worker,
            slot: taken.slot,
            forecast: taken.forecast,
            why: Some(taken.why),
            batch: taken.batch,
        };
        self.record(taken.run, assigned, now, pending);
        if let Some(live) = self.live.runs.get_mut(&taken.run) {
            live.occupy((key, taken.slot), now, charged);
        }
        self.watch_for_straggling(attempt, now);
        Some(attempt)
    }

    /// The order that starts attempts on a slot, in one process.
    pub(super) fn order_start(
        &self,
        key: WorkerKey,
        slot: crate::SlotId,
        attempts: &[AttemptId],
        pending: &mut Pending,
    ) {
        let Some(worker) = self.live.workers.get(&key) else { return };
        let orders: Vec<_> = attempts.iter().filter_map(|attempt| self.order_of(*attempt)).collect();
        let group = attempts.first().and_then(|attempt| {
            let (run, spec, _) = self.state.attempt(*attempt)?;
            Some((run, run.group_of(spec)))
        });
        let Some((run, group)) = group else { return };
        let start = StartOrder {
            slot,
            workspace: run.submission_of(group).workspace.as_ref().clone(),
            attempts: orders,
            cpus: worker.cpus_for(&group.policy),
        };
        pending.effect(Effect::Command { worker: worker.id.clone(), command: Command::Start(start) });
    }

    /// Why this spec, there and now; before it leaves its queue.
    fn why(&self, choice: &Choice, after: Option<AttemptId>) -> Why {
        let most = self.config.bounds.candidates_counted as usize;
        let candidates = self.live.idle.iter().filter(|(kind, _)| kind.2.contains(choice.queue.class));
        let candidates: usize = candidates.map(|(_, idle)| idle.len()).take(most).sum();
        let waiting = self.live.runs.get(&choice.run).map_or(0, |live| live.queue.len());
        let rule = match choice.place.tier {
            Tier::Again => Rule::Again,
            Tier::FailedLast => Rule::FailedLast,
            Tier::Unknown => Rule::Unknown,
            Tier::Known => Rule::Longest,
            Tier::Retry => Rule::Retry,
        };
        Why {
            rule,
            turn: choice.turn,
            waiting: waiting as u32,
            candidates: candidates.min(most) as u32,
            after,
        }
    }
}

/// An attempt that is about to be recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) run: RunId,
    pub(super) spec: crate::SpecIndex,
    pub(super) slot: crate::SlotId,
    pub(super) forecast: Option<Millis>,
    pub(super) why: Why,
    pub(super) batch: Option<crate::SpecIndex>,
}
