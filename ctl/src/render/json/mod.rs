//! JSON lines: one documented, versioned object per line. docs/json-events.md describes every field; it is checked
//! against the names in `line.rs`.
//!
//! Fields are only ever added within a version. Text is passed as it came: JSON escapes what a terminal would act on.

mod events;
mod line;
mod names;
mod objects;
mod plans;
#[cfg(test)]
mod tests;

pub(crate) use events::ledger_line;
pub(crate) use line::{Line, VERSION};
pub(crate) use objects::{
    ArtifactLine, ErrorLine, ExplanationLine, FindingLine, ForecastLine, HistoryLine, HostLine, LogLine,
    NoteLine, PlanLine, ProposalLine, ResultLine, RunLine, ShippedLine, SpecLine, SubmittedLine, VersionLine,
    WorkerLine, WroteLine,
};
pub(crate) use plans::{ChainLine, PlannedLine, RunReportLine, ScheduleLine, TimeSharesLine};
