//! Durable state: what folding the records gives. Nothing but [`State::apply`] changes it.

mod apply;
mod model;

pub use apply::Misfit;
pub use model::{Attempt, AttemptPhase, Group, Run, Spec, SpecPhase, State, Submitted};
