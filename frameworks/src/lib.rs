//! Test frameworks as data: how to list their specs and tests, run one, and read what it reports.
//!
//! Used by the client (detect, list, resolve) and by the worker (expand, read reports, judge). Pure but for the few
//! functions that are given a folder to look into; nothing here starts a process or decides about scheduling.
//!
//! The way of the data: [`detect`] proposes suites; a [`table::Catalogue`] gives the [`table::Framework`] of a suite;
//! [`resolve_specs`] or a [`listing::ListPlan`] finds its specs, another lists their tests; [`build_recipe`] makes
//! the recipe that travels to workers. There, [`expand`] turns it into an [`Invocation`], [`report::parse`] reads what
//! the process left, and [`judge`] says what it came to. docs/frameworks.md describes the tables.

pub mod bounds;
pub mod expand;
pub mod find;
pub mod judge;
pub mod kit;
pub mod listing;
pub mod report;
pub mod shell;
pub mod table;
pub mod template;
pub mod xunit;

mod batch;
mod build;
mod detect;
mod files;
mod fill;
mod filter;
mod glob;
mod select;
mod specs;
mod walk;

pub use batch::{BatchSpec, Decided, Ending, SharedReport, judge_batch, limit_passed};
pub use build::{BuildError, Built, SuiteOptions, build_recipe};
pub use detect::{DetectError, Detected, Detection, detect};
pub use expand::{Bindings, Invocation, ReportAt, expand, reproduce};
pub use fill::FillError;
pub use filter::Filter;
pub use find::{FilePattern, FindError, Found};
pub use glob::GlobError;
pub use judge::{Judgement, Reported, judge};
pub use specs::{ResolveError, Resolved, SpecFile, SpecQuery, choose_listed, resolve_specs};
pub use template::{Piece, Placeholder, Template, TemplateError};
pub use walk::{IGNORE_FILE, WalkError};
