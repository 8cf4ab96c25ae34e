//! The machine: one input in, one batch of records and effects out.

mod assign;
mod core;
mod evidence;
mod finish;
mod next;
mod reports;
mod setup;
mod submit;
mod trust;
mod workers;

pub use self::core::{Config, Core};
pub(crate) use next::evidence;
