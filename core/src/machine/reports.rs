//! Reports: what workers say about their attempts.

use crate::{
    AttemptId, AttemptPhase, AttemptVerdict, Command, Core, Effect, Finish, Incarnation, LostCause, Pending,
    Record, Report, ReportBody, Timestamp, WorkerId,
};

impl Core {
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
                    let finish = self.say_why_it_stopped(attempt, worker, *finish);
                    self.attempt_ended(attempt, finish, now, pending);
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

    /// A worker that shuts down stops what it runs; nobody else asked for that.
    fn say_why_it_stopped(&self, id: AttemptId, worker: &WorkerId, mut finish: Finish) -> Finish {
        let drains = self.live.named(worker).is_some_and(|(_, worker)| worker.draining);
        let asked = self.state.run(id.run).is_some_and(|run| run.cancelled.is_some());
        if finish.verdict == AttemptVerdict::Cancelled && finish.lost.is_none() && drains && !asked {
            finish.lost = Some(LostCause::Drained);
        }
        finish
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
