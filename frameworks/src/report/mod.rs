//! Reading what frameworks report: one reader per dialect, one model ([`part_core::TestResult`]).
//!
//! [`parse`] is the way in for one spec, [`parse_split`] for several that shared a process; what such a process left when
//! it did not come to its end is read by [`read_journal`] and [`read_pieces`]. What matters here:
//!
//! - **Never a silent pass.** A report that is cut off or malformed is a [`ReportError`] that names file, byte, line
//!   and column. Where a format says how much is to come (a TAP plan, a suite's test count, a last event), less
//!   than that is an error. What a framework says went wrong outside its tests is in [`Parsed::errors`], and a
//!   result that nobody can interpret counts as failed.
//! - **Identity.** A test's id is the one that the same framework's listing gives: see [`ids`].
//! - **Hostile input.** Reports are written by code under test. Every size, depth and count has a bound, all of
//!   them in [`bounds`]; work grows with the input's size and no faster; no XML entity is ever expanded.
//!
//! Not here: finding and reading the files, comparing with the exit code and the listing, and deciding what the
//! attempt came to. A few things only the exit code can tell, because the frameworks do not report them: an
//! unhandled rejection in Vitest's JSON, a failing test with passing subtests in node:test's JUnit (its TAP has it), tests
//! that Playwright interrupted in its JUnit (its JSON has them), a Mocha or WebdriverIO file that could not be loaded. And
//! where one report holds several Go packages or nextest binaries, nothing in it says how many there are to be.
//!
//! To add a dialect: a reader here with its line in `parse.rs` and `error.rs`, its ids in `ids.rs`, recordings under
//! `tests/recordings`, its rows in `tests/recordings.rs`; and what [`part_core::ReportFormat`] lists.

pub mod bounds;
pub mod ids;

mod collect;
mod ctrf;
mod error;
mod gojson;
mod jest;
mod journal;
mod json;
mod junit;
mod mocha;
mod nextest;
mod parse;
mod playwright;
mod pytest_reportlog;
mod source;
mod tap;
mod text;
mod timeouts;
mod trx;
mod xcresult;
mod xml;

pub(crate) use collect::is_failure;
pub use collect::{Parsed, Split};
pub use error::ReportError;
pub use journal::{Follower, Progress, read_journal, read_pieces};
pub use parse::{ReportFile, parse, parse_split, tells_specs_apart};
pub use text::clip;
