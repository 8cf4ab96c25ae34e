//! The machine: one input in, one batch of records and effects out.

mod admit;
mod assign;
mod backup;
mod batch;
mod complete;
mod core;
mod evidence;
mod finish;
mod join;
mod next;
mod order;
mod reports;
mod samples;
mod setup;
mod split;
mod submit;
mod trust;
mod waiting;
mod workers;

pub use self::core::{Config, Core};
pub(crate) use next::evidence;
