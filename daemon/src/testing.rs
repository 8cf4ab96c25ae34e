//! What the unit tests of this crate share: a store with moods, and small values.

use crate::api::{Outputs, Shared};
use crate::leader::Mailbox;
use crate::retention::RetentionReport;
use crate::seat::Seat;
use crate::watch::WatchHub;
use futures::FutureExt;
use futures::future::BoxFuture;
use part_core::{
    AttemptId, Entry, GroupPolicy, GroupSubmission, HeldAttempt, HistoryKey, Incarnation, Introduction,
    Recipe, RunId, RunPolicy, SlotId, Source, SpecSubmission, Submission, SubmissionId, Term, Timestamp,
    WorkerId, Workspace,
};
use part_store::{
    CommitError, Digest, Durability, HistoryQuery, HistoryRow, Holder, MemoryBlobs, MemoryStore, Realm,
    RealmRow, RunFilter, RunRow, SpecHistory, Store, StoreError, Submitted, TokenRow, TokenUse,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How commits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    /// Nothing can be written.
    Full,
    /// The next commit is refused, as that of a leader whose term is over; then it is fine again.
    RefusesOnce,
    /// The next commit is recorded, but its answer is lost; then it is fine again.
    AnswersBadlyOnce,
}

/// A store in memory whose commits can be made to fail.
#[derive(Clone)]
pub(crate) struct MoodyStore {
    inner: MemoryStore,
    mood: Arc<Mutex<Mood>>,
    refusals: Arc<watch::Sender<u32>>,
}

impl MoodyStore {
    pub(crate) fn new() -> MoodyStore {
        let (mood, refusals) = (Mutex::new(Mood::Fine), watch::channel(0).0);
        MoodyStore { inner: MemoryStore::new(), mood: Arc::new(mood), refusals: Arc::new(refusals) }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Waits until it has refused so many commits for want of room.
    pub(crate) async fn wait_for_refusals(&self, count: u32) {
        let mut refusals = self.refusals.subscribe();
        let waited =
            tokio::time::timeout(Duration::from_secs(60), refusals.wait_for(|now| *now >= count)).await;
        drop(waited.expect("in time").expect("a store"));
    }

    fn take_mood(&self) -> Mood {
        let mut mood = self.mood.lock().unwrap_or_else(PoisonError::into_inner);
        let now = *mood;
        if matches!(now, Mood::RefusesOnce | Mood::AnswersBadlyOnce) {
            *mood = Mood::Fine;
        }
        now
    }
}

fn full() -> StoreError {
    StoreError::Full { doing: "record entries", place: "the store".to_owned(), source: "no room".into() }
}

impl Store for MoodyStore {
    fn begin_term<'a>(
        &'a self,
        realm: &'a Realm,
        holder: &'a Holder,
        above: Term,
    ) -> BoxFuture<'a, Result<Term, StoreError>> {
        self.inner.begin_term(realm, holder, above)
    }

    fn end_term<'a>(&'a self, realm: &'a Realm, term: Term) -> BoxFuture<'a, Result<(), CommitError>> {
        self.inner.end_term(realm, term)
    }

    fn realms(&self) -> BoxFuture<'_, Result<Vec<RealmRow>, StoreError>> {
        self.inner.realms()
    }

    fn commit<'a>(
        &'a self,
        realm: &'a Realm,
        term: Term,
        entries: &'a [Entry],
    ) -> BoxFuture<'a, Result<(), CommitError>> {
        async move {
            match self.take_mood() {
                Mood::Fine => self.inner.commit(realm, term, entries).await,
                Mood::Full => {
                    self.refusals.send_modify(|count| *count += 1);
                    Err(full().into())
                }
                Mood::RefusesOnce => Err(CommitError::Superseded {
                    realm: realm.clone(),
                    held: term,
                    current: Term(term.0 + 1),
                }),
                Mood::AnswersBadlyOnce => {
                    self.inner.commit(realm, term, entries).await?;
                    Err(full().into())
                }
            }
        }
        .boxed()
    }

    fn entries(&self, run: RunId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        self.inner.entries(run, after, limit)
    }

    fn run_row(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRow>, StoreError>> {
        self.inner.run_row(run)
    }

    fn find_runs<'a>(
        &'a self,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>> {
        self.inner.find_runs(prefix, limit)
    }

    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<Vec<RunRow>, StoreError>> {
        self.inner.runs(filter)
    }

    fn unfinished<'a>(&'a self, realm: &'a Realm) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>> {
        self.inner.unfinished(realm)
    }

    fn submission(&self, submission: SubmissionId) -> BoxFuture<'_, Result<Option<Submitted>, StoreError>> {
        self.inner.submission(submission)
    }

    fn history<'a>(
        &'a self,
        keys: &'a [HistoryKey],
        per_spec: usize,
    ) -> BoxFuture<'a, Result<Vec<SpecHistory>, StoreError>> {
        self.inner.history(keys, per_spec)
    }

    fn newest_passes<'a>(
        &'a self,
        keys: &'a [HistoryKey],
    ) -> BoxFuture<'a, Result<Vec<Option<AttemptId>>, StoreError>> {
        self.inner.newest_passes(keys)
    }

    fn classes<'a>(
        &'a self,
        project: &'a str,
        suite: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.inner.classes(project, suite)
    }

    fn history_rows<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryRow>, StoreError>> {
        self.inner.history_rows(query)
    }

    fn set_drained<'a>(
        &'a self,
        host: &'a str,
        drained: bool,
        by: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.set_drained(host, drained, by)
    }

    fn drained(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, StoreError>> {
        self.inner.drained()
    }

    fn add_token<'a>(&'a self, token: &'a TokenRow) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.inner.add_token(token)
    }

    fn token<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<TokenRow>, StoreError>> {
        self.inner.token(id)
    }

    fn tokens(&self) -> BoxFuture<'_, Result<Vec<TokenRow>, StoreError>> {
        self.inner.tokens()
    }

    fn revoke_token<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.inner.revoke_token(id)
    }

    fn use_token<'a>(&'a self, id: &'a str, now: Timestamp) -> BoxFuture<'a, Result<TokenUse, StoreError>> {
        self.inner.use_token(id, now)
    }

    fn forget_run(&self, run: RunId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.inner.forget_run(run)
    }

    fn expired(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<RunId>, StoreError>> {
        self.inner.expired(finished_before, limit)
    }

    fn oldest_finished(&self, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, StoreError>> {
        self.inner.oldest_finished(limit)
    }

    fn blob_usage(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.inner.blob_usage()
    }

    fn referenced<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        self.inner.referenced(digests)
    }

    fn manifests(
        &self,
        after: Option<Digest>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Digest>, StoreError>> {
        self.inner.manifests(after, limit)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

/// What the services share, over a store in memory.
pub(crate) fn shared(store: &MoodyStore, leader: Option<(Mailbox, Realm)>) -> Arc<Shared> {
    Arc::new(Shared {
        store: Arc::new(store.clone()),
        blobs: Arc::new(MemoryBlobs::new()),
        hub: Arc::new(WatchHub::default()),
        home: PathBuf::from("/nowhere"),
        name: "h".to_owned(),
        seat: leader.map_or_else(Seat::reading_only, |(mailbox, realm)| Seat::held(mailbox, realm)),
        coordinator: None,
        clustered: false,
        connect: Arc::new(|address: &str| Err(format!("{address} cannot be reached from a test"))),
        outputs: Arc::new(Outputs::default()),
        retention: RetentionReport::default(),
        holder: Holder("a test".to_owned()),
        durability: Durability::Lazy,
        draining: CancellationToken::new(),
        closing: CancellationToken::new(),
    })
}

/// A run of some specs.
pub(crate) fn submission(number: u128, specs: &[&str]) -> Box<Submission> {
    let spec = |name: &&str| SpecSubmission {
        name: (*name).to_owned(),
        size_bytes: 0,
        history: Vec::new(),
        expected_tests: None,
        carried: None,
        ..part_core::SpecSubmission::default()
    };
    Box::new(Submission {
        id: SubmissionId(number),
        project: "test".to_owned(),
        build: "1".to_owned(),
        source: Source::default(),
        workspace: Workspace::InPlace("/nowhere".to_owned()),
        policy: RunPolicy::default(),
        content: None,
        groups: vec![GroupSubmission {
            label: "all".to_owned(),
            suite: "main".to_owned(),
            requirements: part_core::Requirements::default(),
            policy: GroupPolicy { retries: 0, ..GroupPolicy::default() },
            recipe: Recipe::of_command(vec!["true".to_owned()]),
            specs: specs.iter().map(spec).collect(),
            overhead: None,
        }],
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    })
}

/// A worker with one slot.
pub(crate) fn introduction(incarnation: u64, held: Vec<HeldAttempt>) -> Introduction {
    Introduction {
        worker: WorkerId("w".to_owned()),
        incarnation: Incarnation(incarnation),
        host: "h".to_owned(),
        term_seen: Term(0),
        capabilities: part_core::Capabilities::default(),
        slots: vec![SlotId(0)],
        held,
        draining: false,
        problem: None,
        version: String::new(),
        cpus: 0,
        extra_slots: Vec::new(),
        scarce: None,
    }
}
