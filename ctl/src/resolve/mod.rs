//! From part.toml and flags to a submission: which groups, which specs, which tests, and how to run them.
//!
//! [`resolve`] is the way in. It reads the workspace and starts listing commands through a [`Lister`]; it decides
//! nothing about where or when anything runs, and talks to no daemon.

mod error;
mod git;
mod groups;
mod listing;
mod matching;
mod near;
mod policy;
mod process;
mod request;
mod resolved;
mod rules;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod xunit;

pub use crate::ci::{Attempt, Counted, Identity, IdentityError, Origin};
pub use error::{EmptyGroup, NothingMatched, ResolveError};
pub use process::{CallError, CallOutput, Lister, ProcessLister};
pub use request::{Overrides, Selection, Surroundings};
pub use resolved::{Resolved, reproduce, resolve};
