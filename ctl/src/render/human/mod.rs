//! Text for people.
//!
//! Everything that came from tests goes through `crate::text::clean` before it is printed: names by `clean::line`,
//! messages and output by `clean::block`.

#[cfg(test)]
mod balance_tests;
mod chain;
mod extras;
mod failure;
mod line;
mod page;
mod plan;
mod progress;
mod report;
mod reproduce;
mod summary;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use failure::{Tail, failure};
pub(crate) use line::{beaten, ended, retried, started, superseded};
pub(crate) use page::{asked_for, run_page};
pub(crate) use plan::{COLUMNS as PLAN_COLUMNS, plan};
pub(crate) use progress::{header, heartbeat, live_lines};
pub(crate) use report::report;
pub(crate) use reproduce::by_hand;
pub(crate) use summary::summary;
pub(crate) use words::Commands;
