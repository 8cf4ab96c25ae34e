//! `partctl --local` as people use it: real processes, real specs, real mistakes.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a helper of a test fails it, and looks again after a while"
)]

mod builds;
mod interrupted;
mod project;
mod results;
mod together;
mod verbs;
