//! Opening a store: many at once, and where its tables go.

use super::start::{shared, tell};
use crate::fixture::{Ledger, read_all, term};
use part_store::{HistoryQuery, PostgresStore, Realm, RunFilter, Store};
use sqlx::Connection;

#[tokio::test]
async fn stores_that_start_at_once_share_one_new_database() {
    const STORES: usize = 16;
    let Some(server) = shared() else { return };
    let url = server.database().await;
    let work = |own: usize| {
        let url = &url;
        async move {
            let store = PostgresStore::connect(url).await.expect("a store");
            let (realm, mut ledger) = (Realm::local(own), Ledger::new(own as u128 + 1, "shop"));
            let term = term(&store, &realm).await;
            store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
            store.close().await;
        }
    };
    futures::future::join_all((0..STORES).map(work)).await;
    let store = PostgresStore::connect(&url).await.expect("a store");
    assert_eq!(store.realms().await.expect("realms").len(), STORES);
    let mut connection = super::start::connection(&url).await;
    let versions: Vec<i32> =
        sqlx::query_scalar("SELECT version FROM part_schema").fetch_all(&mut connection).await.expect("rows");
    assert_eq!(versions, [2]);
    connection.close().await.expect("a close");
    store.close().await;
    let error = store.run_row(Ledger::new(1, "").run).await.expect_err("it is closed");
    assert!(error.is_temporary(), "{error}");
}

#[tokio::test]
async fn tables_live_where_the_search_path_says() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    tell(
        &url,
        r#"CREATE SCHEMA one; CREATE SCHEMA "Two"; CREATE TABLE public.runs (of_another_program TEXT)"#,
    )
    .await;
    let (one, two) =
        (format!("{url}&options=-csearch_path%3Done"), format!("{url}&options=-csearch_path%3D%22Two%22"));
    let realm = Realm::mesh();
    for (url, run) in [(&one, 1u128), (&two, 2)] {
        let store = PostgresStore::connect(url).await.expect("a store in a schema of its own");
        let term = term(&store, &realm).await;
        assert_eq!(term.0, 1);
        store.commit(&realm, term, &[Ledger::new(run, "shop").opened()]).await.expect("a commit");
        assert_eq!(store.runs(&RunFilter::newest(10)).await.expect("runs").len(), 1);
        store.close().await;
    }
    let again = PostgresStore::connect(&one).await.expect("the store again");
    assert_eq!(read_all(&again, Ledger::new(1, "").run, 10).await.len(), 1);
    let error = PostgresStore::connect(&url).await.expect_err("somebody else's tables").to_string();
    assert!(error.contains("another program") && error.contains("search_path"), "{error}");
}

/// Names come from clients and tests. What PostgreSQL cannot hold, or index, must not stop a commit.
#[tokio::test]
async fn no_name_stops_a_commit() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    let store = PostgresStore::connect(&url).await.expect("a store");
    let realm = Realm::mesh();
    let term = term(&store, &realm).await;
    let long = "é\u{1F600}%_\\".repeat(20_000);
    for (number, name) in ["a\0b", "\u{10FFFF}", &long, ""].into_iter().enumerate() {
        let mut ledger = Ledger::new(number as u128 + 1, name);
        let opened = ledger.opened();
        let ended = ledger.ended(name, 1, 100, part_core::AttemptVerdict::Passed);
        store.commit(&realm, term, &[opened.clone(), ended.clone()]).await.expect("a commit");
        assert_eq!(read_all(&store, ledger.run, 10).await, [opened, ended]);
        let (project, build) = (Some(name.to_owned()), Some("build-1".to_owned()));
        let filter = RunFilter { project, build, ..RunFilter::newest(10) };
        assert_eq!(store.runs(&filter).await.expect("runs").len(), 1, "{number}");
        let query = HistoryQuery { project: Some(name.to_owned()), spec: "*".to_owned(), limit: 10 };
        let rows = store.history_rows(&query).await.expect("rows");
        assert_eq!(rows.len(), 1, "{number}");
        let samples = store.history(&[rows[0].key.clone()], 5).await.expect("a history");
        assert_eq!(samples[0].samples.len(), usize::from(name != "\u{10FFFF}"), "{number}");
    }
    store.set_drained("host\0", true, "me\0").await.expect("a flag");
    let drained = store.drained().await.expect("hosts");
    assert_eq!(drained.get("host\0").map(String::as_str), Some("me\0"));
}
