//! The fold: one record at a time into the state.

use super::{Attempt, AttemptPhase, Group, Run, Spec, SpecPhase, State, Submitted};
use crate::{
    AttemptId, AttemptVerdict, Entry, Record, Rule, RunId, SpecAdded, SpecIndex, SpecVerdict, Timestamp,
};
use std::sync::Arc;
use thiserror::Error;

/// An entry that does not fit what came before it: a damaged ledger, or a bug.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("entry {number} of run {run} does not fit: {what}")]
pub struct Misfit {
    /// The run.
    pub run: RunId,
    /// The entry.
    pub number: u64,
    /// What is wrong.
    pub what: &'static str,
}

impl State {
    /// Folds one entry. On an error the state is as before.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Misfit> {
        let misfit = |what| Misfit { run: entry.run, number: entry.number, what };
        if let Record::RunOpened { .. } = entry.record {
            let run = Run::opened(entry).ok_or_else(|| misfit("it opens a run but is not number 1"))?;
            if self.runs.contains_key(&run.id) {
                return Err(misfit("the run is already open"));
            }
            self.submissions.insert(run.submissions[0].id, run.id);
            self.runs.insert(run.id, run);
            return Ok(());
        }
        let run = self.runs.get_mut(&entry.run).ok_or_else(|| misfit("its run was never opened"))?;
        if entry.number != run.last_number + 1 {
            return Err(misfit("its number does not follow the one before"));
        }
        run.apply(entry.at, &entry.record).map_err(misfit)?;
        run.last_number = entry.number;
        if let (Record::SubmissionDropped, Some(dropped)) = (&entry.record, run.submissions.last()) {
            let dropped = dropped.id;
            self.submissions.remove(&dropped);
        }
        if let Record::SubmissionJoined { submission, .. } = entry.record {
            self.submissions.insert(submission, entry.run);
        }
        Ok(())
    }

    /// Folds entries over an empty state.
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<State, Misfit> {
        let mut state = State::default();
        for entry in entries {
            state.apply(entry)?;
        }
        Ok(state)
    }

    /// Drops a run from memory; its ledger stays in the store.
    pub(crate) fn forget(&mut self, run: RunId) {
        let Some(run) = self.runs.remove(&run) else { return };
        for submission in &run.submissions {
            if self.submissions.get(&submission.id) == Some(&run.id) {
                self.submissions.remove(&submission.id);
            }
        }
    }
}

impl Run {
    fn opened(entry: &Entry) -> Option<Run> {
        let Record::RunOpened {
            submission,
            project,
            build,
            source,
            workspace,
            policy,
            content,
            attempt,
            joinable,
        } = &entry.record
        else {
            return None;
        };
        (entry.number == 1).then(|| Run {
            id: entry.run,
            opened_at: entry.at,
            project: Arc::from(project.as_str()),
            build: build.clone(),
            attempt: *attempt,
            joinable: *joinable,
            source: source.clone(),
            policy: policy.clone(),
            submissions: vec![Submitted {
                id: *submission,
                at: entry.at,
                source: source.clone(),
                workspace: Arc::new(workspace.clone()),
                content: content.clone(),
                dropped: false,
            }],
            quiet_since: entry.at,
            active: 0,
            retried: 0,
            groups: Vec::new(),
            specs: Vec::new(),
            sealed: false,
            cancelled: None,
            finished: None,
            last_number: 1,
            undecided: 0,
            failures: 0,
        })
    }

    fn apply(&mut self, at: Timestamp, record: &Record) -> Result<(), &'static str> {
        match record {
            Record::RunOpened { .. } => return Err("the run is already open"),
            Record::SubmissionJoined { submission, source, workspace, content, expect } => {
                if !self.joinable || !self.sealed {
                    return Err("nothing can join its run");
                }
                self.sealed = false;
                self.quiet_since = at;
                if let Some(expect) = expect {
                    self.policy.expect = Some(expect.clone());
                }
                self.submissions.push(Submitted {
                    id: *submission,
                    at,
                    source: source.clone(),
                    workspace: Arc::new(workspace.clone()),
                    content: content.clone(),
                    dropped: false,
                });
            }
            Record::SubmissionDropped => self.drop_newest()?,
            Record::GroupAdded { group, label, suite, requirements, policy, recipe, specs: _, overhead } => {
                if group.0 as usize != self.groups.len() || self.sealed {
                    return Err("its group is out of order");
                }
                self.groups.push(Group {
                    label: Arc::from(label.as_str()),
                    suite: suite.clone(),
                    requirements: requirements.clone(),
                    policy: policy.clone(),
                    recipe: Arc::new(recipe.as_ref().clone()),
                    submission: self.submissions.len() - 1,
                    overhead: *overhead,
                });
            }
            Record::SpecsAdded { group, first, specs } => {
                if first.0 as usize != self.specs.len() || group.0 as usize >= self.groups.len() {
                    return Err("its specs are out of order");
                }
                for added in specs {
                    let spec = Spec::added(*group, at, added);
                    self.undecided += u32::from(!matches!(spec.phase, SpecPhase::Decided(_)));
                    self.specs.push(spec);
                }
            }
            Record::RunSealed => (self.sealed, self.quiet_since) = (true, at),
            Record::AttemptAssigned { attempt, worker, slot, forecast, why, batch } => {
                let backup = why.is_some_and(|why| why.rule == Rule::Backup);
                let spec = self.spec_mut(attempt.spec)?;
                match spec.phase {
                    SpecPhase::Waiting { .. } if !backup => {}
                    SpecPhase::Active if backup => {}
                    SpecPhase::Waiting { .. } | SpecPhase::Active | SpecPhase::Decided(_) => {
                        return Err("its spec does not wait for a slot");
                    }
                }
                if attempt.number as usize != spec.attempts.len() + 1 {
                    return Err("its attempt number does not follow the one before");
                }
                spec.phase = SpecPhase::Active;
                spec.attempts.push(Attempt {
                    worker: worker.clone(),
                    slot: *slot,
                    assigned_at: at,
                    forecast: *forecast,
                    started_at: None,
                    test_batches: 0,
                    phase: AttemptPhase::Active,
                    superseded: None,
                    why: *why,
                    batch: *batch,
                    dismissed: false,
                    corrected: None,
                });
                self.active += 1;
            }
            Record::AttemptDismissed { attempt } => {
                self.active_mut(*attempt)?.dismissed = true;
                let spec = self.spec_mut(attempt.spec)?;
                if spec.phase == SpecPhase::Active && spec.live_attempts().next().is_none() {
                    spec.phase = SpecPhase::Waiting { since: at };
                }
            }
            Record::AttemptStarted { attempt } => self.active_mut(*attempt)?.started_at = Some(at),
            Record::TestsReported { attempt, batch, tests: _ } => {
                let attempt = self.active_mut(*attempt)?;
                if attempt.test_batches != *batch {
                    return Err("its batch of tests is out of order");
                }
                attempt.test_batches += 1;
            }
            Record::AttemptFinished { attempt, finish, key: _, counts: _, corrected } => {
                let ended = self.active_mut(*attempt)?;
                ended.phase = AttemptPhase::Finished { at, finish: finish.clone() };
                ended.corrected = *corrected;
                let failed =
                    ended.has_result() && !ended.dismissed && finish.verdict != AttemptVerdict::Passed;
                self.active -= 1;
                // A verdict that follows takes this back.
                self.retried += u32::from(failed);
                let spec = self.spec_mut(attempt.spec)?;
                // Until a verdict follows, the spec waits for its next attempt.
                if spec.phase == SpecPhase::Active && spec.live_attempts().next().is_none() {
                    spec.phase = SpecPhase::Waiting { since: at };
                }
            }
            Record::AttemptSuperseded { attempt, verdict } => {
                let spec = self.spec_mut(attempt.spec)?;
                let place = (attempt.number as usize).checked_sub(1);
                let attempt = place.and_then(|place| spec.attempts.get_mut(place));
                attempt.ok_or("its attempt was never made")?.superseded = Some(*verdict);
            }
            Record::SpecDecided { spec, verdict, because } => {
                let spec = self.spec_mut(*spec)?;
                if let SpecPhase::Decided(_) = spec.phase {
                    return Err("its spec is already decided");
                }
                spec.phase = SpecPhase::Decided(*verdict);
                spec.because = (!because.is_empty()).then(|| Arc::from(because.as_str()));
                let fails = matches!(verdict, SpecVerdict::NotPassed(_)) && !spec.quarantined;
                let ended_so = spec.deciding_finish().map(|finish| finish.verdict);
                let last = matches!(verdict, SpecVerdict::NotPassed(own) if Some(*own) == ended_so);
                let not_retried = last && spec.attempts.iter().any(Attempt::has_result);
                let taken_back = not_retried && ended_so.is_some_and(AttemptVerdict::is_own_fault);
                self.retried = self.retried.saturating_sub(u32::from(taken_back));
                self.undecided -= 1;
                self.failures += u32::from(fails);
                self.quiet_since = at;
            }
            Record::RunCancelled { reason } => {
                self.cancelled = Some(reason.clone());
                let mut cancelled = 0;
                for spec in &mut self.specs {
                    if let SpecPhase::Waiting { .. } = spec.phase {
                        spec.phase = SpecPhase::Decided(SpecVerdict::Cancelled);
                        cancelled += 1;
                    }
                }
                self.undecided -= cancelled;
            }
            Record::RunFinished { verdict, summary } => {
                self.finished = Some((at, *verdict, summary.as_ref().clone()));
            }
        }
        Ok(())
    }

    fn spec_mut(&mut self, index: SpecIndex) -> Result<&mut Spec, &'static str> {
        self.specs.get_mut(index.0 as usize).ok_or("its spec was never added")
    }

    /// Takes back what came of the newest submission, which was promised to nobody.
    fn drop_newest(&mut self) -> Result<(), &'static str> {
        let newest = self.submissions.len() - 1;
        if self.sealed || newest == 0 {
            return Err("no submission is coming in");
        }
        self.submissions[newest].dropped = true;
        self.sealed = true;
        for spec in &mut self.specs {
            if self.groups[spec.group.0 as usize].submission == newest
                && let SpecPhase::Waiting { .. } = spec.phase
            {
                spec.phase = SpecPhase::Decided(SpecVerdict::Cancelled);
                self.undecided -= 1;
            }
        }
        Ok(())
    }

    fn active_mut(&mut self, id: AttemptId) -> Result<&mut Attempt, &'static str> {
        let spec = self.spec_mut(id.spec)?;
        let place = (id.number as usize).checked_sub(1);
        match place.and_then(|place| spec.attempts.get_mut(place)) {
            Some(attempt) if attempt.phase == AttemptPhase::Active => Ok(attempt),
            Some(_) | None => Err("its attempt is not active"),
        }
    }
}

impl Spec {
    fn added(group: crate::GroupIndex, at: Timestamp, added: &SpecAdded) -> Spec {
        let phase = match added.carried {
            Some(_) => SpecPhase::Decided(SpecVerdict::Carried),
            None => SpecPhase::Waiting { since: at },
        };
        Spec {
            group,
            name: Arc::from(added.name.as_str()),
            size_bytes: added.size_bytes,
            estimate: added.estimate,
            expected_tests: added.expected_tests.as_ref().map(|tests| Arc::from(tests.as_slice())),
            carried: added.carried,
            phase,
            attempts: Vec::new(),
            because: None,
            collection: added.collection.as_deref().map(Arc::from),
            serial: added.serial,
            assembly: added.assembly.as_deref().map(Arc::from),
            locks: Arc::from(added.locks.as_slice()),
            quarantined: added.quarantined,
            failed_last: added.failed_last,
            part: added.part.clone().map(Arc::new),
        }
    }
}
