//! The scenes: each asks one question, plays it, and gives tables. Their figures are there for tests as well.

pub mod capabilities;
mod catalogue;
pub mod decisions;
pub mod kitchen_sink;
pub mod one_run;
pub mod processes;
pub mod rush;
pub mod stragglers;
pub mod uneven;

pub use catalogue::{Scene, play};
