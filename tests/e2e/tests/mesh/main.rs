//! A mesh of real processes, and one thing after another killed, frozen, cut off or restarted under a run.
//!
//! Each scenario has a mesh of its own and ends with the same account: every spec decided exactly once, in the store,
//! as its process did it. Each prints one line with its figures.

#![cfg(target_os = "linux")]
#![expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper of a test fails it, or says what it measured"
)]

mod calm;
mod chance;
mod cuts;
mod followers;
mod hosts;
mod leaders;
mod operators;
mod outages;
mod stage;
mod workers;
