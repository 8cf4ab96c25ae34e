//! Embedded meshes in this process, with real specs.

#[path = "../common/mod.rs"]
mod common;
mod cost;
mod ends;
mod hostile;
mod mesh;
mod reports;
mod several;
mod specs;
