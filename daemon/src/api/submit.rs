//! From a submission to a run: what the build's earlier attempts and the history say about it, then the leader.

use super::carry::{self, Outcome, Unfinished, Verdicts};
use super::lookup::store_failed;
use super::rerun;
use super::services::{Shared, unanswered};
use crate::bounds;
use crate::leader::Mailbox;
use part_core::{
    Input, Joining, LinkState, PastAttempt, Record, Refusal, Reply, RequestId, Run, RunId, Submission,
    SubmissionId,
};
use part_proto::convert::submission_to_wire;
use part_proto::{status, v1};
use part_store::{RunFilter, Submitted};
use prost::Message as _;
use tonic::{Code, Status};
use uuid::Uuid;

/// What a submission is before the leader sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prepared {
    /// What is carried forward.
    pub(super) outcome: Outcome,
}

impl Shared {
    /// Prepares a submission and hands it to the leader.
    pub(super) async fn open(
        &self,
        mailbox: &Mailbox,
        mut submission: Submission,
    ) -> Result<v1::SubmitResponse, Status> {
        if self.draining.is_cancelled() {
            return Err(status::unavailable("the daemon is shutting down and takes no new runs"));
        }
        let content = content_of(&submission);
        let known = self.store.submission(submission.id).await;
        if let Some(known) = known.map_err(|error| store_failed(&error))? {
            self.is_the_same(known, &submission, &content).await?;
            return self.answer_again(known, submission).await;
        }
        submission.content = Some(content);
        let slots = mailbox.look(|core, now| slots(&core.workers(now))).await.map_err(unanswered)?;
        let Prepared { outcome } = self.prepare(mailbox, &mut submission, slots).await?;
        let (specs, carried) = counts(&submission);
        let rerun_of = submission.source.rerun_of;
        let run = RunId(Uuid::now_v7().as_u128());
        let submission = Box::new(submission);
        let make = move |request: RequestId| Input::RunSubmitted { request, run, submission };
        match mailbox.request(make).await.map_err(unanswered)? {
            Reply::Submitted { run, new, attempt, joined } => Ok(v1::SubmitResponse {
                run: run.to_string(),
                new,
                specs,
                carried,
                attempt,
                joined,
                all_again: outcome.all_again,
                carried_from: source_of(outcome, carried, rerun_of),
            }),
            Reply::Refused(refusal) => Err(status::of_refusal(&refusal)),
            Reply::Cancelling => Err(status::broken("the leader gave an answer to another question")),
        }
    }

    /// Runs an earlier run again.
    pub(super) async fn run_again(
        &self,
        mailbox: &Mailbox,
        old: &Run,
        id: SubmissionId,
        build: String,
        failed_only: bool,
    ) -> Result<v1::SubmitResponse, Status> {
        let known = self.store.submission(id).await.map_err(|error| store_failed(&error))?;
        let attempt = match known {
            // Asked again: the others join what the first one made.
            Some(known) => self.fold(known.run).await?.attempt,
            None => {
                let build = if build.is_empty() { old.build.clone() } else { build.clone() };
                let past = self.past_of(old.project.as_ref(), &build).await?;
                carry::attempt_of(Joining::Never, &past, &[])
            }
        };
        let mut whole: Option<v1::SubmitResponse> = None;
        for submission in rerun::submissions(old, id, build, failed_only, attempt)? {
            let part = self.open(mailbox, submission).await?;
            match &mut whole {
                Some(whole) => {
                    whole.specs += part.specs;
                    whole.carried += part.carried;
                }
                None => whole = Some(part),
            }
        }
        whole.ok_or_else(|| status::wrong_state(format!("run {} has no groups", old.id)))
    }

    /// Fills in what the store knows: the build's earlier attempts, what passed in them, and how long specs take.
    pub(super) async fn prepare(
        &self,
        mailbox: &Mailbox,
        submission: &mut Submission,
        slots: u32,
    ) -> Result<Prepared, Status> {
        submission.past = self.past_of(&submission.project, &submission.build).await?;
        let (project, build) = (submission.project.clone(), submission.build.clone());
        let look = move |core: &part_core::Core, _| {
            let runs = core.state().runs();
            let same = runs.filter(|run| run.project.as_ref() == project && run.build == build);
            same.map(unfinished).collect::<Vec<_>>()
        };
        let unfinished = mailbox.look(look).await.map_err(unanswered)?;
        let attempt = carry::attempt_of(submission.joining, &submission.past, &unfinished);
        let outcome = self.carry_forward(submission, attempt).await?;
        if submission.source.rerun_of.is_none() {
            // The ledger says so too: which attempt this one comes after.
            let before = carry::earlier(&submission.past, attempt);
            submission.source.rerun_of = before.first().map(|past| past.run);
        }
        self.fill_in_history(submission, slots).await?;
        Ok(Prepared { outcome })
    }

    /// The attempts of a build that the store knows, the newest first.
    async fn past_of(&self, project: &str, build: &str) -> Result<Vec<PastAttempt>, Status> {
        let filter = RunFilter {
            project: Some(project.to_owned()),
            build: Some(build.to_owned()),
            ..RunFilter::newest(bounds::PAST_ATTEMPTS)
        };
        let rows = self.store.runs(&filter).await.map_err(|error| store_failed(&error))?;
        let past = rows.into_iter().map(|row| PastAttempt {
            number: row.attempt,
            run: row.id,
            finished_at: row.progress.finished.map(|finished| finished.at),
        });
        Ok(past.collect())
    }

    /// Carries what passed in earlier attempts of the build forward.
    async fn carry_forward(&self, submission: &mut Submission, attempt: u32) -> Result<Outcome, Status> {
        if submission.run_all || attempt <= 1 {
            return Ok(Outcome::default());
        }
        let mut verdicts = Verdicts::default();
        for past in carry::earlier(&submission.past, attempt).into_iter().take(bounds::CARRIED_FROM) {
            match self.fold(past.run).await {
                Ok(run) => verdicts.learn(&run),
                // Forgotten since it was listed.
                Err(status) if status.code() == Code::NotFound => {}
                Err(status) => return Err(status),
            }
        }
        Ok(verdicts.carry(submission))
    }

    /// A number may be repeated, with what it stood for the first time only.
    async fn is_the_same(
        &self,
        known: Submitted,
        submission: &Submission,
        content: &str,
    ) -> Result<(), Status> {
        let Submitted { run, number } = known;
        let entries = self.store.entries(run, number.saturating_sub(1), 1).await;
        let entries = entries.map_err(|error| store_failed(&error))?;
        let first = entries.into_iter().next().and_then(|entry| match entry.record {
            Record::RunOpened { content, .. } | Record::SubmissionJoined { content, .. } => content,
            Record::SubmissionDropped
            | Record::GroupAdded { .. }
            | Record::SpecsAdded { .. }
            | Record::RunSealed
            | Record::AttemptAssigned { .. }
            | Record::AttemptDismissed { .. }
            | Record::AttemptStarted { .. }
            | Record::TestsReported { .. }
            | Record::AttemptFinished { .. }
            | Record::AttemptSuperseded { .. }
            | Record::SpecDecided { .. }
            | Record::RunCancelled { .. }
            | Record::RunFinished { .. } => None,
        });
        match first {
            Some(first) if first != content => {
                Err(status::of_refusal(&Refusal::other_content(submission.id, run)))
            }
            // Recorded before contents were compared.
            Some(_) | None => Ok(()),
        }
    }

    /// Answers a submission that was accepted before, as it was answered then.
    async fn answer_again(
        &self,
        known: Submitted,
        mut submission: Submission,
    ) -> Result<v1::SubmitResponse, Status> {
        let run = self.fold(known.run).await?;
        let (specs, carried) = counts_of(&run, submission.id);
        submission.past = self.past_of(&submission.project, &submission.build).await?;
        let outcome = self.carry_forward(&mut submission, run.attempt).await?;
        let all_again = outcome.all_again && carried == 0;
        Ok(v1::SubmitResponse {
            run: run.id.to_string(),
            new: false,
            specs,
            carried,
            attempt: run.attempt,
            joined: known.number > 1,
            all_again,
            carried_from: source_of(outcome, carried, run.source.rerun_of),
        })
    }
}

fn unfinished(run: &Run) -> Unfinished {
    Unfinished {
        attempt: run.attempt,
        open: run.joinable && run.cancelled.is_none() && run.finished.is_none(),
    }
}

/// The slots that are there, those for overcommitting groups left out.
pub(super) fn slots(workers: &[part_core::WorkerView]) -> u32 {
    let here = workers.iter().filter(|worker| worker.link != LinkState::Absent);
    here.map(|worker| (worker.slots.len() as u32).saturating_sub(worker.extra_slots)).sum()
}

/// The run that passes come from, as the answer names it.
fn source_of(outcome: Outcome, carried: u32, rerun_of: Option<RunId>) -> String {
    let from = outcome.from.or(rerun_of.filter(|_| carried > 0));
    from.map(|run| run.to_string()).unwrap_or_default()
}

/// A digest of what is submitted, besides its number: equal for the same submission sent again.
fn content_of(submission: &Submission) -> String {
    let mut hasher = blake3::Hasher::new();
    for message in submission_to_wire(&Submission { id: SubmissionId(0), ..submission.clone() }) {
        hasher.update(&message.encode_length_delimited_to_vec());
    }
    hasher.finalize().to_hex().to_string()
}

/// Specs of a submission that run, and those that are carried forward.
fn counts(submission: &Submission) -> (u32, u32) {
    let specs = || submission.groups.iter().flat_map(|group| &group.specs);
    let carried = specs().filter(|spec| spec.carried.is_some()).count() as u32;
    (specs().count() as u32 - carried, carried)
}

/// The same of a submission that is part of a run; what was split counts once.
fn counts_of(run: &Run, submission: SubmissionId) -> (u32, u32) {
    let (mut runs, mut carried) = (0, 0);
    for ((group, _), specs) in carry::wholes(run) {
        if run.submission_of(&run.groups[group.0 as usize]).id != submission {
            continue;
        }
        match specs.first().and_then(|index| run.spec(*index)).is_some_and(|spec| spec.carried.is_some()) {
            true => carried += 1,
            false => runs += 1,
        }
    }
    (runs, carried)
}
