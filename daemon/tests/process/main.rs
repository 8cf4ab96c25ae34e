//! Real daemons as processes, with real specs: what must hold when one is killed, stopped or started twice.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it, and looks again after a while"
)]

#[path = "../common/mod.rs"]
mod common;
mod partd;
mod restart;
mod surface;
mod trust;
