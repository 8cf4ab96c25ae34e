//! The command line of Part: `partctl`.
//!
//! It resolves a suite to specs ([`config`], [`resolve`]), ships the workspace (`ship`), hands them to a mesh over gRPC (`mesh`; the one inside this
//! process hides behind `embedded`), follows the run (`follow`), folds its events to a picture (`view`) and tells it
//! (`render`, `out`). Deliberately not here: decisions about scheduling, and anything that runs a spec.
//!
//! Data goes to stdout, talk to stderr, and both go through `out`. Exit codes are in `exit`, environment variables
//! in `env`. Start reading at `app.rs`, then `verbs/submit.rs` and `follow/run.rs`.

mod app;
mod bounds;
mod ci;
mod cli;
mod clock;
pub mod config;
mod embedded;
mod env;
mod error;
mod exit;
mod follow;
pub mod init;
mod mesh;
mod out;
mod render;
mod report;
pub mod resolve;
mod ship;
#[cfg(test)]
mod testing;
mod text;
mod verbs;
mod view;

pub use app::main;
