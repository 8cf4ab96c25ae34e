//! Ends: of attempts, of specs, of runs.

use super::next::{Next, evidence, goes_elsewhere, next};
use crate::live::Timer;
use crate::{
    AttemptId, AttemptVerdict, CancelReason, Core, Finish, Millis, Pending, Record, RunId, RunSummary, Spec,
    SpecIndex, SpecVerdict, Timestamp,
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
        let Some((run, spec, attempt)) = self.state.attempt(id) else { return };
        let (group, slot_time) = (spec.group, now.since(attempt.assigned_at));
        let (key, counts) = (run.history_key(spec), finish.counts_for_history());
        let ended =
            Record::AttemptFinished { attempt: id, finish: Box::new(finish), key, counts, corrected: None };
        self.free_slot(id, slot_time);
        self.record(id.run, ended, now, pending);
        if counts && let Some(live) = self.live.runs.get_mut(&id.run) {
            live.learn(group, slot_time);
        }
        self.weigh(id, now);
        match self.next_after(id.run, id.spec) {
            Some(Next::Decide(verdict)) => self.decide(id.run, id.spec, verdict, now, pending),
            Some(Next::Again | Next::Retry) => self.again(id, now),
            None => {}
        }
        self.finish_run_if_done(id.run, now, pending);
    }

    fn free_slot(&mut self, id: AttemptId, slot_time: Millis) {
        let Some((_, _, attempt)) = self.state.attempt(id) else { return };
        let (slot, Some(key)) = (attempt.slot, self.live.by_name.get(&attempt.worker).copied()) else {
            return;
        };
        let running = self.live.workers.get(&key).and_then(|worker| *worker.slots().get(&slot)?);
        let Some(running) = running.filter(|running| running.attempt == id) else { return };
        self.live.fair.charge(id.run, running.charged, Some(slot_time));
        self.live.change(key, |worker| worker.free(slot));
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
        self.cancel_after_failures(run_id, now, pending);
    }

    /// What decided a spec, where its last attempt does not say it.
    fn because(&self, run_id: RunId, index: SpecIndex, verdict: SpecVerdict, now: Timestamp) -> String {
        let Some(spec) = self.state.run(run_id).and_then(|run| run.spec(index)) else { return String::new() };
        let last = spec.deciding_finish().map(|finish| finish.verdict);
        match verdict {
            SpecVerdict::NotPassed(AttemptVerdict::Crashed) if last == Some(AttemptVerdict::Lost) => {
                evidence(spec, now)
            }
            SpecVerdict::NotPassed(AttemptVerdict::SetupFailed) => self.why_given_up(run_id),
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

    /// After a takeover: a batch may have been committed in part, so what its last entry led to is decided now.
    /// A run whose submission was cut off was never promised to anybody; it is abandoned.
    pub(crate) fn settle(&mut self, run_id: RunId, now: Timestamp, pending: &mut Pending) {
        let Some(run) = self.state.run(run_id) else { return };
        if !run.sealed && run.cancelled.is_none() {
            let detail = "the leader ended while the run was being submitted".to_owned();
            return self.cancel(run_id, CancelReason::Abandoned { detail }, now, pending);
        }
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

    /// Records a run's end once nothing of it is left to decide.
    pub(crate) fn finish_run_if_done(&mut self, run_id: RunId, now: Timestamp, pending: &mut Pending) {
        let Some(run) = self.state.run(run_id) else { return };
        let still_open = !run.sealed && run.cancelled.is_none();
        if still_open || run.undecided > 0 || run.finished.is_some() {
            return;
        }
        let finished = Record::RunFinished { verdict: run.verdict(), summary: Box::new(RunSummary::of(run)) };
        self.record(run_id, finished, now, pending);
        if let Some(live) = self.live.runs.remove(&run_id) {
            live.classes.into_iter().for_each(|class| self.live.classes.release(class));
        }
        self.live.barred_runs.remove(&run_id);
        self.live.fair.leave(run_id);
    }
}
