//! The command line, parsed dumbly: what was typed, as typed. What it means is decided in `crate::verbs`.

mod args;
mod balance;
mod global;
mod joining;
mod plans;
mod submit;

pub(crate) use args::{
    ArtifactsArgs, CancelArgs, Cli, Command, CompletionsArgs, DoctorArgs, DrainArgs, ExplainArgs,
    HistoryArgs, InitArgs, LogsArgs, ManArgs, RerunArgs, RunsArgs, ShowArgs, UndrainArgs, WatchArgs,
};
pub(crate) use global::GlobalArgs;
pub(crate) use joining::JoinArgs;
pub(crate) use plans::{PlanArgs, RunReportArgs};
pub(crate) use submit::{ProjectArgs, ReportArgs, SubmitArgs};
