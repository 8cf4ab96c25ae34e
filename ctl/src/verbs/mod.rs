//! The verbs: what each command line means, done.

mod artifacts;
mod cancel;
mod dispatch;
mod doctor;
mod drain;
mod explain;
mod finish;
mod history;
mod init;
mod joining;
mod live_logs;
mod local;
mod logs;
mod manual;
mod plan;
mod project;
mod report;
mod rerun;
mod runs;
mod show;
mod submit;
mod version;
mod watch;
mod workers;

pub(crate) use dispatch::run;
