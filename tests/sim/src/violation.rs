//! Promises, and what it looks like when one is broken.

/// What went wrong, in a sentence that begins with the number of the invariant in the design, or with `L` for liveness.
///
/// | Invariant | Checked by |
/// |---|---|
/// | 1 one final verdict per spec, one end per run, gapless numbers, one active attempt per spec and slot, each late result and each test once | `ledger.rs`, independently of the core's fold |
/// | 1 what is recorded is what a process really did, and each attempt is started once | `mesh/reality.rs` |
/// | 1 lost is who was silent for long enough or came back without; nothing is assigned before who holds attempts is back or was waited for | `mesh/silence.rs` |
/// | 1 a batch that does not fit was recorded already, and its leader never heard of it | `mesh/store.rs` |
/// | 2 replies, orders, acknowledgements and news follow from what is recorded; the fold is the live state | `mesh/reality.rs`, `mesh/agent.rs` |
/// | 2 nothing is recorded, ordered or answered by a leader whose term is over, and it notices soon | `mesh/store.rs`, `mesh/reality.rs`, `mesh/links.rs` |
/// | 3 a worker obeys only the highest term that it has seen | `mesh/agent.rs` |
/// | 4 no result, and no running attempt that the ledger counts on, is thrown away | `mesh/agent.rs`, `mesh/host.rs` |
/// | 4 no attempt is lost by silence unless something was wrong between its worker and the leader | `mesh/reality.rs` |
/// | 5 no order reaches a slot that is taken, no process starts on one | `mesh/agent.rs`, `mesh/host.rs` |
/// | 6 in the end no process runs, no folder is left, no report is unacknowledged | `mesh.rs` |
/// | 8 nonsense is refused, and the core neither panics nor stops | `mesh/clients.rs`, `play.rs` |
/// | 9 a term is begun only by who held the leader key | `mesh/store.rs` |
/// | 10 a watcher sees each event once, in order, through any daemons | `mesh/clients.rs` |
/// | L after the last fault every run ends, everybody is answered, and every worker is given work again, in bounded time | `mesh.rs` |
/// | – attempts only go to workers that are there and can run them; no free slot idles while a spec that it could run waits; the core's own audit | `check.rs` |
///
/// Invariant 7 is about collections, which the core does not have yet.
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
