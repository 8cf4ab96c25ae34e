//! Which CI build a submit belongs to: its lineage, its attempt, and where it came from.
//!
//! The *lineage* is the pipeline over all its retries; together with the project it is what submits of several jobs
//! and machines meet by. The *attempt* is one try of that pipeline. [`identify`] finds both, from what was asked for or
//! from the variables of the CI systems in `table.rs`, and is pure: it reads a map. `docs/ci.md` is checked against
//! the table. Not here: who joins which run, which the leader decides; [`join`] only says what is asked of it.

mod env;
mod error;
mod identity;
mod joining;
mod provider;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use env::Env;
pub use error::IdentityError;
pub(crate) use identity::{Asked, identify};
pub use identity::{Attempt, Counted, Identity, Origin};
pub(crate) use joining::{BuildLine, Company, join};
