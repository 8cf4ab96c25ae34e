//! Seeded simulation of the core in virtual time.
//!
//! From a seed comes a whole story: suites with and without history, workers of several kinds, a driver that
//! commits in batches, links that break, workers and leaders that die, reports that come late or twice. It is played
//! against [`part_core::Core`] alone, with model workers and a model ledger around it. After every input the core's
//! own audit must find nothing, and independent observers check what the design promises: see [`Violation`].
//!
//! Nothing here reads a clock or the system's randomness, and maps are ordered, so a seed is a whole reproduction:
//! `cargo run -p part-sim -- --seed N` plays one again with its transcript.
//!
//! Start reading at [`play()`], then `world.rs`, which holds the clock and the queue of events.

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
