//! Seeded simulation of a whole mesh in virtual time.
//!
//! From a seed comes a whole story: five to eight hosts with a daemon and a worker each (some a worker only), suites
//! with and without history, clients that submit, cancel and watch through any daemon, and faults: processes and
//! machines that die or are stopped, links and paths that break in one direction or both, an etcd and a store that are
//! away, slow, failing or mute, leases that run out or are revoked, clocks that drift and jump.
//!
//! Real are [`part_core::Core`], the leader, and [`part_core::desk::Desk`], the worker's side of the link. Models are
//! the driver and the seat around the core, the agent and its slots around the desk, etcd, the store, the network and
//! the clients; each names the file that it stands for. After every input the core's own audit must find nothing, and
//! independent observers check what the design promises: see [`Violation`]. A [`Mutant`] takes one guard out of a
//! model, and the tests see to it that each is missed.
//!
//! Nothing here reads a clock or the system's randomness, and maps are ordered, so a seed is a whole reproduction:
//! `cargo run -p part-sim -- --seed N` plays one again and prints what happened last.
//!
//! Start reading at [`play()`], then `mesh.rs`, which holds the clock and the queue of events.

mod check;
mod ledger;
mod mesh;
mod plan;
mod play;
mod quality;
mod rng;
mod suite;
mod violation;

pub use mesh::Mutant;
pub use play::{Failure, Figures, LINES, Story, play};
pub use quality::{Bench, Packing, PackingPlan, pack};
pub use rng::Rng;
pub use violation::Violation;
pub(crate) use violation::{Checked, ensure};
