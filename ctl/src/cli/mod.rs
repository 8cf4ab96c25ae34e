//! The command line, parsed dumbly: what was typed, as typed. What it means is decided in `crate::verbs`.

mod args;
mod balance;
mod global;
mod joining;
mod submit;

pub(crate) use args::{
    ArtifactsArgs, CancelArgs, Cli, Command, CompletionsArgs, DoctorArgs, DrainArgs, ExplainArgs,
    HistoryArgs, InitArgs, LogsArgs, ManArgs, RerunArgs, RunsArgs, ShowArgs, UndrainArgs, WatchArgs,
};
pub(crate) use global::GlobalArgs;
pub(crate) use submit::{ProjectArgs, ReportArgs, SubmitArgs};
