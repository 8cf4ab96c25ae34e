//! Records: the durable facts of a run's ledger. Named for what became true.
//!
//! Folding a run's entries over an empty [`crate::State`] gives the live state, so whatever a decision later
//! needs must be in a record. Records are stored as JSON: fields are only ever added, with a default.
//!
//! Adding a kind: the fold in `state/apply.rs`, the event in `proto/part/v1/events.proto` with its conversion,
//! and the client's view in `ctl/src/view`.

use crate::{
    AttemptId, AttemptVerdict, Carried, Estimate, Expect, Finish, GroupIndex, GroupPolicy, Lock, Millis,
    Recipe, Requirements, RunId, RunPolicy, RunSummary, RunVerdict, SlotId, Source, SpecIndex, SpecVerdict,
    SubmissionId, TestResult, Timestamp, WorkerId, Workspace,
};
use serde::{Deserialize, Serialize};

/// One line of a run's ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The run.
    pub run: RunId,
    /// Its place in the run's ledger: from 1, without gaps. A watcher's cursor is the last number it saw.
    pub number: u64,
    /// When it became true, by the leader's clock.
    pub at: Timestamp,
    /// The fact.
    pub record: Record,
}

/// A durable fact about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// The run exists. Always number 1.
    RunOpened {
        /// The submission that made it.
        submission: SubmissionId,
        /// Project.
        project: String,
        /// CI build id.
        build: String,
        /// Where it came from.
        source: Source,
        /// The files to run in.
        workspace: Workspace,
        /// Rules over all groups.
        policy: RunPolicy,
        /// Digest of what was submitted; none where nobody took it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        /// Which attempt of its build it is, from 1.
        #[serde(default = "first")]
        attempt: u32,
        /// True while further submissions of the build may join it.
        #[serde(default)]
        joinable: bool,
    },
    /// Another submission of the build joins the run: its groups follow, then [`Record::RunSealed`].
    SubmissionJoined {
        /// The submission.
        submission: SubmissionId,
        /// Where it came from.
        source: Source,
        /// The files that its groups run in.
        workspace: Workspace,
        /// Digest of what was submitted; none where nobody took it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        /// What it says about the groups that the run waits for; none to leave that as it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<Expect>,
    },
    /// The newest submission did not come in whole and was promised to nobody: its groups count for nothing.
    SubmissionDropped,
    /// A group joined; its specs follow.
    GroupAdded {
        /// Its place.
        group: GroupIndex,
        /// Its label.
        label: String,
        /// Its suite.
        suite: String,
        /// What its workers must be able to do.
        requirements: Requirements,
        /// Its rules.
        policy: GroupPolicy,
        /// How to run its specs.
        recipe: Box<Recipe>,
        /// How many specs it has.
        specs: u32,
        /// What a process of its recipe costs beside the tests, by the history.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        overhead: Option<Millis>,
    },
    /// Some of a group's specs, in order, starting with number `first` of the run.
    SpecsAdded {
        /// The group.
        group: GroupIndex,
        /// Number of the first.
        first: SpecIndex,
        /// The specs.
        specs: Vec<SpecAdded>,
    },
    /// All of the submission is in; from here on its specs may run.
    RunSealed,
    /// An attempt was given to a slot. The command leaves only after this is committed.
    AttemptAssigned {
        /// The attempt.
        attempt: AttemptId,
        /// Who runs it.
        worker: WorkerId,
        /// On which slot.
        slot: SlotId,
        /// How long it is expected to take; none when nothing is known.
        forecast: Option<Millis>,
        /// Why this spec, there, then; none in ledgers of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Why>,
        /// The first spec of the batch that it shares a process with; none when it has its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batch: Option<SpecIndex>,
    },
    /// An active attempt counts for nothing any more, since another attempt of its spec ended first. It is told to stop;
    /// its slot is free when it has.
    AttemptDismissed {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The worker started the attempt's process.
    AttemptStarted {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Some test results of an attempt, in order.
    TestsReported {
        /// The attempt.
        attempt: AttemptId,
        /// Number of this batch within the attempt, from 0.
        batch: u32,
        /// The results.
        tests: Vec<TestResult>,
    },
    /// The attempt ended.
    AttemptFinished {
        /// The attempt.
        attempt: AttemptId,
        /// How.
        finish: Box<Finish>,
        /// Under what it enters the history.
        key: HistoryKey,
        /// True when its duration counts for forecasts: it ended by itself with a trusted result.
        counts: bool,
        /// The duration that enters the history, as on a worker of usual speed; none in ledgers of older versions, and
        /// where it is just the time that the slot was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        corrected: Option<Millis>,
    },
    /// A report about an attempt that was already decided: kept as evidence, changes no verdict.
    AttemptSuperseded {
        /// The attempt.
        attempt: AttemptId,
        /// What the late report said.
        verdict: AttemptVerdict,
    },
    /// The spec's final verdict. Once per spec.
    SpecDecided {
        /// The spec.
        spec: SpecIndex,
        /// The verdict.
        verdict: SpecVerdict,
        /// Why, in a sentence, where the last attempt does not say it; else empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        because: String,
    },
    /// The run is to stop: specs that wait are cancelled by this very record, running attempts are told to stop.
    RunCancelled {
        /// Why.
        reason: CancelReason,
    },
    /// Nothing is left to do. Always the last entry, but for superseded evidence.
    RunFinished {
        /// What it came to.
        verdict: RunVerdict,
        /// Its figures.
        summary: Box<RunSummary>,
    },
}

/// What a spec's history is kept under: forecasts are made per spec and capability class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HistoryKey {
    /// Project.
    pub project: String,
    /// Suite.
    pub suite: String,
    /// The requirements as text (`anything` when there are none).
    pub class: String,
    /// Name of the spec.
    pub spec: String,
}

/// A spec as it joined its run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpecAdded {
    /// Its name.
    pub name: String,
    /// Size of its file in bytes.
    #[serde(default)]
    pub size_bytes: u64,
    /// The forecast from its own history; none when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Tests that must be executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_tests: Option<Vec<String>>,
    /// The earlier pass that stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
    /// Its collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Its collection runs beside nothing of its group.
    #[serde(default, skip_serializing_if = "is_false")]
    pub serial: bool,
    /// Its assembly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assembly: Option<String>,
    /// What it holds while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
    /// It does not fail the run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub quarantined: bool,
    /// It failed in the run before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub failed_last: bool,
    /// The part of a larger spec that it is; none when it is a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// A part of a spec that was split by its tests. People see the parts as one spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Name of the spec that was split.
    pub of: String,
    /// Its number, from 1.
    pub number: u32,
    /// How many there are.
    pub count: u32,
    /// The tests that it runs.
    pub tests: Vec<String>,
}

/// Why a spec was given to a slot, before others and there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The rule that chose it among the specs of its run.
    pub rule: Rule,
    /// Why its run was served.
    pub turn: Turn,
    /// Specs of its run that waited for a slot, itself included.
    pub waiting: u32,
    /// Workers with a slot free for it, up to [`Bounds::candidates_counted`](crate::Bounds::candidates_counted).
    pub candidates: u32,
    /// What the slot ran before, in any run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AttemptId>,
}

/// The rule that chose a spec among those of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// An earlier attempt was lost through no fault of its own: it has waited long enough.
    Again,
    /// It failed in the run before.
    FailedLast,
    /// Nothing is known about it: it might be the longest.
    Unknown,
    /// It was the longest that could run there.
    Longest,
    /// It failed and is tried again.
    Retry,
    /// It shares the process of a short spec before it.
    Batch,
    /// It runs far beyond its forecast elsewhere.
    Backup,
}

/// Why a run was served before others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// No other run had anything that could run there.
    Alone,
    /// It needs what few workers can do.
    Scarce,
    /// Its priority is higher.
    Priority,
    /// Its project had less than its share.
    Share,
    /// Of its project's runs it is nearest to its end, or has waited longest.
    Shortest,
    /// It was its project's guaranteed turn.
    Guaranteed,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Why a run was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// A person or their client asked.
    Requested {
        /// Who, for display.
        by: String,
    },
    /// The policy's number of failures was reached.
    MaxFailures {
        /// That number.
        failures: u32,
    },
    /// Groups that the run waited for did not come in time.
    GroupsMissing {
        /// Which, for people.
        missing: String,
    },
    /// The daemon that led the run is gone for good.
    Abandoned {
        /// What is known about it.
        detail: String,
    },
}
