//! Where a run's time went.
//!
//! `shares.rs` divides the time of the slots, `chain.rs` walks back from the end to what decided when it came,
//! `findings.rs` says in words what follows from both. Only what the run's own records say is known here: while
//! attempts of other runs were on a slot, it counts as free.

mod chain;
mod findings;
mod model;
mod shares;
#[cfg(test)]
mod tests;

pub use model::{ChainLink, TimeReport, TimeShares};
