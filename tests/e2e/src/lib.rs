//! The whole mesh as processes: real etcd, real PostgreSQL, real daemons, every host in namespaces of its own.
//!
//! A *host* here is a set of Linux namespaces (network, processes, mounts, host name) whose first process is the
//! [`agent`]: it starts what it is told, collects the dead, and when it goes, the kernel ends everything on that host
//! and takes the network away. The agent goes when its standard input closes, so a test that is killed leaves neither
//! processes nor networks; its folder is removed by a guard of the same kind, and by the next test that starts.
//!
//! The hosts hang on one wire and see nothing else, so any number of tests can use the same addresses at a time. A
//! cable is pulled by dropping packets where they arrive, one way or both. There is no emulation of slowness.
//!
//! Nothing of the product is linked in: what is tested are the programs, as built beside the test.
//!
//! Needs root, etcd and PostgreSQL. These variables change what is done:
//!
//! * `PART_TEST_SKIP_MISSING=1`: where something is missing, pass over the tests instead of failing them
//! * `PART_E2E_KILLS`, `PART_E2E_SEED`: how many random kills, and from which seed
//! * `PART_E2E_QUORUM_SECONDS`: how long etcd is without a quorum
//! * `PART_E2E_LOG`: how much daemons and workers log, such as `debug`
//! * `PART_E2E_KEEP=1`: leave the folder with logs and data behind
//!
//! Start reading at [`Mesh`], then `host.rs`; what must hold after every scenario is
//! in `check.rs`.

#[cfg(target_os = "linux")]
pub mod agent;
#[cfg(target_os = "linux")]
mod base;
#[cfg(target_os = "linux")]
mod check;
#[cfg(target_os = "linux")]
mod etcd;
#[cfg(target_os = "linux")]
mod events;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod mesh;
#[cfg(target_os = "linux")]
mod net;
#[cfg(target_os = "linux")]
mod postgres;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod project;
#[cfg(target_os = "linux")]
mod trouble;
#[cfg(target_os = "linux")]
mod wait;
#[cfg(target_os = "linux")]
mod witness;

#[cfg(target_os = "linux")]
pub use base::Base;
#[cfg(target_os = "linux")]
pub use check::{Account, Expected, check};
#[cfg(target_os = "linux")]
pub use etcd::Etcd;
#[cfg(target_os = "linux")]
pub use events::{Event, Events};
#[cfg(target_os = "linux")]
pub use host::{Host, Launch, Said};
#[cfg(target_os = "linux")]
pub use mesh::{Client, Daemon, Mesh, Plan, StandaloneWorker, Watching};
#[cfg(target_os = "linux")]
pub use net::Net;
#[cfg(target_os = "linux")]
pub use postgres::Postgres;
#[cfg(target_os = "linux")]
pub use process::{Ended, Process};
#[cfg(target_os = "linux")]
pub use programs::{Missing, Programs, is_skipping};
#[cfg(target_os = "linux")]
pub use project::{Project, SpecPlan};
#[cfg(target_os = "linux")]
pub use trouble::{During, Trouble};
#[cfg(target_os = "linux")]
pub use wait::{PATIENCE, nap, now_ms, wait_until};
#[cfg(target_os = "linux")]
pub use witness::{Mark, Witness};
