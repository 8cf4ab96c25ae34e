//! Which run a submission becomes part of, and what must agree for that.

use crate::{Core, Joining, PastAttempt, Refusal, Run, RunId, RunPolicy, Submission, Timestamp};

/// What becomes of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A run of its own: this attempt of its build.
    Opens { attempt: u32 },
    /// Part of that run.
    Joins { run: RunId },
}

impl Core {
    /// Finds the run that a submission belongs to, or says why it cannot belong to any.
    pub(super) fn target_of(&self, submission: &Submission, now: Timestamp) -> Result<Target, Refusal> {
        let same_build =
            |run: &&Run| run.project.as_ref() == submission.project && run.build == submission.build;
        let unfinished: Vec<&Run> = self.state.runs().filter(same_build).collect();
        let past = submission.past.iter().map(|past| past.number);
        let newest = past.chain(unfinished.iter().map(|run| run.attempt)).max().unwrap_or(0);
        let open = |run: &&&Run| run.joinable && run.cancelled.is_none();
        match submission.joining {
            Joining::Never => Ok(Target::Opens { attempt: newest + 1 }),
            Joining::Current => {
                let current = unfinished.iter().filter(open).max_by_key(|run| run.attempt);
                match current {
                    Some(run) => self.may_join(run, submission, now),
                    None => Ok(Target::Opens { attempt: newest + 1 }),
                }
            }
            Joining::Attempt(attempt) => {
                let here = unfinished.iter().find(|run| run.attempt == attempt);
                let complete =
                    |run, ago| Refusal::Complete { build: submission.build.clone(), attempt, run, ago };
                match here {
                    Some(run) if open(&run) => self.may_join(run, submission, now),
                    Some(run) => Err(complete(run.id, crate::Millis::ZERO)),
                    None => match submission.past.iter().find(|past| past.number == attempt) {
                        Some(PastAttempt { run, finished_at, .. }) => {
                            Err(complete(*run, finished_at.map_or(crate::Millis::ZERO, |at| now.since(at))))
                        }
                        None => Ok(Target::Opens { attempt }),
                    },
                }
            }
        }
    }

    fn may_join(&self, run: &Run, submission: &Submission, now: Timestamp) -> Result<Target, Refusal> {
        for group in &submission.groups {
            let taken = run
                .groups
                .iter()
                .find(|known| known.label.as_ref() == group.label && !run.submission_of(known).dropped);
            if let Some(taken) = taken {
                let first = run.submission_of(taken);
                let from = [first.source.user.as_str(), first.source.host.as_str()];
                let from: Vec<&str> = from.into_iter().filter(|part| !part.is_empty()).collect();
                return Err(Refusal::LabelTaken {
                    label: group.label.clone(),
                    run: run.id,
                    ago: now.since(first.at),
                    from: if from.is_empty() { "somewhere".to_owned() } else { from.join("@") },
                });
            }
        }
        agree(run.id, &run.policy, &submission.policy)?;
        let bounds = &self.config.bounds;
        let specs = run.specs.len() + submission.groups.iter().map(|group| group.specs.len()).sum::<usize>();
        let full = |what, limit| Refusal::Full { what, limit };
        if specs > bounds.specs_per_run {
            return Err(full("too many specs in one run", bounds.specs_per_run));
        }
        if run.groups.len() + submission.groups.len() > bounds.groups_per_run {
            return Err(full("too many groups in one run", bounds.groups_per_run));
        }
        Ok(Target::Joins { run: run.id })
    }
}

/// The rules of a run are those of the submission that opened it; one that joins may leave them away or say the same.
fn agree(run: RunId, have: &RunPolicy, want: &RunPolicy) -> Result<(), Refusal> {
    fn check<T: PartialEq + Copy>(
        run: RunId,
        what: &'static str,
        have: Option<T>,
        want: Option<T>,
        text: impl Fn(T) -> String,
    ) -> Result<(), Refusal> {
        match want {
            Some(value) if have != Some(value) => {
                let have = have.map_or_else(|| "not set".to_owned(), &text);
                Err(Refusal::OtherPolicy { run, what, have, want: text(value) })
            }
            Some(_) | None => Ok(()),
        }
    }
    let number = |value: u32| value.to_string();
    let time = |value: crate::Millis| value.to_string();
    let not_zero = |priority: i32| (priority != 0).then_some(priority);
    check(run, "max-failures", have.max_failures, want.max_failures, number)?;
    check(run, "lost-after", have.lost_after, want.lost_after, time)?;
    check(run, "worker-kills", have.worker_kills, want.worker_kills, number)?;
    check(run, "weight", have.weight, want.weight, number)?;
    check(run, "priority", not_zero(have.priority), not_zero(want.priority), |value| value.to_string())?;
    check(run, "retry-budget", have.retry_budget, want.retry_budget, number)
}
