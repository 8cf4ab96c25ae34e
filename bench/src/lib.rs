//! Benchmarks of the scheduler in virtual time: the real core beside other policies, on suites that are recorded or made
//! up.
//!
//! Nothing here measures a machine, except [`scene::decisions`]: everything else counts virtual milliseconds and gives
//! the same tables on every machine. `cargo xtask bench schedule` writes them into `docs/benchmarks.md`; the goals among
//! them are tests (`tests/goals.rs`).
//!
//! Deliberately not here: I/O beyond reading recorded durations, and any decision of the product: those are in
//! `part-core`, and played through [`part_core::rehearse`].
//!
//! Start reading at [`Suite`] (what is run), [`Policy`] (how others would spread it), [`mesh`] (how Part does), then the
//! scenes.

mod bound;
mod failure;
pub mod generate;
pub mod mesh;
mod policy;
mod rng;
pub mod rush;
pub mod scene;
mod stats;
mod suite;
mod table;
pub mod traces;

pub use bound::bound;
pub use failure::BenchError;
pub use policy::{Policy, Slot};
pub use rng::Rng;
pub use stats::{Spread, mean, percentile};
pub use suite::{Job, Suite};
pub use table::{Table, mean_and_p95, ratio, seconds};
