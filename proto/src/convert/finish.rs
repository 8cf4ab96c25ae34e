//! Results of tests and attempts.

use super::error::{WireError, required};
use crate::v1::{self, finish::Exit};
use part_core::{
    Artifact, AttemptVerdict, ExitStatus, Finish, InvalidReason, LostCause, Millis, Output, TestCounts,
    TestOutcome, TestResult, Timing,
};

/// A verdict for the wire.
pub fn attempt_verdict_to_wire(verdict: AttemptVerdict) -> v1::AttemptVerdict {
    match verdict {
        AttemptVerdict::Passed => v1::AttemptVerdict::Passed,
        AttemptVerdict::Failed => v1::AttemptVerdict::Failed,
        AttemptVerdict::TimedOut => v1::AttemptVerdict::TimedOut,
        AttemptVerdict::Crashed => v1::AttemptVerdict::Crashed,
        AttemptVerdict::Lost => v1::AttemptVerdict::Lost,
        AttemptVerdict::Cancelled => v1::AttemptVerdict::Cancelled,
        AttemptVerdict::SetupFailed => v1::AttemptVerdict::SetupFailed,
        AttemptVerdict::Invalid(InvalidReason::NoTests) => v1::AttemptVerdict::InvalidNoTests,
        AttemptVerdict::Invalid(InvalidReason::Report) => v1::AttemptVerdict::InvalidReport,
        AttemptVerdict::Invalid(InvalidReason::MissingTests) => v1::AttemptVerdict::InvalidMissingTests,
    }
}

/// A verdict from the wire; one that is not known here is an error, never a pass.
pub fn attempt_verdict_from_wire(value: i32) -> Result<AttemptVerdict, WireError> {
    let unknown = || WireError::wrong("verdict", format!("{value} is not a verdict that is known here"));
    Ok(match v1::AttemptVerdict::try_from(value).map_err(|_| unknown())? {
        v1::AttemptVerdict::Unspecified => return Err(unknown()),
        v1::AttemptVerdict::Passed => AttemptVerdict::Passed,
        v1::AttemptVerdict::Failed => AttemptVerdict::Failed,
        v1::AttemptVerdict::TimedOut => AttemptVerdict::TimedOut,
        v1::AttemptVerdict::Crashed => AttemptVerdict::Crashed,
        v1::AttemptVerdict::Lost => AttemptVerdict::Lost,
        v1::AttemptVerdict::Cancelled => AttemptVerdict::Cancelled,
        v1::AttemptVerdict::SetupFailed => AttemptVerdict::SetupFailed,
        v1::AttemptVerdict::InvalidNoTests => AttemptVerdict::Invalid(InvalidReason::NoTests),
        v1::AttemptVerdict::InvalidReport => AttemptVerdict::Invalid(InvalidReason::Report),
        v1::AttemptVerdict::InvalidMissingTests => AttemptVerdict::Invalid(InvalidReason::MissingTests),
    })
}

fn lost_cause_to_wire(cause: LostCause) -> v1::LostCause {
    match cause {
        LostCause::WorkerSilent => v1::LostCause::WorkerSilent,
        LostCause::WorkerRestarted => v1::LostCause::WorkerRestarted,
        LostCause::OrderMissed => v1::LostCause::OrderMissed,
        LostCause::ShimDied => v1::LostCause::ShimDied,
        LostCause::Drained => v1::LostCause::Drained,
        LostCause::NoRoom => v1::LostCause::NoRoom,
        LostCause::Refused => v1::LostCause::Refused,
        LostCause::WorkerFailed => v1::LostCause::WorkerFailed,
        LostCause::Abandoned => v1::LostCause::Abandoned,
        LostCause::BatchEnded => v1::LostCause::BatchEnded,
    }
}

/// Why an attempt was lost, from the wire. One that is not known here is as good as none: it blames nobody.
fn lost_cause_from_wire(value: i32) -> Option<LostCause> {
    Some(match v1::LostCause::try_from(value).ok()? {
        v1::LostCause::Unspecified => return None,
        v1::LostCause::WorkerSilent => LostCause::WorkerSilent,
        v1::LostCause::WorkerRestarted => LostCause::WorkerRestarted,
        v1::LostCause::OrderMissed => LostCause::OrderMissed,
        v1::LostCause::ShimDied => LostCause::ShimDied,
        v1::LostCause::Drained => LostCause::Drained,
        v1::LostCause::NoRoom => LostCause::NoRoom,
        v1::LostCause::Refused => LostCause::Refused,
        v1::LostCause::WorkerFailed => LostCause::WorkerFailed,
        v1::LostCause::Abandoned => LostCause::Abandoned,
        v1::LostCause::BatchEnded => LostCause::BatchEnded,
    })
}

/// A test's result for the wire.
pub fn test_to_wire(test: &TestResult) -> v1::TestResult {
    let outcome = match test.outcome {
        TestOutcome::Passed => v1::TestOutcome::Passed,
        TestOutcome::Failed => v1::TestOutcome::Failed,
        TestOutcome::Skipped => v1::TestOutcome::Skipped,
        TestOutcome::TimedOut => v1::TestOutcome::TimedOut,
    };
    v1::TestResult {
        id: test.id.clone(),
        name: test.name.clone(),
        outcome: outcome.into(),
        duration_micros: test.duration_micros,
        message: test.message.clone(),
        detail: test.detail.clone(),
        output: test.output.clone(),
        retries: test.retries,
        location: test.location.clone(),
    }
}

/// A test's result from the wire.
pub fn test_from_wire(wire: v1::TestResult) -> Result<TestResult, WireError> {
    let unknown =
        || WireError::wrong("test.outcome", format!("{} is not an outcome that is known here", wire.outcome));
    let outcome = match v1::TestOutcome::try_from(wire.outcome).map_err(|_| unknown())? {
        v1::TestOutcome::Unspecified => return Err(unknown()),
        v1::TestOutcome::Passed => TestOutcome::Passed,
        v1::TestOutcome::Failed => TestOutcome::Failed,
        v1::TestOutcome::Skipped => TestOutcome::Skipped,
        v1::TestOutcome::TimedOut => TestOutcome::TimedOut,
    };
    Ok(TestResult {
        id: wire.id,
        name: wire.name,
        outcome,
        duration_micros: wire.duration_micros,
        message: wire.message,
        detail: wire.detail,
        output: wire.output,
        retries: wire.retries,
        location: wire.location,
    })
}

/// Counts for the wire.
pub(crate) fn counts_to_wire(counts: TestCounts) -> v1::TestCounts {
    v1::TestCounts {
        passed: counts.passed,
        failed: counts.failed,
        skipped: counts.skipped,
        flaky: counts.flaky,
    }
}

/// An attempt's end for the wire.
pub fn finish_to_wire(finish: &Finish) -> v1::Finish {
    let output = &finish.output;
    v1::Finish {
        verdict: attempt_verdict_to_wire(finish.verdict).into(),
        message: finish.message.clone(),
        lost: finish.lost.map_or(v1::LostCause::Unspecified, lost_cause_to_wire).into(),
        exit: finish.exit.map(|exit| match exit {
            ExitStatus::Code(code) => Exit::ExitCode(code),
            ExitStatus::Signal(signal) => Exit::ExitSignal(signal),
        }),
        timing: Some(v1::Timing {
            setup_ms: finish.timing.setup.0,
            run_ms: finish.timing.run.0,
            tests_ms: finish.timing.tests.0,
            teardown_ms: finish.timing.teardown.0,
        }),
        tests: Some(counts_to_wire(finish.tests)),
        missing_tests: finish.missing_tests.clone(),
        output: Some(v1::Output {
            total_bytes: output.total_bytes,
            dropped_bytes: output.dropped_bytes,
            inline: output.inline.clone(),
            blob: output.blob.clone(),
        }),
        artifacts: finish.artifacts.iter().map(artifact_to_wire).collect(),
        leaked: finish.leaked.clone(),
        cpu_wait: finish.cpu_wait,
    }
}

fn artifact_to_wire(artifact: &Artifact) -> v1::Artifact {
    v1::Artifact { path: artifact.path.clone(), bytes: artifact.bytes, digest: artifact.digest.clone() }
}

/// An attempt's end from the wire.
pub fn finish_from_wire(wire: v1::Finish) -> Result<Finish, WireError> {
    let timing = required("finish.timing", wire.timing)?;
    let tests = required("finish.tests", wire.tests)?;
    let output = required("finish.output", wire.output)?;
    Ok(Finish {
        verdict: attempt_verdict_from_wire(wire.verdict)?,
        lost: lost_cause_from_wire(wire.lost),
        message: wire.message,
        exit: wire.exit.map(|exit| match exit {
            Exit::ExitCode(code) => ExitStatus::Code(code),
            Exit::ExitSignal(signal) => ExitStatus::Signal(signal),
        }),
        timing: Timing {
            setup: Millis(timing.setup_ms),
            run: Millis(timing.run_ms),
            tests: Millis(timing.tests_ms),
            teardown: Millis(timing.teardown_ms),
        },
        tests: TestCounts {
            passed: tests.passed,
            failed: tests.failed,
            skipped: tests.skipped,
            flaky: tests.flaky,
        },
        missing_tests: wire.missing_tests,
        output: Output {
            total_bytes: output.total_bytes,
            dropped_bytes: output.dropped_bytes,
            inline: output.inline,
            blob: output.blob,
        },
        artifacts: wire
            .artifacts
            .into_iter()
            .map(|a| Artifact { path: a.path, bytes: a.bytes, digest: a.digest })
            .collect(),
        leaked: wire.leaked,
        cpu_wait: wire.cpu_wait,
    })
}
