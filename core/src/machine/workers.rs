//! Workers: introductions, silence, reports.

use crate::live::{Running, Timer, WorkerKey};
use crate::{
    AttemptId, AttemptPhase, AttemptVerdict, CancelMode, Command, Core, Effect, Finish, HeldState,
    Incarnation, Introduction, LinkState, Millis, Pending, Record, Report, ReportBody, SlotId, Timestamp,
    WorkerId,
};
use std::collections::BTreeSet;

impl Core {
    pub(crate) fn worker_introduced(&mut self, said: Introduction, now: Timestamp, pending: &mut Pending) {
        let key = self.live.worker_key(&said.worker, now);
        let expected: Vec<(SlotId, Running)> =
            self.live.workers.get(&key).map(|worker| worker.running().collect()).unwrap_or_default();
        self.live.introduce(key, &said, self.config.bounds.slots_per_worker, now);
        self.watch_silence(key, now);

        // What the leader thinks the worker runs: keep it where the worker agrees, else it is lost.
        let held: BTreeSet<AttemptId> = said.held.iter().map(|held| held.attempt).collect();
        let (mut kept, mut lost) = (BTreeSet::new(), Vec::new());
        for (slot, running) in expected {
            self.live.change(key, |worker| worker.keep(slot, running));
            match held.contains(&running.attempt) {
                true => drop(kept.insert(running.attempt)),
                false => lost.push(running.attempt),
            }
        }
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
            let finish = Finish::declared(AttemptVerdict::Lost, "the worker came back without it");
            self.attempt_ended(attempt, finish, now, pending);
        }
        self.end_recovery_if_complete();
    }

    /// Ends the recovery window early once every worker that holds attempts is back.
    pub(crate) fn end_recovery_if_complete(&mut self) {
        let mut absent = self.live.workers.values().filter(|worker| worker.link == LinkState::Absent);
        let all_back = absent.all(|worker| worker.running().next().is_none());
        if all_back && let Some(until) = self.live.recovering_until.take() {
            self.live.timers.remove(&(until, Timer::RecoveryEnds));
        }
    }

    pub(crate) fn link_closed(&mut self, worker: &WorkerId, incarnation: Incarnation, now: Timestamp) {
        let Some((key, known)) = self.live.named(worker) else { return };
        if known.incarnation != Some(incarnation) {
            return;
        }
        if known.running().next().is_none() {
            self.live.forget_worker(key);
            self.live.count_slots();
            return;
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
                Timer::RecoveryEnds => self.live.recovering_until = None,
                // `assign_free_slots` follows every input and now finds the retry free to go anywhere.
                Timer::Elsewhere(_) => {}
            }
        }
    }

    fn look_at_silence(&mut self, key: WorkerKey, now: Timestamp, pending: &mut Pending) {
        let Some(worker) = self.live.workers.get(&key) else { return };
        let (silent, since) = (now.since(worker.last_heard), worker.last_heard);
        let held: Vec<AttemptId> = worker.running().map(|(_, running)| running.attempt).collect();
        let (name, linked) = (worker.id.clone(), worker.link != LinkState::Absent);
        // A new leader first gives everybody the time to come back.
        let recovering = self.live.recovering_until.is_some();
        let gone: Vec<AttemptId> =
            held.iter().copied().filter(|id| !recovering && silent >= self.lost_after(id.run)).collect();
        for attempt in &gone {
            let message = format!("nothing heard from worker {name} for {silent}");
            self.attempt_ended(*attempt, Finish::declared(AttemptVerdict::Lost, message), now, pending);
        }
        if silent >= self.config.bounds.lost_after && gone.len() == held.len() {
            self.live.forget_worker(key);
            self.live.count_slots();
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
            let next = held.iter().map(|id| self.lost_after(id.run)).chain([self.config.bounds.lost_after]);
            let next = next.map(|limit| since + limit).filter(|at| *at > now).min();
            let next = next.unwrap_or(now + suspect_after);
            self.live.timers.insert((next.min(now + suspect_after), Timer::Silence(key)));
        } else {
            self.live.timers.insert((since + suspect_after, Timer::Silence(key)));
        }
    }

    fn lost_after(&self, run: crate::RunId) -> Millis {
        let own = self.state.run(run).and_then(|run| run.policy.lost_after);
        own.unwrap_or(self.config.bounds.lost_after).max(self.config.bounds.suspect_after)
    }

    pub(crate) fn reported(
        &mut self,
        worker: &WorkerId,
        incarnation: Incarnation,
        report: Report,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        self.heard_from(worker, incarnation, now);
        match report.body {
            ReportBody::Started { attempt } => {
                if self.is_active_on(attempt, worker)
                    && self.state.attempt(attempt).is_some_and(|(_, _, attempt)| attempt.started_at.is_none())
                {
                    self.record(attempt.run, Record::AttemptStarted { attempt }, now, pending);
                }
            }
            ReportBody::Tests { attempt, batch, tests } => {
                // A batch that is already recorded was sent again; one from the future cannot be: reports are in order.
                if self.is_active_on(attempt, worker)
                    && self
                        .state
                        .attempt(attempt)
                        .is_some_and(|(_, _, attempt)| attempt.test_batches == batch)
                {
                    self.record(attempt.run, Record::TestsReported { attempt, batch, tests }, now, pending);
                }
            }
            ReportBody::Finished { attempt, finish } => {
                if self.is_active_on(attempt, worker) {
                    self.attempt_ended(attempt, *finish, now, pending);
                } else {
                    self.keep_as_evidence(attempt, worker, finish.verdict, now, pending);
                }
            }
        }
        self.acknowledge(worker, incarnation, report.number, pending);
    }

    fn is_active_on(&self, id: AttemptId, worker: &WorkerId) -> bool {
        self.state
            .attempt(id)
            .is_some_and(|(_, _, attempt)| attempt.phase == AttemptPhase::Active && attempt.worker == *worker)
    }

    /// A late result of an attempt that was declared lost changes no verdict, but is kept.
    fn keep_as_evidence(
        &mut self,
        id: AttemptId,
        worker: &WorkerId,
        verdict: AttemptVerdict,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let Some((_, _, attempt)) = self.state.attempt(id) else { return };
        let declared_lost = match &attempt.phase {
            AttemptPhase::Active => false,
            AttemptPhase::Finished { finish, .. } => finish.verdict == AttemptVerdict::Lost,
        };
        // Sent again over a new link, it is evidence already.
        if declared_lost && attempt.worker == *worker && !attempt.superseded {
            self.record(id.run, Record::AttemptSuperseded { attempt: id, verdict }, now, pending);
        }
    }

    fn acknowledge(
        &mut self,
        worker: &WorkerId,
        incarnation: Incarnation,
        number: u64,
        pending: &mut Pending,
    ) {
        let Some((key, known)) = self.live.named(worker) else { return };
        if known.incarnation != Some(incarnation) {
            return;
        }
        if let Some(known) = self.live.workers.get_mut(&key) {
            known.acknowledged = known.acknowledged.max(number);
            let command = Command::Acknowledge { through: known.acknowledged };
            pending.effect(Effect::Command { worker: worker.clone(), command });
        }
    }
}
