//! What workers can do, and what specs ask of them.
//!
//! Workers report [`Capabilities`]: flat facts. A group has [`Requirements`]: conditions in a small language that
//! `docs/requirements.md` explains. Start reading at `expression.rs` (what a condition is), then `parse.rs` (how it is
//! written) and `view.rs` (how it is met when a host has several browsers or devices).
//!
//! Adding an operator: `expression.rs` (its meaning and its text), `parse.rs`, `target.rs` and the document.

mod expression;
mod facts;
mod miss;
mod parse;
mod requirement;
mod target;
#[cfg(test)]
mod tests;
mod view;

pub use facts::{Capabilities, compare_versions};
pub use miss::Miss;
pub use parse::RequirementParseError;
pub use requirement::{Requirement, Requirements};
