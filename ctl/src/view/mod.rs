//! What a client knows of a run: a fold over its events.
//!
//! Pure: no clock, no I/O, no rendering. [`RunView::apply`] takes one event after the other and says what is worth
//! telling ([`Notice`]); the renderers in `crate::render` read the rest from the view. [`verdict`] compares what was
//! submitted with what was decided: completeness is part of the verdict, whatever the server says.
//!
//! A new kind of event: the fold in `fold.rs`, the line in `render/json/events.rs` and its row in
//! docs/json-events.md, and, where people should see it, a [`Notice`].

mod backlog;
#[cfg(test)]
mod balance_tests;
mod clock;
mod eta;
mod fold;
mod model;
mod own;
#[cfg(test)]
mod tests;
pub(crate) mod verdict;
mod whole;

pub(crate) use clock::LeaderClock;
pub(crate) use eta::{Eta, eta};
pub(crate) use fold::Notice;
use model::Tally;
pub(crate) use model::{AttemptView, GroupView, Keep, RunView, SpecView, short_id};
pub(crate) use own::Own;
pub(crate) use verdict::{Conclusion, Submitted};
pub(crate) use whole::Whole;
