//! The contract of [`Store`], each method where it is done.

use super::PostgresStore;
use crate::{
    CommitError, Digest, HistoryQuery, HistoryRow, Holder, Realm, RealmRow, RunFilter, RunRow, SpecHistory,
    Store, StoreError, Submitted, TokenRow, TokenUse,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use part_core::{AttemptId, Entry, HistoryKey, RunId, SubmissionId, Term, Timestamp};
use std::collections::BTreeMap;

impl Store for PostgresStore {
    fn begin_term<'a>(
        &'a self,
        realm: &'a Realm,
        holder: &'a Holder,
        above: Term,
    ) -> BoxFuture<'a, Result<Term, StoreError>> {
        self.raise_term(realm, holder, above).boxed()
    }

    fn end_term<'a>(&'a self, realm: &'a Realm, term: Term) -> BoxFuture<'a, Result<(), CommitError>> {
        self.give_term_back(realm, term).boxed()
    }

    fn realms(&self) -> BoxFuture<'_, Result<Vec<RealmRow>, StoreError>> {
        self.list_realms().boxed()
    }

    fn commit<'a>(
        &'a self,
        realm: &'a Realm,
        term: Term,
        entries: &'a [Entry],
    ) -> BoxFuture<'a, Result<(), CommitError>> {
        self.record(realm, term, entries).boxed()
    }

    fn entries(&self, run: RunId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        self.page(run, after, limit).boxed()
    }

    fn run_row(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRow>, StoreError>> {
        self.one_run(run).boxed()
    }

    fn find_runs<'a>(
        &'a self,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>> {
        self.runs_by_prefix(prefix, limit).boxed()
    }

    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<Vec<RunRow>, StoreError>> {
        self.list_runs(filter).boxed()
    }

    fn unfinished<'a>(&'a self, realm: &'a Realm) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>> {
        self.unfinished_runs(realm).boxed()
    }

    fn submission(&self, submission: SubmissionId) -> BoxFuture<'_, Result<Option<Submitted>, StoreError>> {
        self.run_of_submission(submission).boxed()
    }

    fn history<'a>(
        &'a self,
        keys: &'a [HistoryKey],
        per_spec: usize,
    ) -> BoxFuture<'a, Result<Vec<SpecHistory>, StoreError>> {
        self.spec_histories(keys, per_spec).boxed()
    }

    fn newest_passes<'a>(
        &'a self,
        keys: &'a [HistoryKey],
    ) -> BoxFuture<'a, Result<Vec<Option<AttemptId>>, StoreError>> {
        self.passes(keys).boxed()
    }

    fn classes<'a>(
        &'a self,
        project: &'a str,
        suite: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.classes_of_suite(project, suite).boxed()
    }

    fn history_rows<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryRow>, StoreError>> {
        self.ended_attempts(query).boxed()
    }

    fn set_drained<'a>(
        &'a self,
        host: &'a str,
        drained: bool,
        by: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.flag_host(host, drained, by).boxed()
    }

    fn drained(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, StoreError>> {
        self.flagged_hosts().boxed()
    }

    fn add_token<'a>(&'a self, token: &'a TokenRow) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.keep_token(token).boxed()
    }

    fn token<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<TokenRow>, StoreError>> {
        self.one_token(id).boxed()
    }

    fn tokens(&self) -> BoxFuture<'_, Result<Vec<TokenRow>, StoreError>> {
        self.newest_tokens().boxed()
    }

    fn revoke_token<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.take_token_back(id).boxed()
    }

    fn use_token<'a>(&'a self, id: &'a str, now: Timestamp) -> BoxFuture<'a, Result<TokenUse, StoreError>> {
        self.spend_token(id, now).boxed()
    }

    fn forget_run(&self, run: RunId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.forget(run).boxed()
    }

    fn expired(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RunId>, StoreError>> {
        self.finished_runs(Some(finished_before), limit).boxed()
    }

    fn oldest_finished(&self, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, StoreError>> {
        self.finished_runs(None, limit).boxed()
    }

    fn blob_usage(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.bytes_of_blobs().boxed()
    }

    fn referenced<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        self.are_referenced(digests).boxed()
    }

    fn manifests(
        &self,
        after: Option<Digest>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Digest>, StoreError>> {
        self.page_of_manifests(after, limit).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.shut().boxed()
    }
}
