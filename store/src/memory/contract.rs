//! The contract of [`Store`], each method where it is done.

use super::MemoryStore;
use crate::{
    CommitError, Digest, HistoryQuery, HistoryRow, Holder, Realm, RealmRow, RunFilter, RunRow, SpecHistory,
    Store, StoreError, Submitted, TokenRow, TokenUse,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use part_core::{AttemptId, Entry, HistoryKey, RunId, SubmissionId, Term, Timestamp};
use std::collections::BTreeMap;

impl Store for MemoryStore {
    fn begin_term<'a>(
        &'a self,
        realm: &'a Realm,
        holder: &'a Holder,
        above: Term,
    ) -> BoxFuture<'a, Result<Term, StoreError>> {
        async move { Ok(self.shared().begin_term(realm, holder, above)) }.boxed()
    }

    fn end_term<'a>(&'a self, realm: &'a Realm, term: Term) -> BoxFuture<'a, Result<(), CommitError>> {
        async move { self.shared().end_term(realm, term) }.boxed()
    }

    fn realms(&self) -> BoxFuture<'_, Result<Vec<RealmRow>, StoreError>> {
        async move { Ok(self.shared().realms()) }.boxed()
    }

    fn commit<'a>(
        &'a self,
        realm: &'a Realm,
        term: Term,
        entries: &'a [Entry],
    ) -> BoxFuture<'a, Result<(), CommitError>> {
        async move { self.shared().commit(realm, term, entries) }.boxed()
    }

    fn entries(&self, run: RunId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        async move { Ok(self.shared().page(run, after, limit)) }.boxed()
    }

    fn run_row(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRow>, StoreError>> {
        async move { Ok(self.shared().ledger(run).map(|ledger| ledger.row.clone())) }.boxed()
    }

    fn find_runs<'a>(
        &'a self,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>> {
        async move { Ok(self.shared().find(prefix, limit)) }.boxed()
    }

    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<Vec<RunRow>, StoreError>> {
        async move { Ok(self.shared().list(filter)) }.boxed()
    }

    fn unfinished<'a>(&'a self, realm: &'a Realm) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>> {
        async move { Ok(self.shared().unfinished(realm)) }.boxed()
    }

    fn submission(&self, submission: SubmissionId) -> BoxFuture<'_, Result<Option<Submitted>, StoreError>> {
        async move { Ok(self.shared().submissions.get(&submission).copied()) }.boxed()
    }

    fn history<'a>(
        &'a self,
        keys: &'a [HistoryKey],
        per_spec: usize,
    ) -> BoxFuture<'a, Result<Vec<SpecHistory>, StoreError>> {
        async move {
            let shared = self.shared();
            Ok(keys.iter().map(|key| shared.spec_history(key, per_spec)).collect())
        }
        .boxed()
    }

    fn newest_passes<'a>(
        &'a self,
        keys: &'a [HistoryKey],
    ) -> BoxFuture<'a, Result<Vec<Option<AttemptId>>, StoreError>> {
        async move {
            let shared = self.shared();
            Ok(keys.iter().map(|key| shared.newest_pass(key)).collect())
        }
        .boxed()
    }

    fn classes<'a>(
        &'a self,
        project: &'a str,
        suite: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        async move { Ok(self.shared().classes(project, suite)) }.boxed()
    }

    fn history_rows<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryRow>, StoreError>> {
        async move { Ok(self.shared().ended_attempts(query)) }.boxed()
    }

    fn set_drained<'a>(
        &'a self,
        host: &'a str,
        drained: bool,
        by: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            self.shared().set_drained(host, drained, by);
            Ok(())
        }
        .boxed()
    }

    fn drained(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, StoreError>> {
        async move { Ok(self.shared().drained.clone()) }.boxed()
    }

    fn add_token<'a>(&'a self, token: &'a TokenRow) -> BoxFuture<'a, Result<bool, StoreError>> {
        async move { Ok(self.shared().add_token(token)) }.boxed()
    }

    fn token<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<TokenRow>, StoreError>> {
        async move { Ok(self.shared().tokens.get(id).cloned()) }.boxed()
    }

    fn tokens(&self) -> BoxFuture<'_, Result<Vec<TokenRow>, StoreError>> {
        async move { Ok(self.shared().newest_tokens()) }.boxed()
    }

    fn revoke_token<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        async move { Ok(self.shared().revoke_token(id)) }.boxed()
    }

    fn use_token<'a>(&'a self, id: &'a str, now: Timestamp) -> BoxFuture<'a, Result<TokenUse, StoreError>> {
        async move { Ok(self.shared().use_token(id, now)) }.boxed()
    }

    fn forget_run(&self, run: RunId) -> BoxFuture<'_, Result<bool, StoreError>> {
        async move { Ok(self.shared().forget_run(run)) }.boxed()
    }

    fn expired(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RunId>, StoreError>> {
        async move { Ok(self.shared().finished(Some(finished_before), limit)) }.boxed()
    }

    fn oldest_finished(&self, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, StoreError>> {
        async move { Ok(self.shared().finished(None, limit)) }.boxed()
    }

    fn blob_usage(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        async move { Ok(self.shared().blob_usage()) }.boxed()
    }

    fn referenced<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        async move { Ok(self.shared().referenced(digests)) }.boxed()
    }

    fn manifests(
        &self,
        after: Option<Digest>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Digest>, StoreError>> {
        async move { Ok(self.shared().manifests(after, limit)) }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}
