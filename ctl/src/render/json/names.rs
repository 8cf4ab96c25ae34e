//! Stable names of verdicts and outcomes.

use part_core::{AttemptVerdict, InvalidReason, RunVerdict, SpecVerdict, TestOutcome};
use part_proto::v1::{Algorithm, Parallel, Rule, Turn};

/// An attempt's verdict.
pub(crate) const fn attempt_verdict(verdict: AttemptVerdict) -> &'static str {
    match verdict {
        AttemptVerdict::Passed => "passed",
        AttemptVerdict::Failed => "failed",
        AttemptVerdict::TimedOut => "timed_out",
        AttemptVerdict::Crashed => "crashed",
        AttemptVerdict::Lost => "lost",
        AttemptVerdict::Cancelled => "cancelled",
        AttemptVerdict::SetupFailed => "setup_failed",
        AttemptVerdict::Invalid(InvalidReason::NoTests) => "no_tests",
        AttemptVerdict::Invalid(InvalidReason::Report) => "invalid_report",
        AttemptVerdict::Invalid(InvalidReason::MissingTests) => "missing_tests",
    }
}

/// A spec's verdict; for one that did not pass, what its deciding attempt came to.
pub(crate) const fn spec_verdict(verdict: SpecVerdict) -> &'static str {
    match verdict {
        SpecVerdict::Passed { flaky: false } => "passed",
        SpecVerdict::Passed { flaky: true } => "flaky",
        SpecVerdict::Carried => "carried",
        SpecVerdict::NotPassed(verdict) => attempt_verdict(verdict),
        SpecVerdict::Cancelled => "cancelled",
    }
}

/// A run's verdict.
pub(crate) const fn run_verdict(verdict: RunVerdict) -> &'static str {
    match verdict {
        RunVerdict::Passed => "passed",
        RunVerdict::Failed => "failed",
        RunVerdict::Incomplete => "incomplete",
        RunVerdict::NothingRan => "nothing_ran",
        RunVerdict::Cancelled => "cancelled",
    }
}

/// A test's outcome.
pub(crate) const fn test_outcome(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Passed => "passed",
        TestOutcome::Failed => "failed",
        TestOutcome::Skipped => "skipped",
        TestOutcome::TimedOut => "timed_out",
    }
}

/// The rule that chose a spec.
pub(crate) const fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Unspecified => "unknown",
        Rule::Again => "again",
        Rule::FailedLast => "failed_last",
        Rule::Unknown => "unforeseen",
        Rule::Longest => "longest",
        Rule::Retry => "retry",
        Rule::Batch => "batch",
        Rule::Backup => "backup",
    }
}

/// Why a run was served before others.
pub(crate) const fn turn(turn: Turn) -> &'static str {
    match turn {
        Turn::Unspecified => "unknown",
        Turn::Alone => "alone",
        Turn::Scarce => "scarce",
        Turn::Priority => "priority",
        Turn::Share => "share",
        Turn::Shortest => "shortest",
        Turn::Guaranteed => "guaranteed",
    }
}

/// What may run at the same time.
pub(crate) const fn parallel(parallel: Parallel) -> &'static str {
    match parallel {
        Parallel::None => "none",
        Parallel::Unspecified | Parallel::Collections => "collections",
        Parallel::Assemblies => "assemblies",
        Parallel::All => "all",
    }
}

/// What a limit on threads limits.
pub(crate) const fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Unspecified | Algorithm::Conservative => "conservative",
        Algorithm::Aggressive => "aggressive",
    }
}
