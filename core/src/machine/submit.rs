//! Submitting and cancelling runs.

use crate::{
    CancelMode, CancelReason, Command, Core, Effect, Estimate, Finish, GroupIndex, GroupSubmission,
    LostCause, Pending, Record, Refusal, Reply, RequestId, RunId, SpecAdded, SpecIndex, Submission,
    Timestamp,
};

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
            let differs = content.zip(submission.content.as_ref()).is_some_and(|(old, new)| old != new);
            let reply = match differs {
                true => Reply::Refused(Refusal::other_content(submission.id, known)),
                false => Reply::Submitted { run: known, new: false, attempt, joined: false },
            };
            return Self::reply(request, reply, pending);
        }
        if let Err(refusal) = self.may_open(&submission) {
            return Self::reply(request, Reply::Refused(refusal), pending);
        }
        self.open(run, submission, now, pending);
        Self::reply(request, Reply::Submitted { run, new: true, attempt: 1, joined: false }, pending);
        self.admit(run, now);
        self.finish_run_if_done(run, now, pending);
    }

    fn may_open(&self, submission: &Submission) -> Result<(), Refusal> {
        let bounds = &self.config.bounds;
        submission.check(bounds)?;
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
        submission.groups.iter().try_for_each(|group| self.can_be_served(group))
    }

    /// Refuses what no known worker could ever run. With no worker at all, or while some that hold attempts have
    /// not yet said what they can do, the group waits for one.
    fn can_be_served(&self, group: &GroupSubmission) -> Result<(), Refusal> {
        let mut unmet = None;
        for worker in self.live.workers.values() {
            if worker.incarnation.is_none() {
                return Ok(());
            }
            match group.requirements.unmet(&worker.capabilities) {
                None => return Ok(()),
                Some(requirement) => unmet = Some((requirement, worker)),
            }
        }
        let Some((requirement, worker)) = unmet else { return Ok(()) };
        let family = requirement.key.split('.').next().unwrap_or_default();
        let mut have: Vec<String> = Vec::new();
        for (key, value) in &worker.capabilities.0 {
            if key.split('.').next() == Some(family) {
                have.push(if value.is_empty() { key.clone() } else { format!("{key}={value}") });
            }
        }
        let have = match have.is_empty() {
            true => format!("worker {} has no {family} at all", worker.id),
            false => format!("worker {} has {}", worker.id, have.join(", ")),
        };
        Err(Refusal::NoWorker { label: group.label.clone(), requirement: requirement.to_string(), have })
    }

    fn open(&mut self, run: RunId, submission: Submission, now: Timestamp, pending: &mut Pending) {
        let opened = Record::RunOpened {
            submission: submission.id,
            project: submission.project,
            build: submission.build,
            source: submission.source,
            workspace: submission.workspace,
            policy: submission.policy,
            content: submission.content,
            attempt: 1,
            joinable: false,
        };
        self.record(run, opened, now, pending);
        let mut first = 0;
        for (index, group) in submission.groups.into_iter().enumerate() {
            let index = GroupIndex(index as u32);
            let added = Record::GroupAdded {
                group: index,
                label: group.label,
                suite: group.suite,
                requirements: group.requirements,
                policy: group.policy,
                recipe: Box::new(group.recipe),
                specs: group.specs.len() as u32,
                overhead: group.overhead,
            };
            self.record(run, added, now, pending);
            let mut specs = group.specs.into_iter().map(|spec| SpecAdded {
                name: spec.name,
                size_bytes: spec.size_bytes,
                estimate: Estimate::from_samples(&spec.history),
                expected_tests: spec.expected_tests,
                carried: spec.carried,
                collection: spec.collection,
                serial: spec.serial,
                assembly: spec.assembly,
                locks: spec.locks,
                quarantined: spec.quarantined,
                failed_last: spec.failed_last,
                part: None,
            });
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
            live.queue = crate::queue::RunQueue::default();
            live.elsewhere.clear();
            live.hopeless.clear();
        }
        self.live.fair.set_waiting(run, false);
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
