//! Other ways to spread a suite over slots, each as a few lines that follow the rule and nothing else: no cost of
//! starting, of messages, or of deciding.
//!
//! [`Policy`] says which there are; `pull.rs`, `shards.rs` and `xdist.rs` play them.

mod pull;
mod rule;
mod shards;
mod xdist;

pub use rule::{Policy, Slot};
