//! Listing specs that are not files, and the tests of specs: the calls to make, and how to read what they write.
//!
//! Nothing is started here. The caller runs a [`ListPlan`] and hands its output to [`ListPlan::read`]. The ids of
//! tests are those that the report readers give, since both take them from [`crate::report::ids`].

mod dotnet;
mod error;
mod json;
mod lines;
mod owner;
mod parse;
mod plan;
mod xunit;

pub use error::ListError;
pub use parse::{Listing, parse_listing};
pub use plan::{ListPlan, PlanError, plan_specs, plan_tests};
