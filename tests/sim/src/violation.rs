//! Promises, and what it looks like when one is broken.

/// What went wrong, in a sentence.
///
/// | Promise | Checked by |
/// |---|---|
/// | one final verdict per spec, one end per run, gapless numbers | `store.rs`, independently of the core's fold |
/// | at most one active attempt per spec and per slot | `store.rs` |
/// | nothing is acknowledged before it is committed | `worker.rs`, when a report is dropped from the spool |
/// | no order for what is not in the ledger, none after a run's end | `world/driver.rs`, when effects are released |
/// | no attempt starts on a slot that is taken | `worker.rs`, when an order arrives |
/// | attempts only go to workers that are there and can run them | `check.rs` |
/// | no free slot idles while a spec that it could run waits | `check.rs` |
/// | the fold of the ledger is the live state | `world/driver.rs` |
/// | a submission becomes one run, and each request has one answer | `world/clients.rs` |
/// | after the last fault every run ends in bounded time | `world.rs` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The outcome of a check.
pub(crate) type Checked<T = ()> = Result<T, Violation>;

/// Fails unless a promise holds.
pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation(what())) }
}
