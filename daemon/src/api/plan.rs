//! Plans: a submission is prepared as if it were to run, and then only rehearsed.

use super::rehearsal::{self, Stage};
use super::services::{Shared, unanswered};
use super::submit::{Prepared, slots};
use crate::bounds;
use crate::leader::Mailbox;
use part_core::{LinkState, Submission, WorkerView};
use part_proto::convert::{SubmissionAssembler, submission_to_wire};
use part_proto::v1::{self, plan_request::Part};
use part_proto::{WireError, status};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::{Status, Streaming};

/// Reads the messages of a request: its options, and the submission.
pub(super) async fn assemble(
    mut messages: Streaming<v1::PlanRequest>,
) -> Result<(v1::PlanOptions, Submission), Status> {
    let (mut options, mut assembler) = (None, SubmissionAssembler::default());
    while let Some(message) = messages.message().await? {
        match (message.part, options) {
            (Some(Part::Options(said)), None) => options = Some(said),
            (Some(Part::Submit(message)), Some(_)) => {
                assembler.push(message).map_err(|error| status::of_wire_error(&error))?;
            }
            (Some(Part::Options(_)), Some(_)) => {
                return Err(misplaced("the options come once, before all else"));
            }
            (Some(Part::Submit(_)), None) => return Err(misplaced("the options come before the submission")),
            (None, _) => return Err(misplaced("a message of the plan says nothing")),
        }
    }
    let options = options.ok_or_else(|| misplaced("there are no options"))?;
    if options.slots > bounds::PLANNED_SLOTS {
        let most = bounds::PLANNED_SLOTS;
        return Err(status::invalid(format!(
            "a plan is made for at most {most} slots, not {}",
            options.slots
        )));
    }
    let submission = assembler.finish().map_err(|error| status::of_wire_error(&error))?;
    let specs: usize = submission.groups.iter().map(|group| group.specs.len()).sum();
    if specs > bounds::PLANNED_SPECS {
        let most = bounds::PLANNED_SPECS;
        return Err(status::exhausted(format!(
            "a plan is made for at most {most} specs, and these are {specs}; plan a part of them"
        )));
    }
    Ok((options, submission))
}

fn misplaced(what: &str) -> Status {
    status::of_wire_error(&WireError::Wrong { field: "plan", what: what.to_owned() })
}

/// The messages of a request, for the leader.
pub(super) fn to_wire(options: v1::PlanOptions, submission: &Submission) -> Vec<v1::PlanRequest> {
    let submission = submission_to_wire(submission).into_iter().map(Part::Submit);
    let parts = std::iter::once(Part::Options(options)).chain(submission);
    parts.map(|part| v1::PlanRequest { part: Some(part) }).collect()
}

impl Shared {
    /// Plans a submission.
    pub(super) async fn plan(
        &self,
        mailbox: &Mailbox,
        plans: &Arc<Semaphore>,
        options: v1::PlanOptions,
        mut submission: Submission,
    ) -> Result<v1::PlanResponse, Status> {
        let workers = mailbox.look(|core, now| core.workers(now)).await.map_err(unanswered)?;
        let workers: Vec<WorkerView> = workers.into_iter().filter(takes_work).collect();
        if options.slots == 0 && workers.is_empty() {
            return Err(status::wrong_state(
                "no worker is here that takes work, so there is nothing to plan for; say for how many slots (--slots N)",
            ));
        }
        let stage = match options.slots {
            0 => Stage::Mesh(workers.clone()),
            slots => Stage::Slots(slots),
        };
        let count = if options.slots == 0 { slots(&workers) } else { options.slots };
        let Prepared { outcome: _ } = self.prepare(mailbox, &mut submission, count).await?;
        let permit = Arc::clone(plans).acquire_owned().await;
        let permit = permit.map_err(|_| status::unavailable("the daemon is stopping"))?;
        let planned = tokio::task::spawn_blocking(move || {
            let planned = rehearsal::plan(&submission, &stage);
            drop(permit);
            planned
        });
        planned.await.map_err(|error| status::broken(format!("the plan came to no end: {error}")))?
    }
}

/// True for a worker that would get work of a run that begins now.
fn takes_work(worker: &WorkerView) -> bool {
    let well = worker.problem.is_none() && worker.cordoned.is_none() && worker.held_back_by.is_none();
    worker.link == LinkState::Present && !worker.draining && well
}
