//! The contract of every store.

use crate::{CommitError, HistoryQuery, HistoryRow, Holder, Realm, RealmRow, RunFilter, RunRow, StoreError};
use futures::future::BoxFuture;
use part_core::{Entry, HistoryKey, RunId, Sample, SubmissionId, Term};

/// Keeps the ledgers of runs and what is derived from them.
///
/// Any number of handles and processes may use one store at a time, each leading its own realm. Dropping a
/// future leaves the store usable; a commit whose future was dropped is recorded whole or not at all.
///
/// Adding a method: both stores here and the contract suite in `tests/contract`.
pub trait Store: Send + Sync + 'static {
    /// Begins a leadership period of a realm: raises its term above the last one and above `above` (the highest
    /// term that any worker has seen, which is higher than the stored one after a restored backup; 0 otherwise)
    /// and notes who holds it. Every earlier term of the realm is over when this returns.
    fn begin_term<'a>(
        &'a self,
        realm: &'a Realm,
        holder: &'a Holder,
        above: Term,
    ) -> BoxFuture<'a, Result<Term, StoreError>>;

    /// Gives a term back: the realm has no holder then, and the term accepts no further commit.
    fn end_term<'a>(&'a self, realm: &'a Realm, term: Term) -> BoxFuture<'a, Result<(), CommitError>>;

    /// The realms that have a holder or unfinished runs, by name.
    fn realms(&self) -> BoxFuture<'_, Result<Vec<RealmRow>, StoreError>>;

    /// Records entries: all or none, durable when this returns, and only if `term` is the realm's current term.
    ///
    /// Each run belongs to the realm that opened it, and its entries are numbered from 1 without gaps. An empty
    /// batch only checks the term.
    fn commit<'a>(
        &'a self,
        realm: &'a Realm,
        term: Term,
        entries: &'a [Entry],
    ) -> BoxFuture<'a, Result<(), CommitError>>;

    /// A run's entries with numbers greater than `after`, in order: at most `limit`, at most
    /// [`crate::ENTRIES_PER_PAGE`], and fewer when the page gets large. Empty only when there are none (or
    /// `limit` is 0), so a reader goes on from the last number it got until a page is empty.
    fn entries(&self, run: RunId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>>;

    /// One run, if it is known.
    fn run_row(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRow>, StoreError>>;

    /// The runs whose id starts with `prefix` (as made by [`RunId::normalise_prefix`]), in the order of their
    /// ids; at most `limit`. Asking for two is enough to see whether a prefix is unique.
    fn find_runs<'a>(
        &'a self,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>>;

    /// Runs, the one opened last first; at most `filter.limit` and at most [`crate::ROWS_PER_LIST`].
    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<Vec<RunRow>, StoreError>>;

    /// The unfinished runs of a realm, in the order of opening.
    fn unfinished<'a>(&'a self, realm: &'a Realm) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>>;

    /// The run that a submission became, if it did.
    fn submission(&self, submission: SubmissionId) -> BoxFuture<'_, Result<Option<RunId>, StoreError>>;

    /// Durations for forecasts: for each key, in the order given, its newest `per_spec` samples that count, oldest
    /// first. `per_spec` is at most [`crate::HISTORY_PER_SPEC`].
    fn history<'a>(
        &'a self,
        keys: &'a [HistoryKey],
        per_spec: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<Sample>>, StoreError>>;

    /// Ended attempts of specs, newest first, whatever they came to; at most `query.limit` and at
    /// most [`crate::ROWS_PER_LIST`].
    fn history_rows<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryRow>, StoreError>>;

    /// Lets go of the database in good order; for use at the end, later calls may fail as unavailable. Dropping
    /// the store without it loses nothing.
    fn close(&self) -> BoxFuture<'_, ()>;
}
