//! Every decision of Part, as a pure state machine.
//!
//! The leader feeds [`Core::handle`] with what happened ([`Input`]) and the time; it gets back a
//! [`Pending`] batch: first only the [`Entry`] records that must be committed, and only after
//! [`Pending::confirm`] the replies, commands and notices. A driver cannot send before it has persisted,
//! because it does not hold the value yet.
//!
//! Deliberately not here: I/O, clocks, randomness, threads, async. Time, identifiers with outside meaning and
//! random choices enter as arguments. Nothing in this crate may depend on another crate of Part.
//!
//! Start reading at [`Input`], then [`Record`], then [`State`] and [`Core`]; `docs/design/0001-core-contract.md`
//! says why it is cut this way.

mod audit;
mod bounds;
mod capability;
mod chain;
pub mod desk;
mod estimate;
mod explain;
mod ids;
mod input;
mod live;
mod machine;
mod outcome;
mod queue;
mod recipe;
mod record;
pub mod rehearse;
pub mod report;
mod state;
mod submission;
mod summary;
mod time;
mod verdict;
pub mod what_if;
mod why;

pub use audit::Violation;
pub use bounds::Bounds;
pub use capability::{
    Capabilities, Miss, Requirement, RequirementParseError, Requirements, compare_versions,
};
pub use estimate::{Estimate, Sample};
pub use explain::{Explanation, WorkerExplanation};
pub use ids::{
    AttemptId, GroupIndex, IdParseError, Incarnation, RequestId, RunId, SlotId, SpecIndex, SubmissionId,
    Term, WorkerId,
};
pub use input::{HeldAttempt, HeldState, Input, Introduction, Report, ReportBody};
pub use live::{LinkState, WorkerView};
pub use machine::{Config, Core};
pub use outcome::{AttemptOrder, CancelMode, Command, Effect, Pending, Refusal, Reply, StartOrder};
pub use recipe::{ExitRule, Recipe, ReportFormat, ReportPlace, ReportSource, Selection};
pub use record::{CancelReason, Entry, HistoryKey, Part, Record, Rule, SpecAdded, Turn, Why};
pub use state::{Attempt, AttemptPhase, Group, Misfit, Run, Spec, SpecPhase, State, Submitted};
pub use submission::{
    Algorithm, Carried, Expect, GroupPolicy, GroupSubmission, Joining, Lock, Parallel, PastAttempt,
    RunPolicy, SetupStep, Shipped, Source, SpecSubmission, Submission, SubmissionError, Threads, Workspace,
};
pub use summary::{GroupSummary, RunSummary, WhatIf};
pub use time::{Millis, Timestamp};
pub use verdict::{
    Artifact, AttemptVerdict, ExitStatus, Finish, InvalidReason, LostCause, Output, RunVerdict, SpecVerdict,
    TestCounts, TestOutcome, TestResult, Timing,
};
