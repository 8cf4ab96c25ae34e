//! What tests, attempts, specs and runs came to.

use crate::Millis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What one test came to, as its framework reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// It ran and passed.
    Passed,
    /// It ran and failed or errored.
    Failed,
    /// It did not run, on purpose.
    Skipped,
    /// It was stopped by the framework's own time limit.
    TimedOut,
}

/// One test's result inside an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Identity inside the spec: equal to the identity that the framework's listing gives for the same test.
    pub id: String,
    /// Name for people: the titles of the enclosing suites and of the test, joined by ` > `.
    pub name: String,
    /// What it came to.
    pub outcome: TestOutcome,
    /// How long the last try took, in microseconds; none where the framework did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_micros: Option<u64>,
    /// The failure's message or the reason for the skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The failure in full: stack, diff, assertion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the test wrote, where the framework captures it per test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How often the framework itself tried again before this outcome.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// `file:line`, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl TestResult {
    /// True when it passed only after the framework's own retry.
    pub fn is_flaky(&self) -> bool {
        self.outcome == TestOutcome::Passed && self.retries > 0
    }
}

/// Tests of an attempt or run, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    /// Passed, flaky ones included.
    pub passed: u32,
    /// Failed, errored or timed out.
    pub failed: u32,
    /// Skipped.
    pub skipped: u32,
    /// Passed after the framework's own retry.
    pub flaky: u32,
}

impl TestCounts {
    /// Counts one more test.
    pub fn add(&mut self, test: &TestResult) {
        match test.outcome {
            TestOutcome::Passed => self.passed += 1,
            TestOutcome::Failed | TestOutcome::TimedOut => self.failed += 1,
            TestOutcome::Skipped => self.skipped += 1,
        }
        self.flaky += u32::from(test.is_flaky());
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: TestCounts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.flaky += other.flaky;
    }

    /// Tests that really ran.
    pub fn executed(&self) -> u32 {
        self.passed + self.failed
    }

    /// All tests that were reported.
    pub fn total(&self) -> u32 {
        self.executed() + self.skipped
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Why an attempt's result cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvalidReason {
    /// The framework ran no test at all.
    NoTests,
    /// The report is missing, truncated or malformed, or contradicts the exit code.
    Report,
    /// Tests that the framework listed were not executed.
    MissingTests,
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptVerdict {
    /// All its tests passed or were skipped.
    Passed,
    /// At least one test failed, or the exit code says so.
    Failed,
    /// Stopped by the spec's time limit or its limit of silence.
    TimedOut,
    /// The process died of a signal, could not start, or ran away.
    Crashed,
    /// The worker that ran it is gone.
    Lost,
    /// Stopped on request.
    Cancelled,
    /// The workspace could not be made ready on the worker: the spec itself never ran.
    SetupFailed,
    /// It ended, but its result cannot be trusted.
    Invalid(InvalidReason),
}

impl AttemptVerdict {
    /// True when the spec itself is to blame, so that it uses up a retry.
    pub fn is_own_fault(self) -> bool {
        match self {
            AttemptVerdict::Failed
            | AttemptVerdict::TimedOut
            | AttemptVerdict::Crashed
            | AttemptVerdict::Invalid(_) => true,
            AttemptVerdict::Passed
            | AttemptVerdict::Lost
            | AttemptVerdict::Cancelled
            | AttemptVerdict::SetupFailed => false,
        }
    }
}

/// Why an attempt was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostCause {
    /// Nothing was heard from its worker for too long.
    WorkerSilent,
    /// Its worker came back in another life, without it.
    WorkerRestarted,
    /// Its worker came back in the same life and had never got the order.
    OrderMissed,
    /// The shim that it ran under died.
    ShimDied,
    /// Its worker shuts down and could not wait for it any longer: nobody's fault.
    Drained,
    /// The worker's disk is full.
    NoRoom,
    /// The worker did not take the order.
    Refused,
    /// Anything else that the worker could not do.
    WorkerFailed,
    /// The daemon that led its run is gone for good.
    Abandoned,
    /// The process that it shared with other specs ended before it had a result: nobody's fault. It goes again alone.
    BatchEnded,
}

impl LostCause {
    /// True when the attempt may have brought it about by what it did to its worker.
    pub fn takes_worker_down(self) -> bool {
        match self {
            LostCause::WorkerSilent | LostCause::WorkerRestarted | LostCause::ShimDied => true,
            LostCause::OrderMissed
            | LostCause::Drained
            | LostCause::NoRoom
            | LostCause::Refused
            | LostCause::WorkerFailed
            | LostCause::BatchEnded
            | LostCause::Abandoned => false,
        }
    }

    /// True when the worker itself is to blame: it was there, and did not do its part.
    pub fn is_workers_fault(self) -> bool {
        match self {
            LostCause::ShimDied | LostCause::NoRoom | LostCause::Refused | LostCause::WorkerFailed => true,
            LostCause::WorkerSilent
            | LostCause::WorkerRestarted
            | LostCause::OrderMissed
            | LostCause::Drained
            | LostCause::BatchEnded
            | LostCause::Abandoned => false,
        }
    }
}

/// A spec's final verdict, recorded exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpecVerdict {
    /// The deciding attempt passed; `flaky` when an earlier one of this run did not.
    Passed {
        /// Passed on a retry.
        flaky: bool,
    },
    /// It passed in an earlier run and was carried forward.
    Carried,
    /// The last allowed attempt did not pass.
    NotPassed(AttemptVerdict),
    /// The run was cancelled before the spec was decided.
    Cancelled,
}

impl SpecVerdict {
    /// True for everything that keeps a run green.
    pub fn is_pass(self) -> bool {
        match self {
            SpecVerdict::Passed { .. } | SpecVerdict::Carried => true,
            SpecVerdict::NotPassed(_) | SpecVerdict::Cancelled => false,
        }
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Every spec passed, and something ran.
    Passed,
    /// At least one spec failed.
    Failed,
    /// The mesh could not finish it: specs were lost, or its daemon went away.
    Incomplete,
    /// No test was executed.
    NothingRan,
    /// Cancelled by a person or their client.
    Cancelled,
}

/// Where an attempt's time went. All on the worker's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From taking the order to starting the process.
    pub setup: Millis,
    /// From the process's start to its end.
    pub run: Millis,
    /// Sum of the tests' own durations; zero where there is no report.
    pub tests: Millis,
    /// From the process's end to the result: reading the report, keeping artifacts.
    pub teardown: Millis,
}

impl Timing {
    /// How long the slot was taken.
    pub fn total(&self) -> Millis {
        self.setup + self.run + self.teardown
    }
}

/// An attempt's captured output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Bytes the attempt wrote.
    pub total_bytes: u64,
    /// Bytes cut out of the middle to stay within the bound.
    #[serde(default)]
    pub dropped_bytes: u64,
    /// The output itself where it is short and valid UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// BLAKE3 digest (hex) of the kept output in the blob store, where it is not inline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

/// A file that an attempt left behind to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Relative path with `/`, already checked to stay inside its folder.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 digest (hex) in the blob store.
    pub digest: String,
}

/// How an attempt ended, as its worker reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// What it came to.
    pub verdict: AttemptVerdict,
    /// Why, in a sentence; empty for a plain pass.
    #[serde(default)]
    pub message: String,
    /// Why it was lost; none when it was not, or nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostCause>,
    /// How the process ended; none when it never started or was lost.
    #[serde(default)]
    pub exit: Option<ExitStatus>,
    /// Where the time went.
    pub timing: Timing,
    /// Tests by outcome.
    pub tests: TestCounts,
    /// Listed tests that were not executed, by id (bounded).
    #[serde(default)]
    pub missing_tests: Vec<String>,
    /// What it wrote.
    pub output: Output,
    /// What it left behind.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// Processes that outlived the main process and had to be killed.
    #[serde(default)]
    pub leaked: Vec<String>,
    /// How much of its run something on the host waited for a CPU, in thousandths; none where the host does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_wait: Option<u32>,
}

impl Finish {
    /// An end that the leader declares by itself, without a report.
    pub fn declared(verdict: AttemptVerdict, message: impl Into<String>) -> Self {
        Finish {
            verdict,
            message: message.into(),
            lost: None,
            exit: None,
            timing: Timing::default(),
            tests: TestCounts::default(),
            missing_tests: Vec::new(),
            output: Output::default(),
            artifacts: Vec::new(),
            leaked: Vec::new(),
            cpu_wait: None,
        }
    }

    /// The end of an attempt that was lost, without a result.
    pub fn lost(cause: LostCause, message: impl Into<String>) -> Self {
        Finish { lost: Some(cause), ..Finish::declared(AttemptVerdict::Lost, message) }
    }
}

impl fmt::Display for AttemptVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AttemptVerdict::Passed => "passed",
            AttemptVerdict::Failed => "failed",
            AttemptVerdict::TimedOut => "timed out",
            AttemptVerdict::Crashed => "crashed",
            AttemptVerdict::Lost => "lost",
            AttemptVerdict::Cancelled => "cancelled",
            AttemptVerdict::SetupFailed => "setup failed",
            AttemptVerdict::Invalid(InvalidReason::NoTests) => "ran no tests",
            AttemptVerdict::Invalid(InvalidReason::Report) => "invalid report",
            AttemptVerdict::Invalid(InvalidReason::MissingTests) => "tests missing",
        })
    }
}

impl fmt::Display for SpecVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpecVerdict::Passed { flaky: false } => f.write_str("passed"),
            SpecVerdict::Passed { flaky: true } => f.write_str("flaky"),
            SpecVerdict::Carried => f.write_str("carried"),
            SpecVerdict::NotPassed(verdict) => verdict.fmt(f),
            SpecVerdict::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl fmt::Display for RunVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunVerdict::Passed => "passed",
            RunVerdict::Failed => "failed",
            RunVerdict::Incomplete => "incomplete",
            RunVerdict::NothingRan => "nothing ran",
            RunVerdict::Cancelled => "cancelled",
        })
    }
}
