//! Ends: of attempts, of specs, of runs.

use crate::live::Timer;
use crate::{
    AttemptId, AttemptVerdict, CancelReason, Core, Finish, Millis, Pending, Record, RunId, RunSummary, Spec,
    SpecIndex, SpecPhase, SpecVerdict, Timestamp,
};

/// What follows from an attempt's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Decide(SpecVerdict),
    /// Its worker failed it: the spec goes again.
    Again,
    /// It did not pass and may be tried again, best elsewhere.
    Retry,
}

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
        let (key, counts, verdict) = (run.history_key(spec), finish.counts_for_history(), finish.verdict);
        let ended = Record::AttemptFinished { attempt: id, finish: Box::new(finish), key, counts };
        self.free_slot(id, slot_time);
        self.record(id.run, ended, now, pending);
        if counts && let Some(live) = self.live.runs.get_mut(&id.run) {
            live.learn(group, slot_time);
        }
        match self.next_after(id, verdict) {
            Some(Next::Decide(verdict)) => self.decide(id.run, id.spec, verdict, now, pending),
            Some(Next::Again) => self.enqueue(id.run, id.spec),
            Some(Next::Retry) => self.retry(id, now),
            None => {}
        }
        self.finish_run_if_done(id.run, now, pending);
    }

    fn free_slot(&mut self, id: AttemptId, slot_time: Millis) {
        let Some((_, _, attempt)) = self.state.attempt(id) else { return };
        let (slot, Some(key)) = (attempt.slot, self.live.by_name.get(&attempt.worker).copied()) else {
            return;
        };
        let running = self.live.workers.get(&key).and_then(|worker| *worker.slots.get(&slot)?);
        let Some(running) = running.filter(|running| running.attempt == id) else { return };
        self.live.fair.charge(id.run, running.charged, Some(slot_time));
        self.live.change(key, |worker| worker.free(slot));
    }

    fn next_after(&self, id: AttemptId, verdict: AttemptVerdict) -> Option<Next> {
        let run = self.state.run(id.run)?;
        let spec = run.spec(id.spec)?;
        let retries = run.group_of(spec).policy.retries;
        Some(next(spec, verdict, retries, self.config.bounds.lost_attempts, run.cancelled.as_ref()))
    }

    fn retry(&mut self, id: AttemptId, now: Timestamp) {
        let until = now + self.config.bounds.elsewhere_wait;
        let elsewhere = match (self.state.run(id.run), self.live.runs.get(&id.run)) {
            (Some(run), Some(live)) => {
                run.spec(id.spec).is_some_and(|spec| self.has_elsewhere(live.class_of(spec.group), spec))
            }
            (_, _) => false,
        };
        if elsewhere && let Some(live) = self.live.runs.get_mut(&id.run) {
            live.elsewhere.insert(id.spec, until);
            self.live.timers.insert((until, Timer::Elsewhere(id.run)));
        }
        self.enqueue(id.run, id.spec);
    }

    fn decide(
        &mut self,
        run_id: RunId,
        spec: SpecIndex,
        verdict: SpecVerdict,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        self.record(run_id, Record::SpecDecided { spec, verdict }, now, pending);
        self.cancel_after_failures(run_id, now, pending);
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
            if let (SpecPhase::Waiting { .. }, Some((number, _)), Some(finish)) =
                (spec.phase, spec.newest(), spec.deciding_finish())
            {
                ended
                    .push((AttemptId { run: run_id, spec: SpecIndex(index as u32), number }, finish.verdict));
            }
        }
        for (id, verdict) in ended {
            if let Some(Next::Decide(verdict)) = self.next_after(id, verdict) {
                self.decide(run_id, id.spec, verdict, now, pending);
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
        self.live.fair.leave(run_id);
    }
}

/// The decision table for an attempt's end. `spec` already holds the attempt.
fn next(
    spec: &Spec,
    verdict: AttemptVerdict,
    retries: u32,
    lost_allowed: u32,
    cancelled: Option<&CancelReason>,
) -> Next {
    match verdict {
        AttemptVerdict::Passed => {
            let flaky = spec.finishes().any(|(_, finish)| is_own_fault(finish.verdict));
            Next::Decide(SpecVerdict::Passed { flaky })
        }
        AttemptVerdict::Lost | AttemptVerdict::Cancelled | AttemptVerdict::SetupFailed => {
            let lost = spec.finishes().filter(|(_, finish)| is_worker_fault(finish.verdict)).count();
            let given_up = Next::Decide(SpecVerdict::NotPassed(match verdict {
                AttemptVerdict::SetupFailed => verdict,
                _ => AttemptVerdict::Lost,
            }));
            match cancelled {
                // Nobody stopped it: it went down with its daemon.
                Some(CancelReason::Abandoned { .. }) => given_up,
                Some(CancelReason::Requested { .. } | CancelReason::MaxFailures { .. }) => {
                    Next::Decide(SpecVerdict::Cancelled)
                }
                None if lost as u32 >= lost_allowed => given_up,
                None => Next::Again,
            }
        }
        AttemptVerdict::Failed
        | AttemptVerdict::TimedOut
        | AttemptVerdict::Crashed
        | AttemptVerdict::Invalid(_) => {
            let failed = spec.finishes().filter(|(_, finish)| is_own_fault(finish.verdict)).count();
            if cancelled.is_none() && failed as u32 <= retries {
                Next::Retry
            } else {
                Next::Decide(SpecVerdict::NotPassed(verdict))
            }
        }
    }
}

/// True when the spec itself is to blame, so that it uses up a retry.
fn is_own_fault(verdict: AttemptVerdict) -> bool {
    match verdict {
        AttemptVerdict::Failed
        | AttemptVerdict::TimedOut
        | AttemptVerdict::Crashed
        | AttemptVerdict::Invalid(_) => true,
        AttemptVerdict::Passed
        | AttemptVerdict::Lost
        | AttemptVerdict::Cancelled
        | AttemptVerdict::SetupFailed => false,
    }
}

/// True when the worker is to blame: gone, or it stopped the attempt without being asked by the run.
fn is_worker_fault(verdict: AttemptVerdict) -> bool {
    match verdict {
        AttemptVerdict::Lost | AttemptVerdict::Cancelled | AttemptVerdict::SetupFailed => true,
        AttemptVerdict::Passed
        | AttemptVerdict::Failed
        | AttemptVerdict::TimedOut
        | AttemptVerdict::Crashed
        | AttemptVerdict::Invalid(_) => false,
    }
}
