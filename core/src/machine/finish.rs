//! Ends: of attempts and of specs.

use super::next::{Next, evidence, goes_elsewhere, is_own_fault, next};
use crate::live::Timer;
use crate::{
    AttemptId, AttemptVerdict, CancelReason, Core, Finish, Millis, Pending, Record, RunId, Spec, SpecIndex,
    SpecVerdict, Timestamp,
};

impl Core {
    /// Ends an active attempt: records it, frees its slot and decides what follows.
    pub(crate) fn attempt_ended(
        &mut self,
        id: AttemptId,
        finish: Finish,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let Some((_, spec, attempt)) = self.state.attempt(id) else { return };
        let (dismissed, locks) = (attempt.dismissed, spec.locks.clone());
        let judged = finish.verdict == AttemptVerdict::Passed || is_own_fault(finish.verdict);
        if judged && !dismissed {
            self.dismiss_others(id, now, pending);
        }
        let Some(sample) = self.sample_of(id, &finish) else { return };
        self.free_slot(id, &finish, now);
        self.live.locks.release(&locks, id);
        self.stop_watching_for_straggling(id);
        let (key, counts, corrected) = (sample.key, sample.counts, sample.corrected);
        let ended = Record::AttemptFinished { attempt: id, finish: Box::new(finish), key, counts, corrected };
        self.record(id.run, ended, now, pending);
        if !dismissed {
            self.learn_from(id, counts);
            self.weigh(id, now);
            self.follow_up(id, now, pending);
        }
        self.finish_run_if_done(id.run, now, pending);
    }

    /// What becomes of an attempt's spec, unless another attempt of it is still running.
    fn follow_up(&mut self, id: AttemptId, now: Timestamp, pending: &mut Pending) {
        let goes_on = |(_, spec, _): (_, &Spec, _)| spec.live_attempts().next().is_some();
        if self.state.attempt(id).is_none_or(goes_on) {
            return;
        }
        self.end_turn(id.run, id.spec);
        match self.next_after(id.run, id.spec) {
            Some(Next::Decide(verdict)) => self.decide(id.run, id.spec, verdict, now, pending),
            Some(Next::Again | Next::Retry) => self.again(id, now),
            None => {}
        }
        if self.state.run(id.run).is_some_and(|run| run.cancelled.is_none()) {
            self.next_turn(id.run, id.spec);
        }
    }

    fn free_slot(&mut self, id: AttemptId, finish: &Finish, now: Timestamp) {
        let Some((_, _, attempt)) = self.state.attempt(id) else { return };
        let slot_time = match attempt.batch {
            Some(_) => finish.timing.total(),
            None => now.since(attempt.assigned_at),
        };
        let (slot, Some((key, worker))) = (attempt.slot, self.live.named(&attempt.worker)) else { return };
        let running = worker.running().find(|(at, running)| *at == slot && running.attempt == id);
        let Some(charged) = running.map(|(_, running)| running.charged) else { return };
        self.live.order.charge(id.run, charged, Some(slot_time));
        self.live.change(key, |worker| worker.free(slot, id));
        let is_free = self.live.workers.get(&key).is_none_or(|worker| worker.is_free(slot));
        if let Some(live) = self.live.runs.get_mut(&id.run).filter(|_| is_free) {
            live.vacate((key, slot));
        }
    }

    fn next_after(&self, run: RunId, spec: SpecIndex) -> Option<Next> {
        let run = self.state.run(run)?;
        next(run, run.spec(spec)?, &self.config.bounds)
    }

    fn again(&mut self, id: AttemptId, now: Timestamp) {
        let elsewhere = self.state.attempt(id).is_some_and(|(_, spec, _)| goes_elsewhere(spec));
        let until = now + self.config.bounds.elsewhere_wait;
        if elsewhere && let Some(live) = self.live.runs.get_mut(&id.run) {
            live.elsewhere.insert(id.spec, until);
            self.live.timers.insert((until, Timer::Elsewhere(id.run)));
        }
        self.enqueue(id.run, id.spec);
    }

    pub(crate) fn decide(
        &mut self,
        run_id: RunId,
        spec: SpecIndex,
        verdict: SpecVerdict,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let because = self.because(run_id, spec, verdict, now);
        self.record(run_id, Record::SpecDecided { spec, verdict, because }, now, pending);
        self.was_decided(run_id, spec);
        self.cancel_after_failures(run_id, now, pending);
    }

    /// What decided a spec, where its last attempt does not say it.
    fn because(&self, run_id: RunId, index: SpecIndex, verdict: SpecVerdict, now: Timestamp) -> String {
        let Some(run) = self.state.run(run_id) else { return String::new() };
        let Some(spec) = run.spec(index) else { return String::new() };
        let last = spec.deciding_finish().map(|finish| finish.verdict);
        match verdict {
            SpecVerdict::NotPassed(AttemptVerdict::Crashed) if last == Some(AttemptVerdict::Lost) => {
                evidence(spec, now)
            }
            SpecVerdict::NotPassed(AttemptVerdict::SetupFailed) => self.why_given_up(run_id),
            SpecVerdict::NotPassed(AttemptVerdict::Lost) if last.is_none() => {
                self.why_no_worker(run_id, index, false)
            }
            SpecVerdict::NotPassed(verdict) if is_own_fault(verdict) && last == Some(verdict) => {
                out_of_budget(run, spec)
            }
            SpecVerdict::NotPassed(_)
            | SpecVerdict::Passed { .. }
            | SpecVerdict::Carried
            | SpecVerdict::Cancelled => String::new(),
        }
    }

    fn cancel_after_failures(&mut self, run_id: RunId, now: Timestamp, pending: &mut Pending) {
        let Some(run) = self.state.run(run_id) else { return };
        let failures = run.failures;
        let reached = run.policy.max_failures.is_some_and(|max| failures >= max.max(1));
        if reached && run.cancelled.is_none() && run.undecided > 0 {
            self.cancel(run_id, CancelReason::MaxFailures { failures }, now, pending);
        }
    }

    /// After a takeover: a batch may have been committed in part, so what its last entry led to is decided now. A
    /// submission that was cut off was never promised to anybody: one that opened its run is abandoned with it, one
    /// that joined a run is dropped.
    pub(crate) fn settle(&mut self, run_id: RunId, now: Timestamp, pending: &mut Pending) {
        let Some(run) = self.state.run(run_id) else { return };
        if !run.sealed && run.cancelled.is_none() {
            if run.submissions.len() == 1 {
                let detail = "the leader ended while the run was being submitted".to_owned();
                return self.cancel(run_id, CancelReason::Abandoned { detail }, now, pending);
            }
            self.record(run_id, Record::SubmissionDropped, now, pending);
        }
        self.settle_rivals(run_id, now, pending);
        let Some(run) = self.state.run(run_id) else { return };
        let mut ended = Vec::new();
        for (index, spec) in run.specs.iter().enumerate() {
            if spec.waits() && spec.deciding_finish().is_some() {
                ended.push(SpecIndex(index as u32));
            }
        }
        for spec in ended {
            // Deciding one may cancel the others.
            let waits = self.state.run(run_id).and_then(|run| run.spec(spec)).is_some_and(Spec::waits);
            if waits && let Some(Next::Decide(verdict)) = self.next_after(run_id, spec) {
                self.decide(run_id, spec, verdict, now, pending);
            }
        }
        self.cancel_after_failures(run_id, now, pending);
    }

    /// An attempt had a result, and the other one of its spec was not dismissed yet, or the other way round.
    fn settle_rivals(&mut self, run_id: RunId, now: Timestamp, pending: &mut Pending) {
        let Some(run) = self.state.run(run_id) else { return };
        let mut winners = Vec::new();
        for (index, spec) in run.specs.iter().enumerate().filter(|(_, spec)| spec.attempts.len() > 1) {
            let goes_on = spec.live_attempts().next().is_some();
            let judged =
                (1..).zip(&spec.attempts).filter(|(_, attempt)| attempt.has_result() && !attempt.dismissed);
            let last = judged.last();
            if let (true, Some((number, winner))) = (goes_on, last) {
                let rival = spec.live_attempts().any(|(_, rival)| rival.assigned_at < winner.ended_at());
                if rival {
                    winners.push(AttemptId { run: run_id, spec: SpecIndex(index as u32), number });
                }
            }
        }
        winners.into_iter().for_each(|winner| self.dismiss_others(winner, now, pending));
    }
}

/// Says so where a spec would have been tried again, had its run had retries left.
fn out_of_budget(run: &crate::Run, spec: &Spec) -> String {
    let failures = spec.finishes().filter(|(_, finish)| is_own_fault(finish.verdict)).count() as u32;
    match run.policy.retry_budget {
        Some(budget) if failures <= run.group_of(spec).policy.retries && run.retried > budget => {
            format!("it is not tried again: the run's {budget} retries are used up")
        }
        Some(_) | None => String::new(),
    }
}

/// A time that is no time where nothing took any.
pub(super) fn or_none(time: Millis) -> Option<Millis> {
    (time > Millis::ZERO).then_some(time)
}
