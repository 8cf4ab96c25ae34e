//! Records: the durable facts of a run's ledger. Named for what became true.
//!
//! Folding a run's entries over an empty [`crate::State`] gives the live state, so whatever a decision later
//! needs must be in a record. Records are stored as JSON: fields are only ever added, with a default.
//!
//! Adding a kind: the fold in `state/apply.rs`, the event in `proto/part/v1/events.proto` with its conversion,
//! and the client's view in `ctl/src/view`.

use crate::{
    AttemptId, AttemptVerdict, Carried, Estimate, Finish, GroupIndex, GroupPolicy, Millis, Recipe,
    Requirements, RunId, RunPolicy, RunSummary, RunVerdict, SlotId, Source, SpecIndex, SpecVerdict,
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
    },
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The daemon that led the run is gone for good.
    Abandoned {
        /// What is known about it.
        detail: String,
    },
}
