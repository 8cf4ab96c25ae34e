//! A whole mesh: etcd, PostgreSQL, daemons and workers on hosts of their own, and a client.

mod assembly;
mod client;
mod daemon;
mod worker;

pub use assembly::{Mesh, Plan};
pub use client::{Client, Watching};
pub use daemon::Daemon;
pub use worker::StandaloneWorker;
