//! The figures of a run: what it cost, and how far from the best possible it was.
//!
//! `figures.rs` says what they are, `specs.rs` counts specs, `work.rs` adds up attempts. `stints.rs` and `bonds.rs`
//! are for [`crate::report`] as well: what slots did, and what specs had to wait for one another for.

pub(crate) mod bonds;
mod figures;
#[cfg(test)]
pub(crate) mod kit;
mod specs;
pub(crate) mod stints;
#[cfg(test)]
mod tests;
mod work;

pub use figures::{GroupSummary, RunSummary, WhatIf};
