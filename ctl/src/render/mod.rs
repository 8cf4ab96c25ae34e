//! How a run is told: as text for people or as JSON lines.
//!
//! [`Reporter`] is fed by `crate::follow` with events, notices and the passing of time; it holds what must be
//! remembered between them and nothing else. The run itself is in `crate::view`.

pub(crate) mod human;
pub(crate) mod json;
mod reporter;

pub(crate) use reporter::{Reporter, Verbosity, Wanted};
