//! The contract of every store.

use crate::{
    CommitError, Digest, HistoryQuery, HistoryRow, Holder, Realm, RealmRow, RunFilter, RunRow, SpecHistory,
    StoreError, Submitted, TokenRow, TokenUse,
};
use futures::future::BoxFuture;
use part_core::{AttemptId, Entry, HistoryKey, RunId, SubmissionId, Term, Timestamp};
use std::collections::BTreeMap;

/// Keeps the ledgers of runs and what is derived from them.
///
/// Any number of handles and processes may use one store at a time, each leading its own realm. Dropping a
/// future leaves the store usable; a commit whose future was dropped is recorded whole or not at all.
///
/// Adding a method: the three stores here, the contract suite in `tests/store/contract`, and the daemon's store for
/// tests.
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

    /// The run that a submission opened or joined, if it did. One that was dropped did not.
    fn submission(&self, submission: SubmissionId) -> BoxFuture<'_, Result<Option<Submitted>, StoreError>>;

    /// What forecasts are made of: for each key, in the order given, its newest `per_spec` samples that count, oldest
    /// first, and what it came to last. `per_spec` is at most [`crate::HISTORY_PER_SPEC`].
    fn history<'a>(
        &'a self,
        keys: &'a [HistoryKey],
        per_spec: usize,
    ) -> BoxFuture<'a, Result<Vec<SpecHistory>, StoreError>>;

    /// The newest attempt of each key that passed, in the order given. Its run may be forgotten already.
    fn newest_passes<'a>(
        &'a self,
        keys: &'a [HistoryKey],
    ) -> BoxFuture<'a, Result<Vec<Option<AttemptId>>, StoreError>>;

    /// The classes that a suite has a history under, by name; at most [`crate::CLASSES_PER_SUITE`].
    fn classes<'a>(
        &'a self,
        project: &'a str,
        suite: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// Ended attempts of specs, newest first, whatever they came to; at most `query.limit` and at
    /// most [`crate::ROWS_PER_LIST`].
    fn history_rows<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryRow>, StoreError>>;

    /// Sets or clears the flag by which an operator keeps new work off a host; `by` says who, for display.
    fn set_drained<'a>(
        &'a self,
        host: &'a str,
        drained: bool,
        by: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The hosts that are flagged as drained, with who flagged them last.
    fn drained(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, StoreError>>;

    /// Keeps a new token; false, and nothing changed, when its id is taken. Tokens that had expired long before the
    /// new one was made are forgotten.
    fn add_token<'a>(&'a self, token: &'a TokenRow) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// One token, whatever its state. Check the secret against its hash before it is used.
    fn token<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<TokenRow>, StoreError>>;

    /// All tokens, the newest first; at most [`crate::ROWS_PER_LIST`].
    fn tokens(&self) -> BoxFuture<'_, Result<Vec<TokenRow>, StoreError>>;

    /// Takes a token back for good; false when there is none of that id.
    fn revoke_token<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Uses a token once at the time `now`, if it is good. However many use it at once, it is used no more often
    /// than it may be.
    fn use_token<'a>(&'a self, id: &'a str, now: Timestamp) -> BoxFuture<'a, Result<TokenUse, StoreError>>;

    /// Forgets a finished run with its entries and its hold on blobs; its attempts stay in the history. False when
    /// the run is unknown or unfinished. May take long for a large run.
    fn forget_run(&self, run: RunId) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Runs that finished before a moment, the one that finished first in front; at most `limit` and at most
    /// [`crate::ROWS_PER_LIST`].
    fn expired(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RunId>, StoreError>>;

    /// Finished runs, the one that finished first in front; at most `limit` and at most [`crate::ROWS_PER_LIST`].
    fn oldest_finished(&self, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, StoreError>>;

    /// Bytes of all blobs that runs refer to by themselves, each counted once: outputs and artifacts. The files of
    /// shipped workspaces are named by manifests and not counted.
    fn blob_usage(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// For each digest, in the order given, whether a run refers to it by itself. What a manifest names is not
    /// looked at; see [`Store::manifests`].
    fn referenced<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>>;

    /// The manifests of workspaces that runs refer to, in the order of their digests, those after `after` only; at
    /// most `limit` and at most [`crate::ROWS_PER_LIST`]. A reader goes on from the last until a page is empty.
    fn manifests(
        &self,
        after: Option<Digest>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Digest>, StoreError>>;

    /// Lets go of the database in good order; for use at the end, later calls may fail as unavailable. Dropping
    /// the store without it loses nothing.
    fn close(&self) -> BoxFuture<'_, ()>;
}
