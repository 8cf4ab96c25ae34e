//! One attempt, or several that share a process, from the order to the report.

mod artifacts;
mod blobs;
mod evaluate;
mod host;
mod journal;
mod live;
mod prepare;
mod run;
mod temp;
mod workspace;

pub(crate) use evaluate::keep_output;
pub(crate) use host::{Asked, CPUS_FILE, Host, Job, ORDER_FILE, Reins, end_shim_in};
pub(crate) use live::Listener;
pub(crate) use prepare::base_environment;
pub(crate) use run::{Begin, chain, run};
pub use temp::remove_temp_folders;
pub(crate) use workspace::put_first_in_path;
