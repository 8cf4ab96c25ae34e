//! Submitting and cancelling runs.

use super::join::Target;
use super::split::Load;
use crate::{
    CancelMode, CancelReason, Command, Core, Effect, Finish, GroupIndex, GroupSubmission, Joining, LostCause,
    Pending, Record, Refusal, Reply, RequestId, RunId, SpecAdded, SpecIndex, Submission, Timestamp,
};
use std::collections::BTreeSet;

impl Core {
    pub(crate) fn run_submitted(
        &mut self,
        request: RequestId,
        run: RunId,
        submission: Submission,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        if let Some(known) = self.state.submissions.get(&submission.id).copied() {
            let run = self.state.run(known);
            let content = run.and_then(|run| {
                let same = run.submissions.iter().find(|submitted| submitted.id == submission.id);
                same?.content.as_ref()
            });
            let attempt = run.map_or(1, |run| run.attempt);
            let joined = run.is_some_and(|run| run.submissions[0].id != submission.id);
            let differs = content.zip(submission.content.as_ref()).is_some_and(|(old, new)| old != new);
            let reply = match differs {
                true => Reply::Refused(Refusal::other_content(submission.id, known)),
                false => Reply::Submitted { run: known, new: false, attempt, joined },
            };
            return Self::reply(request, reply, pending);
        }
        let target = self.may_open(&submission).and_then(|()| self.target_of(&submission, now));
        match target {
            Err(refusal) => Self::reply(request, Reply::Refused(refusal), pending),
            Ok(Target::Opens { attempt }) => {
                self.open(run, submission, attempt, now, pending);
                Self::reply(request, Reply::Submitted { run, new: true, attempt, joined: false }, pending);
                self.admit(run, now);
                self.finish_run_if_done(run, now, pending);
            }
            Ok(Target::Joins { run }) => {
                let (attempt, from) =
                    self.state.run(run).map_or((1, 0), |run| (run.attempt, run.groups.len()));
                self.join(run, submission, now, pending);
                Self::reply(request, Reply::Submitted { run, new: true, attempt, joined: true }, pending);
                self.admit_groups(run, from, now);
                self.finish_run_if_done(run, now, pending);
            }
        }
    }

    fn may_open(&self, submission: &Submission) -> Result<(), Refusal> {
        let bounds = &self.config.bounds;
        submission.check(bounds)?;
        let locks = submission.groups.iter().flat_map(|group| &group.specs).flat_map(|spec| &spec.locks);
        let locks: BTreeSet<&str> =
            locks.map(|lock| lock.name.as_str()).filter(|name| !self.live.locks.is_known(name)).collect();
        if self.live.locks.len() + locks.len() > bounds.locks {
            return Err(Refusal::Full { what: "too many different locks at one time", limit: bounds.locks });
        }
        if self.state.runs.len() >= bounds.open_runs {
            return Err(Refusal::Full { what: "too many unfinished runs", limit: bounds.open_runs });
        }
        let mut fresh: Vec<_> = submission.groups.iter().map(|group| &group.requirements).collect();
        fresh.sort();
        fresh.dedup();
        fresh.retain(|requirements| self.live.classes.find(requirements).is_none());
        if !self.live.classes.has_room(fresh.len(), bounds) {
            return Err(Refusal::Full {
                what: "too many different requirements at one time",
                limit: bounds.classes,
            });
        }
        if submission.policy.wait_for_workers.is_some() {
            return Ok(());
        }
        submission.groups.iter().try_for_each(|group| self.can_be_served(group))
    }

    /// Refuses what no known worker could ever run. With no worker at all, or while some that hold attempts have
    /// not yet said what they can do, the group waits for one.
    fn can_be_served(&self, group: &GroupSubmission) -> Result<(), Refusal> {
        if self.live.workers.values().any(|worker| worker.incarnation.is_none()) {
            return Ok(());
        }
        let workers = self.live.workers.values().map(|worker| (&worker.id, &worker.capabilities));
        match group.requirements.nearest_miss_among(workers) {
            None => Ok(()),
            Some((worker, miss)) => Err(Refusal::NoWorker {
                label: group.label.clone(),
                requirement: miss.part,
                have: format!("worker {worker} {}", miss.have),
            }),
        }
    }

    fn open(
        &mut self,
        run: RunId,
        submission: Submission,
        attempt: u32,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let opened = Record::RunOpened {
            submission: submission.id,
            project: submission.project,
            build: submission.build,
            source: submission.source,
            workspace: submission.workspace,
            policy: submission.policy,
            content: submission.content,
            attempt,
            joinable: submission.joining != Joining::Never,
        };
        self.record(run, opened, now, pending);
        self.add_groups(run, submission.groups, now, pending);
    }

    fn join(&mut self, run: RunId, submission: Submission, now: Timestamp, pending: &mut Pending) {
        let joined = Record::SubmissionJoined {
            submission: submission.id,
            source: submission.source,
            workspace: submission.workspace,
            content: submission.content,
            expect: submission.policy.expect,
        };
        self.record(run, joined, now, pending);
        self.add_groups(run, submission.groups, now, pending);
    }

    fn add_groups(
        &mut self,
        run: RunId,
        groups: Vec<GroupSubmission>,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let load = Load::of(&groups);
        let known = self.state.run(run).map_or((0, 0), |run| (run.groups.len(), run.specs.len()));
        let mut first = known.1 as u32;
        for (index, mut group) in (known.0 as u32..).zip(groups) {
            let mut specs = Vec::with_capacity(group.specs.len());
            for spec in std::mem::take(&mut group.specs) {
                specs.extend(self.specs_added(&group, spec, load));
            }
            let index = GroupIndex(index);
            let added = Record::GroupAdded {
                group: index,
                label: group.label,
                suite: group.suite,
                requirements: group.requirements,
                policy: group.policy,
                recipe: Box::new(group.recipe),
                specs: specs.len() as u32,
                overhead: group.overhead,
            };
            self.record(run, added, now, pending);
            let mut specs = specs.into_iter();
            loop {
                let chunk: Vec<SpecAdded> =
                    specs.by_ref().take(self.config.bounds.specs_per_record).collect();
                if chunk.is_empty() {
                    break;
                }
                let next = first + chunk.len() as u32;
                let added = Record::SpecsAdded { group: index, first: SpecIndex(first), specs: chunk };
                self.record(run, added, now, pending);
                first = next;
            }
        }
        self.record(run, Record::RunSealed, now, pending);
    }

    pub(crate) fn cancel_requested(
        &mut self,
        request: RequestId,
        run_id: RunId,
        by: String,
        mode: CancelMode,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let Some(run) = self.state.run(run_id) else {
            return Self::reply(request, Reply::Refused(Refusal::NotRunning { run: run_id }), pending);
        };
        // A run that only reached its number of failures lets its running attempts finish; now they are to stop.
        let stops_already = match run.cancelled {
            Some(CancelReason::Requested { .. } | CancelReason::Abandoned { .. }) => true,
            Some(CancelReason::MaxFailures { .. } | CancelReason::GroupsMissing { .. }) | None => false,
        };
        if !stops_already {
            self.cancel(run_id, CancelReason::Requested { by }, now, pending);
        }
        if let Some(live) = self.live.runs.get_mut(&run_id) {
            live.stop = live.stop.max(Some(mode));
        }
        self.stop_attempts(run_id, mode, pending);
        Self::reply(request, Reply::Cancelling, pending);
        self.finish_run_if_done(run_id, now, pending);
    }

    pub(crate) fn run_abandoned(
        &mut self,
        run_id: RunId,
        detail: String,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let Some(run) = self.state.run(run_id) else { return };
        let active = run.active_attempts();
        // Should a worker be there after all, nothing may be left running on the slots that are freed here.
        self.stop_attempts(run_id, CancelMode::Kill, pending);
        if run.cancelled.is_none() {
            self.cancel(run_id, CancelReason::Abandoned { detail: detail.clone() }, now, pending);
        }
        for attempt in active {
            self.attempt_ended(attempt, Finish::lost(LostCause::Abandoned, detail.clone()), now, pending);
        }
        self.end_gathering_if_complete();
        self.finish_run_if_done(run_id, now, pending);
    }

    /// Cancels what waits. Running attempts go on unless they are told to stop.
    pub(crate) fn cancel(&mut self, run: RunId, reason: CancelReason, now: Timestamp, pending: &mut Pending) {
        self.record(run, Record::RunCancelled { reason }, now, pending);
        if let Some(live) = self.live.runs.get_mut(&run) {
            let before = live.queue.waiting();
            live.clear_waiting();
            self.live.classes.waiting_changed(live.queue.waiting(), before);
        }
        self.live.order.set_waiting(run, None);
    }

    fn stop_attempts(&self, run: RunId, mode: CancelMode, pending: &mut Pending) {
        for worker in self.live.workers.values() {
            for (_, running) in worker.running().filter(|(_, running)| running.attempt.run == run) {
                let command = Command::Cancel { attempt: running.attempt, mode };
                pending.effect(Effect::Command { worker: worker.id.clone(), command });
            }
        }
    }
}
