//! The end of a term and the commits of its leader, one after the other whoever comes first.

use super::proxy::Proxy;
use super::start::{connection, run, shared, tell};
use crate::fixture::{Ledger, read_all, term};
use part_core::{AttemptVerdict, Entry, Term};
use part_store::{CommitError, Holder, PostgresStore, Realm, Store, StoreError};
use sqlx::PgConnection;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn open(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::connect(url).await.expect("a store"))
}

/// Waits until so many sessions of this database wait for a lock.
pub(super) async fn until_waiting(observer: &mut PgConnection, sessions: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let looking = async {
        loop {
            let now: i64 = sqlx::query_scalar(waiting).fetch_one(&mut *observer).await.expect("a count");
            if now == sessions {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect("sessions that wait");
}

fn ended(ledger: &mut Ledger, count: u32) -> Vec<Entry> {
    (1..=count).map(|number| ledger.ended("a.ts", number, 100, AttemptVerdict::Passed)).collect()
}

/// An old leader is in the middle of a commit, past its check of the term, when a new one begins its term. With a
/// plain read of the term in place of the lock the new term would begin at once, and what it then reads of the run
/// would be overtaken by the old leader's rows.
#[tokio::test]
async fn a_new_term_waits_for_an_open_commit() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    let (old, new) = (open(&url).await, open(&url).await);
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let first = term(&*old, &realm).await;
    old.commit(&realm, first, &[ledger.opened()]).await.expect("a commit");

    // Somebody else keeps the commit from writing its entries, after it has checked its term.
    let (mut blocker, mut observer) = (connection(&url).await, connection(&url).await);
    run(&mut blocker, "BEGIN; LOCK TABLE entries IN SHARE MODE").await;
    let batch = ended(&mut ledger, 3);
    let committing = tokio::spawn({
        let (old, realm, batch) = (old.clone(), realm.clone(), batch.clone());
        async move { old.commit(&realm, first, &batch).await }
    });
    until_waiting(&mut observer, 1).await;
    let beginning = tokio::spawn({
        let (new, realm) = (new.clone(), realm.clone());
        async move { term(&*new, &realm).await }
    });
    until_waiting(&mut observer, 2).await;
    assert!(!beginning.is_finished() && !committing.is_finished());

    run(&mut blocker, "COMMIT").await;
    committing.await.expect("a task").expect("it was there first");
    assert_eq!(beginning.await.expect("a task"), Term(2));
    assert_eq!(read_all(&*new, ledger.run, 10).await.len(), 4, "the new leader sees all of it");
    let late = old.commit(&realm, first, &ended(&mut ledger, 1)).await;
    assert!(matches!(late, Err(CommitError::Superseded { current: Term(2), .. })), "{late:?}");
    assert_eq!(read_all(&*new, ledger.run, 10).await.len(), 4, "and nothing more comes");
}

/// A new term is being begun, but its transaction is still open, when the old leader commits. The old leader must
/// wait and then be refused. The last part does what a plain read would: it sees the old term, and its row gets in.
#[tokio::test]
async fn a_commit_waits_for_a_term_that_is_being_begun() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    let old = open(&url).await;
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let first = term(&*old, &realm).await;
    old.commit(&realm, first, &[ledger.opened()]).await.expect("a commit");

    let (mut successor, mut observer) = (connection(&url).await, connection(&url).await);
    run(&mut successor, "BEGIN; UPDATE realms SET term = term + 1").await;
    let batch = ended(&mut ledger, 2);
    let committing = tokio::spawn({
        let (old, realm) = (old.clone(), realm.clone());
        async move { old.commit(&realm, first, &batch).await }
    });
    until_waiting(&mut observer, 1).await;

    run(&mut observer, "BEGIN").await;
    let read: i64 =
        sqlx::query_scalar("SELECT term FROM realms").fetch_one(&mut observer).await.expect("a term");
    assert_eq!(read, 1, "a plain read finds nothing wrong");
    run(&mut successor, "COMMIT").await;
    run(&mut observer, "INSERT INTO drains VALUES ('written', 'by a leader whose time was over'); COMMIT")
        .await;
    assert_eq!(old.drained().await.expect("hosts").len(), 1, "a plain read fences nothing");

    let refused = committing.await.expect("a task");
    assert!(matches!(refused, Err(CommitError::Superseded { current: Term(2), .. })), "{refused:?}");
    assert_eq!(read_all(&*old, ledger.run, 10).await.len(), 1);
}

/// An old leader is cut off from the server in the middle of a commit, so its lock on the term is never given back.
/// The server ends its session after some seconds of silence, and the new leader begins.
#[tokio::test]
async fn a_leader_cut_off_in_a_commit_does_not_keep_its_successor_out() {
    let Some(server) = shared() else { return };
    let database = server.database_with("").await;
    let url = server.url("postgres", &database);
    let proxy = Proxy::to(server);
    let (old, new) = (open(&proxy.url(&database)).await, open(&url).await);
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let first = term(&*old, &realm).await;
    old.commit(&realm, first, &[ledger.opened()]).await.expect("a commit");

    let (mut blocker, mut observer) = (connection(&url).await, connection(&url).await);
    run(&mut blocker, "BEGIN; LOCK TABLE entries IN SHARE MODE").await;
    let batch = ended(&mut ledger, 2);
    let committing = tokio::spawn({
        let (old, realm, batch) = (old.clone(), realm.clone(), batch.clone());
        async move { old.commit(&realm, first, &batch).await }
    });
    until_waiting(&mut observer, 1).await;
    proxy.cut();
    run(&mut blocker, "COMMIT").await;
    // Its rows are written now, but for the commit, which cannot get through.
    let holder = Holder("{}".to_owned());
    assert_eq!(new.begin_term(&realm, &holder, Term(0)).await.expect("a term"), Term(2));
    assert_eq!(read_all(&*new, ledger.run, 10).await.len(), 1);

    let lost = committing.await.expect("a task");
    assert!(matches!(lost, Err(CommitError::Store(StoreError::Unavailable { .. }))), "{lost:?}");
    proxy.mend();
    let late = old.commit(&realm, first, &batch).await;
    assert!(matches!(late, Err(CommitError::Superseded { current: Term(2), .. })), "{late:?}");
    assert_eq!(read_all(&*new, ledger.run, 10).await.len(), 1);
}

/// Two commits of one term at once, as when the first was given up for lost and is still on its way: one of them is
/// recorded, the other does not fit.
#[tokio::test]
async fn a_batch_that_was_given_up_is_recorded_once() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    let (one, two) = (open(&url).await, open(&url).await);
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let term = term(&*one, &realm).await;
    let (mut blocker, mut observer) = (connection(&url).await, connection(&url).await);
    for batch in [vec![ledger.opened()], ended(&mut ledger, 2)] {
        run(&mut blocker, "BEGIN; LOCK TABLE entries IN SHARE MODE").await;
        let commit = |store: Arc<PostgresStore>| {
            let (realm, batch) = (realm.clone(), batch.clone());
            tokio::spawn(async move { store.commit(&realm, term, &batch).await })
        };
        let commits = [commit(one.clone()), commit(two.clone())];
        until_waiting(&mut observer, 2).await;
        run(&mut blocker, "COMMIT").await;
        let [left, right] = commits;
        let (left, right) = (left.await.expect("a task"), right.await.expect("a task"));
        assert!(left.is_ok() != right.is_ok(), "{left:?}, {right:?}");
        let refused = left.and(right);
        assert!(matches!(refused, Err(CommitError::Misfit { .. })), "{refused:?}");
        one.commit(&realm, term, &[]).await.expect("the store goes on");
    }
    assert_eq!(read_all(&*one, ledger.run, 10).await.len(), 3);
}

/// The same submission twice at once becomes one run, and the other is told that it does not fit.
#[tokio::test]
async fn a_submission_sent_twice_at_once_opens_one_run() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    let (one, two) = (open(&url).await, open(&url).await);
    let realms = [Realm::local("a"), Realm::local("b")];
    let terms = (term(&*one, &realms[0]).await, term(&*two, &realms[1]).await);
    let (mut blocker, mut observer) = (connection(&url).await, connection(&url).await);
    run(&mut blocker, "BEGIN; LOCK TABLE entries IN SHARE MODE").await;
    let commit = |store: Arc<PostgresStore>, realm: &Realm, term, run| {
        let opened = Ledger::new(run, "shop").opened_by(part_core::SubmissionId(1));
        let realm = realm.clone();
        tokio::spawn(async move { store.commit(&realm, term, &[opened]).await })
    };
    let (left, right) = (commit(one, &realms[0], terms.0, 1), commit(two.clone(), &realms[1], terms.1, 2));
    until_waiting(&mut observer, 2).await;
    run(&mut blocker, "COMMIT").await;
    let (left, right) = (left.await.expect("a task"), right.await.expect("a task"));
    assert!(left.is_ok() != right.is_ok(), "{left:?}, {right:?}");
    match left.and(right) {
        Err(CommitError::Misfit { what, .. }) => assert!(what.contains("submission"), "{what}"),
        other => unreachable!("{other:?}"),
    }
    assert_eq!(two.realms().await.expect("realms").iter().map(|realm| realm.unfinished).sum::<u64>(), 1);
    tell(&url, "SELECT 1").await;
}
