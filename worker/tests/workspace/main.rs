//! Shipped workspaces, specs that share a process, and the machine's share for attempts, from an order of a leader to the
//! report: a real worker with real shims, and a leader that only gives orders and keeps bytes.

#![expect(clippy::expect_used, reason = "a helper of a test fails it")]

mod batch;
mod leader;
mod machine;
mod runs;
mod setup;
mod world;
