//! The daemon: it leads runs (the core's decisions, committed before they are seen), answers clients and
//! workers over gRPC, serves watches by cursor, and HTTP on the same port.
//!
//! Composed in two ways: [`daemon::serve`] is the long-running program, [`embedded::Embedded`] the same parts inside
//! a client's process for `--local`. Deliberately not here: decisions (the core's), SQL (the store's), conversions
//! (the wire's), and anything about processes and frameworks (the worker's).
//!
//! Start reading at `leader/driver.rs`: the loop that everything goes through.

mod api;
mod bounds;
mod clock;
mod cluster;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod embedded;
mod error;
mod leader;
mod lock;
mod nest;
mod parts;
mod places;
mod realm;
mod retention;
mod seat;
mod serve;
mod slots;
mod tasks;
#[cfg(test)]
mod testing;
mod trust;
mod watch;

pub use cluster::ClusterError;
pub use error::DaemonError;
pub use part_worker::shim::main as shim_main;
pub use trust::TrustFailure;
