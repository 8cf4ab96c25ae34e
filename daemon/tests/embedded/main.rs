//! Embedded meshes in this process, with real specs.

#[path = "../common/mod.rs"]
mod common;
mod cost;
