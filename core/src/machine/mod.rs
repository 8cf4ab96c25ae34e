//! The machine: one input in, one batch of records and effects out.

mod assign;
mod core;
mod finish;
mod submit;
mod workers;

pub use self::core::{Config, Core};
