//! Embedded meshes in this process, with real specs.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it, and looks again after a while"
)]

mod builds;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod hostile;
mod mesh;
mod reports;
mod several;
mod specs;
