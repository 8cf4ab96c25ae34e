//! Following a run: its events, the signals of the user, and the telling of both.
//!
//! [`follow`] is the loop that `submit`, `watch` and `rerun` share; [`ledger`] reads what is recorded and returns.
//! In a run that others submit to as well, a submit follows its own groups only, and [`StillOpen`] says what is left.
//! Events come through [`pump`], which reconnects with its cursor: each comes once and in order, or the run is red.

mod idle;
mod ledger;
mod open;
mod pump;
mod run;
mod signals;
mod telling;
#[cfg(test)]
mod tests;

pub(crate) use ledger::read_ledger;
pub(crate) use open::StillOpen;
pub(crate) use pump::Patience;
pub(crate) use run::{Follow, Followed, OnInterrupt, follow};
pub(crate) use signals::Signals;
