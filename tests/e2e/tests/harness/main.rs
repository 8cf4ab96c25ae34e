//! The apparatus alone: networks that are cut where they are said to be cut, servers that start, stop and come back,
//! and nothing left behind. What is not true here makes every scenario worthless.

#![cfg(target_os = "linux")]
#![expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper of a test fails it, or says why it is passed over"
)]

mod hosts;
mod leftovers;
mod servers;
mod setting;
