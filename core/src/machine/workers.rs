//! Workers: introductions, health, silence.

use crate::live::{Running, Timer, WorkerKey};
use crate::{
    AttemptId, CancelMode, Command, Core, Effect, Finish, HeldState, Incarnation, Introduction, LinkState,
    LostCause, Millis, Pending, SlotId, Timestamp, WorkerId,
};
use std::collections::BTreeSet;

impl Core {
    pub(crate) fn worker_introduced(&mut self, said: Introduction, now: Timestamp, pending: &mut Pending) {
        let key = self.live.worker_key(&said.worker, now);
        let known = self.live.workers.get(&key);
        let earlier_life = known.and_then(|worker| worker.incarnation);
        let expected: Vec<(SlotId, Running)> =
            known.map(|worker| worker.running().collect()).unwrap_or_default();
        self.live.introduce(key, &said, self.config.bounds.slots_per_worker, now);
        self.watch_silence(key, now);
        self.unbar_earlier_lives(&said.worker);

        // What the leader thinks the worker runs: keep it where the worker agrees, else it is lost.
        let held: BTreeSet<AttemptId> = said.held.iter().map(|held| held.attempt).collect();
        let (mut kept, mut lost) = (BTreeSet::new(), Vec::new());
        for (slot, running) in expected {
            self.live.change(key, |worker| worker.take(slot, running));
            match held.contains(&running.attempt) {
                true => drop(kept.insert(running.attempt)),
                false => lost.push(running.attempt),
            }
        }
        self.cordon_of_a_returning_worker(key, earlier_life);
        // What the worker runs although the leader does not think so: decided elsewhere, or not from this ledger.
        let running =
            said.held.iter().filter(|held| held.state == HeldState::Running).map(|held| held.attempt);
        let discard = running.filter(|id| !kept.contains(id)).collect();

        let acknowledged = self.live.workers.get(&key).map_or(0, |worker| worker.acknowledged);
        let welcome = Command::Welcome { acknowledged, discard, lost_after: self.config.bounds.lost_after };
        pending.effect(Effect::Command { worker: said.worker.clone(), command: welcome });
        // An order to stop may have been dropped with the earlier link, or its leader.
        for attempt in kept {
            if let Some(mode) = self.live.runs.get(&attempt.run).and_then(|run| run.stop) {
                let command = Command::Cancel { attempt, mode };
                pending.effect(Effect::Command { worker: said.worker.clone(), command });
            }
        }
        for attempt in lost {
            let finish = self.came_back_without(attempt, earlier_life, said.incarnation);
            self.attempt_ended(attempt, finish, now, pending);
        }
        self.end_gathering_if_complete();
    }

    /// A worker came back without an attempt: it went down with an earlier life of the worker, or its order was dropped
    /// with an earlier link.
    fn came_back_without(&self, id: AttemptId, earlier: Option<Incarnation>, life: Incarnation) -> Finish {
        let had_started = self.state.attempt(id).is_some_and(|(_, _, attempt)| attempt.started_at.is_some());
        let same_life = match earlier {
            Some(earlier) => earlier == life,
            // An earlier leader knew; in one life a worker forgets nothing that it has begun.
            None => !had_started,
        };
        let cause = if same_life { LostCause::OrderMissed } else { LostCause::WorkerRestarted };
        Finish::lost(cause, "the worker came back without it")
    }

    /// Ends the gathering early once every worker that holds attempts is back.
    pub(crate) fn end_gathering_if_complete(&mut self) {
        if self.live.gathering_until.is_none() {
            return;
        }
        let mut absent = self.live.workers.values().filter(|worker| worker.link == LinkState::Absent);
        let all_back = absent.all(|worker| worker.busy() == 0);
        if all_back && let Some(until) = self.live.gathering_until.take() {
            self.live.timers.remove(&(until, Timer::GatheringEnds));
        }
    }

    pub(crate) fn link_closed(&mut self, worker: &WorkerId, incarnation: Incarnation, now: Timestamp) {
        let Some((key, known)) = self.live.named(worker) else { return };
        if known.incarnation != Some(incarnation) {
            return;
        }
        if known.busy() == 0 {
            return self.forget_worker(key);
        }
        self.live.change(key, |worker| worker.link = LinkState::Absent);
        self.live.count_slots();
        self.watch_silence(key, now);
    }

    pub(crate) fn heard_from(&mut self, worker: &WorkerId, incarnation: Incarnation, now: Timestamp) {
        let Some((key, known)) = self.live.named(worker) else { return };
        if known.incarnation != Some(incarnation) {
            return;
        }
        if known.link == LinkState::Suspect {
            self.live.change(key, |worker| worker.link = LinkState::Present);
        }
        if let Some(worker) = self.live.workers.get_mut(&key) {
            worker.last_heard = worker.last_heard.max(now);
        }
    }

    pub(crate) fn drain_changed(&mut self, worker: &WorkerId, draining: bool) {
        if let Some((key, _)) = self.live.named(worker) {
            self.live.change(key, |worker| worker.draining = draining);
        }
    }

    pub(crate) fn health_changed(
        &mut self,
        worker: &WorkerId,
        incarnation: Incarnation,
        problem: Option<String>,
    ) {
        let Some((key, known)) = self.live.named(worker) else { return };
        if known.incarnation == Some(incarnation) {
            self.live.change(key, |worker| worker.problem = problem);
        }
    }

    pub(crate) fn pressure_changed(
        &mut self,
        worker: &WorkerId,
        incarnation: Incarnation,
        scarce: Option<String>,
    ) {
        let Some((key, known)) = self.live.named(worker) else { return };
        if known.incarnation == Some(incarnation) {
            self.live.change(key, |worker| worker.scarce = scarce);
        }
    }

    pub(crate) fn held_back(&mut self, worker: WorkerId, by: Option<String>) {
        if let Some((key, _)) = self.live.named(&worker) {
            let by = by.clone();
            self.live.change(key, |worker| worker.held_back_by = by);
        }
        match by {
            Some(by) => drop(self.live.held_back.insert(worker, by)),
            None => drop(self.live.held_back.remove(&worker)),
        }
    }

    pub(crate) fn leader_paused(&mut self, lasted: Millis, now: Timestamp) {
        for worker in self.live.workers.values_mut() {
            // Never into the future: what was heard after the pause is not older for it.
            worker.last_heard = now.min(worker.last_heard + lasted).max(worker.last_heard);
        }
    }

    /// Makes sure that a worker's silence is looked at; one timer per worker.
    pub(crate) fn watch_silence(&mut self, key: WorkerKey, now: Timestamp) {
        self.live.timers.retain(|(_, timer)| *timer != Timer::Silence(key));
        self.live.timers.insert((now + self.config.bounds.suspect_after, Timer::Silence(key)));
    }

    pub(crate) fn time_passed(&mut self, now: Timestamp, pending: &mut Pending) {
        while let Some((at, timer)) = self.live.timers.first().copied()
            && at <= now
        {
            self.live.timers.pop_first();
            match timer {
                Timer::Silence(key) => self.look_at_silence(key, now, pending),
                Timer::GatheringEnds => self.live.gathering_until = None,
                // `assign_free_slots` follows every input and now finds the retry free to go anywhere.
                Timer::Elsewhere(_) => {}
                Timer::Probation(key) => self.open_probation(key, now),
                Timer::GiveUp(run) => self.give_up(run, now, pending),
                Timer::Complete(run) => self.finish_run_if_done(run, now, pending),
                // `back_up_stragglers` follows every input.
                Timer::Straggler(_) => {}
            }
        }
    }

    fn look_at_silence(&mut self, key: WorkerKey, now: Timestamp, pending: &mut Pending) {
        let Some(worker) = self.live.workers.get(&key) else { return };
        let (silent, since) = (now.since(worker.last_heard), worker.last_heard);
        let held: Vec<AttemptId> = worker.running().map(|(_, running)| running.attempt).collect();
        let (name, linked) = (worker.id.clone(), worker.link != LinkState::Absent);
        let came_back = worker.incarnation.is_some();
        let gone: Vec<AttemptId> =
            held.iter().copied().filter(|id| silent >= self.patience(id.run, came_back)).collect();
        for attempt in &gone {
            let message = format!("nothing heard from worker {name} for {silent}");
            self.attempt_ended(*attempt, Finish::lost(LostCause::WorkerSilent, message), now, pending);
        }
        let nothing_left = gone.len() == held.len();
        if nothing_left && (silent >= self.config.bounds.lost_after || !linked) {
            self.forget_worker(key);
            if linked {
                pending.effect(Effect::CloseLink { worker: name });
            }
            return;
        }
        // The link may still come to life: what runs there then would be in the way of what comes next.
        for attempt in gone.iter().copied().filter(|_| linked) {
            let command = Command::Cancel { attempt, mode: CancelMode::Kill };
            pending.effect(Effect::Command { worker: name.clone(), command });
        }
        let suspect_after = self.config.bounds.suspect_after;
        if silent >= suspect_after {
            self.live.change(key, |worker| {
                if worker.link == LinkState::Present {
                    worker.link = LinkState::Suspect;
                }
            });
            let patience = held.iter().map(|id| self.patience(id.run, came_back));
            let next = patience.chain([self.config.bounds.lost_after]);
            let next = next.map(|limit| since + limit).filter(|at| *at > now).min();
            let next = next.unwrap_or(now + suspect_after);
            self.live.timers.insert((next.min(now + suspect_after), Timer::Silence(key)));
        } else {
            self.live.timers.insert((since + suspect_after, Timer::Silence(key)));
        }
    }

    /// After how much silence a worker's attempts of a run are lost.
    fn patience(&self, run: crate::RunId, came_back: bool) -> Millis {
        let bounds = &self.config.bounds;
        let own = self.state.run(run).and_then(|run| run.policy.lost_after);
        let lost_after = own.unwrap_or(bounds.lost_after).max(bounds.suspect_after);
        if came_back { lost_after } else { bounds.patience_after_takeover(lost_after) }
    }

    fn forget_worker(&mut self, key: WorkerKey) {
        self.live.forget_worker(key, self.config.bounds.cordons_away);
        self.live.count_slots();
        self.end_gathering_if_complete();
    }
}
