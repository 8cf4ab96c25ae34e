//! The shim's process: its command line, its start, and its event loop.

mod args;
mod run;
mod talk;

pub(crate) use args::mode_flag;
pub use run::main;
