//! Inputs as a leader without some guard would understand them.

use super::World;
use super::driver::Leader;
use super::mutant::Mutant;
use part_core::{AttemptId, Input, Report, ReportBody};

impl World {
    /// The input that the core gets: the very same, unless a mutant is at work.
    pub(super) fn twisted(&self, leader: &Leader, input: Input) -> Input {
        let Input::Reported { worker, incarnation, report } = input else { return input };
        let Report { number, body } = report;
        let (body, worker) = match self.mutant {
            Some(Mutant::IgnoresAttemptNumbers) => {
                let newest = |id: AttemptId| {
                    let spec = leader.core.state().run(id.run).and_then(|run| run.spec(id.spec));
                    let newest = spec.and_then(|spec| spec.newest());
                    newest.map(|(number, attempt)| (AttemptId { number, ..id }, attempt.worker.clone()))
                };
                match body {
                    ReportBody::Finished { attempt, finish } => {
                        let (attempt, worker) = newest(attempt).unwrap_or((attempt, worker));
                        (ReportBody::Finished { attempt, finish }, worker)
                    }
                    ReportBody::Started { .. } | ReportBody::Tests { .. } => (body, worker),
                }
            }
            Some(Mutant::TakesReportsTwice) => match body {
                ReportBody::Tests { attempt, batch, tests } => {
                    let known = leader.core.state().attempt(attempt);
                    let batch = known.map_or(batch, |(_, _, attempt)| attempt.test_batches);
                    (ReportBody::Tests { attempt, batch, tests }, worker)
                }
                ReportBody::Started { .. } | ReportBody::Finished { .. } => (body, worker),
            },
            Some(_) | None => (body, worker),
        };
        Input::Reported { worker, incarnation, report: Report { number, body } }
    }
}
