//! Servers that do not answer: an error within ten seconds or so, and no connection that is used again in doubt.

use super::fencing::{open, until_waiting};
use super::proxy::Proxy;
use super::start::{connection, private, run, shared};
use crate::fixture::{Ledger, read_all, term};
use part_core::AttemptVerdict;
use part_store::{CommitError, PostgresStore, Realm, Store, StoreError};
use sqlx::PgConnection;
use std::process::Command;
use std::time::{Duration, Instant};

/// Nobody waits longer for a server that is silent; some of it is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(14);

fn unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Unavailable { .. })), "{result:?}");
}

fn unavailable_commit(result: Result<(), CommitError>) {
    assert!(matches!(result, Err(CommitError::Store(StoreError::Unavailable { .. }))), "{result:?}");
}

async fn sessions(observer: &mut PgConnection, name: &str) -> Vec<i32> {
    sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE application_name = $1")
        .bind(name)
        .fetch_all(observer)
        .await
        .expect("sessions")
}

fn signal(signal: &str, processes: &[i32]) {
    let processes = processes.iter().map(i32::to_string);
    let sent = Command::new("kill").arg(signal).args(processes).status().expect("kill");
    assert!(sent.success());
}

#[tokio::test]
async fn frozen_sessions_are_given_up_and_left_alone() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    let store = open(&format!("{url}&application_name=to-be-frozen")).await;
    let mut observer = connection(&url).await;
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let term = term(&*store, &realm).await;
    store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
    store.run_row(ledger.run).await.expect("a row");
    store.blob_usage().await.expect("a number");
    let frozen = sessions(&mut observer, "to-be-frozen").await;
    assert_eq!(frozen.len(), 3, "one of each lane");
    signal("-STOP", &frozen);
    let batch = [ledger.ended("a.ts", 1, 100, AttemptVerdict::Passed)];
    let started = Instant::now();
    let (committed, read) =
        futures::future::join(store.commit(&realm, term, &batch), store.run_row(ledger.run)).await;
    unavailable_commit(committed);
    unavailable(read);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());

    // Others are made, while the frozen ones are still there.
    assert!(store.run_row(ledger.run).await.expect("a row").is_some());
    signal("-CONT", &frozen);
    match store.commit(&realm, term, &batch).await {
        // What was given up may have been recorded after all, whole.
        Ok(()) | Err(CommitError::Misfit { .. }) => {}
        other => unreachable!("{other:?}"),
    }
    assert_eq!(read_all(&*store, ledger.run, 10).await.len(), 2);
    let gone = async {
        while sessions(&mut observer, "to-be-frozen").await.iter().filter(|now| frozen.contains(now)).count()
            > 1
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("given up for good");
}

#[tokio::test]
async fn a_cut_network_is_an_error_and_heals() {
    let Some(server) = shared() else { return };
    let proxy = Proxy::to(server);
    let database = server.database_with("").await;
    let store = open(&proxy.url(&database)).await;
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let term = term(&*store, &realm).await;
    store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
    proxy.cut();
    let batch = [ledger.sealed()];
    let (started, url) = (Instant::now(), proxy.url(&database));
    let (committed, read, opened) = futures::future::join3(
        store.commit(&realm, term, &batch),
        // More than there are connections: those in the queue must not wait longer either.
        futures::future::join_all((0..20).map(|_| store.run_row(ledger.run))),
        PostgresStore::connect(&url),
    )
    .await;
    unavailable_commit(committed);
    read.into_iter().for_each(unavailable);
    unavailable(opened);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    proxy.mend();
    store.commit(&realm, term, &batch).await.expect("a commit");
    assert_eq!(read_all(&*store, ledger.run, 10).await.len(), 2);
}

#[tokio::test]
async fn a_lock_that_is_never_given_back_is_an_error() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    let store = open(&url).await;
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let term = term(&*store, &realm).await;
    let (mut blocker, mut observer) = (connection(&url).await, connection(&url).await);
    run(&mut blocker, "BEGIN; UPDATE realms SET holder = 'somebody'").await;
    let opened = [ledger.opened()];
    let started = Instant::now();
    let waiting = async {
        until_waiting(&mut observer, 1).await;
        // Reads have lanes of their own.
        store.realms().await.expect("realms")
    };
    let (committed, _) = futures::future::join(store.commit(&realm, term, &opened), waiting).await;
    unavailable_commit(committed);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    run(&mut blocker, "ROLLBACK").await;
    store.commit(&realm, term, &opened).await.expect("a commit");
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let Some(server) = private() else { return };
    let url = server.database().await;
    let store = open(&url).await;
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let term = term(&*store, &realm).await;
    store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
    store.run_row(ledger.run).await.expect("a row");

    server.control(&["-s", "-w", "-m", "immediate", "stop"]);
    let batch = [ledger.sealed()];
    let started = Instant::now();
    unavailable_commit(store.commit(&realm, term, &batch).await);
    unavailable(store.run_row(ledger.run).await);
    unavailable(PostgresStore::connect(&url).await);
    assert!(started.elapsed() < Duration::from_secs(5), "nothing to wait for: {:?}", started.elapsed());

    server.control(&["-s", "-w", "start"]);
    store.commit(&realm, term, &batch).await.expect("nothing of it was recorded before");
    assert_eq!(read_all(&*store, ledger.run, 10).await.len(), 2);
}
