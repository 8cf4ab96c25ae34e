//! The decision table: what follows from an attempt's end.

use crate::{
    AttemptPhase, AttemptVerdict, Bounds, CancelReason, LostCause, Run, Spec, SpecVerdict, Timestamp,
};

/// What follows from an attempt's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Decide(SpecVerdict),
    /// Not its fault: the spec goes again, before anything else.
    Again,
    /// It did not pass and may be tried again.
    Retry,
}

/// The table. `spec` already holds the attempt.
pub(super) fn next(run: &Run, spec: &Spec, bounds: &Bounds) -> Option<Next> {
    let verdict = spec.deciding_finish()?.verdict;
    Some(match verdict {
        AttemptVerdict::Passed => {
            let flaky = spec.finishes().any(|(_, finish)| is_own_fault(finish.verdict));
            Next::Decide(SpecVerdict::Passed { flaky })
        }
        AttemptVerdict::Lost | AttemptVerdict::Cancelled | AttemptVerdict::SetupFailed => match run.cancelled
        {
            // Nobody stopped it: it went down with its daemon.
            Some(CancelReason::Abandoned { .. }) if verdict == AttemptVerdict::SetupFailed => {
                given_up(verdict)
            }
            Some(CancelReason::Abandoned { .. }) => given_up(AttemptVerdict::Lost),
            Some(
                CancelReason::Requested { .. }
                | CancelReason::MaxFailures { .. }
                | CancelReason::GroupsMissing { .. },
            ) => Next::Decide(SpecVerdict::Cancelled),
            None if spec.kills() >= kills_allowed(run, bounds) => given_up(AttemptVerdict::Crashed),
            None if setups_failed(spec) >= bounds.setup_attempts => given_up(AttemptVerdict::SetupFailed),
            None if lost(spec) >= bounds.lost_attempts => given_up(AttemptVerdict::Lost),
            None => Next::Again,
        },
        AttemptVerdict::Failed
        | AttemptVerdict::TimedOut
        | AttemptVerdict::Crashed
        | AttemptVerdict::Invalid(_) => {
            let in_budget = run.policy.retry_budget.is_none_or(|budget| run.retried <= budget);
            if run.cancelled.is_none() && has_another_chance(run, spec) && in_budget {
                Next::Retry
            } else {
                given_up(verdict)
            }
        }
    })
}

fn given_up(verdict: AttemptVerdict) -> Next {
    Next::Decide(SpecVerdict::NotPassed(verdict))
}

/// How many workers one spec of a run may take down.
fn kills_allowed(run: &Run, bounds: &Bounds) -> u32 {
    run.policy.worker_kills.unwrap_or(bounds.worker_kills).max(1)
}

fn setups_failed(spec: &Spec) -> u32 {
    spec.finishes().filter(|(_, finish)| finish.verdict == AttemptVerdict::SetupFailed).count() as u32
}

/// Attempts that were lost in ways that have a bound of their own. Those that took a worker down have another, and a
/// worker that shuts down is nobody's fault, however often that happens.
fn lost(spec: &Spec) -> u32 {
    let counts = spec.attempts.iter().filter(|attempt| match &attempt.phase {
        AttemptPhase::Active => false,
        AttemptPhase::Finished { finish, .. } => {
            let was_lost = matches!(finish.verdict, AttemptVerdict::Lost | AttemptVerdict::Cancelled);
            let excused = matches!(finish.lost, Some(LostCause::Drained | LostCause::BatchEnded));
            was_lost && !excused && !attempt.took_worker_down()
        }
    });
    counts.count() as u32
}

/// True when the spec may fail once more without being decided.
pub(super) fn may_fail(run: &Run, spec: &Spec) -> bool {
    failures(spec) < run.group_of(spec).policy.retries
}

fn has_another_chance(run: &Run, spec: &Spec) -> bool {
    failures(spec) <= run.group_of(spec).policy.retries
}

fn failures(spec: &Spec) -> u32 {
    spec.finishes().filter(|(_, finish)| is_own_fault(finish.verdict)).count() as u32
}

/// True when a spec that goes again had better go to a worker that has not had it: the worker may be to blame.
pub(super) fn goes_elsewhere(spec: &Spec) -> bool {
    let Some((_, attempt)) = spec.newest() else { return false };
    let Some(finish) = spec.deciding_finish() else { return false };
    is_own_fault(finish.verdict)
        || attempt.took_worker_down()
        || finish.lost.is_some_and(LostCause::is_workers_fault)
}

/// True when the spec itself is to blame, so that it uses up a retry.
pub(super) fn is_own_fault(verdict: AttemptVerdict) -> bool {
    verdict.is_own_fault()
}

/// Which attempts took which workers down, and when, in words.
pub(crate) fn evidence(spec: &Spec, now: Timestamp) -> String {
    let mut deaths = Vec::new();
    for (number, attempt) in (1..).zip(&spec.attempts) {
        if let AttemptPhase::Finished { at, finish } = &attempt.phase
            && attempt.took_worker_down()
        {
            let ago = now.since(*at);
            deaths.push(format!(
                "attempt {number} with worker {}, {ago} ago ({})",
                attempt.worker, finish.message
            ));
        }
    }
    let workers = if deaths.len() == 1 { "worker" } else { "workers" };
    format!("it took {} {workers} down: {}", deaths.len(), deaths.join("; "))
}
