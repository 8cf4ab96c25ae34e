//! What is wrong with a server, a database or an address: named, with the remedy, and never with the password.

use super::start::{Server, shared, tell};
use crate::file::refusals::chain;
use crate::fixture::{Ledger, term};
use part_core::Term;
use part_store::{CommitError, PostgresStore, Realm, Store, StoreError};

const PASSWORD: &str = "kept-to-itself";

async fn refusal(url: &str) -> (StoreError, String) {
    let error = PostgresStore::connect(url).await.expect_err("a refusal");
    let text = chain(&error);
    assert!(!text.contains(PASSWORD), "{text}");
    (error, text)
}

/// Roles belong to the whole server, so this happens once.
async fn roles(server: &Server) {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let make = async || {
        let statements = format!(
            "CREATE ROLE secretive LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE visitor LOGIN; \
             CREATE ROLE lonely LOGIN CONNECTION LIMIT 0"
        );
        server.tell("postgres", &statements).await;
    };
    MADE.get_or_init(make).await;
}

#[tokio::test]
async fn wrong_addresses_passwords_and_rights_are_named() {
    let Some(server) = shared() else { return };
    roles(server).await;
    let database = server.database_with("").await;
    let place = format!("the PostgreSQL database {database} at ");
    let right = server.url(&format!("secretive:{PASSWORD}"), &database);
    let wrong = right.replace(PASSWORD, &format!("{PASSWORD}-not"));
    let folder = tempfile::tempdir().expect("a folder");

    server.tell(&database, "GRANT CREATE ON SCHEMA public TO secretive").await;
    let (error, text) = refusal(&wrong).await;
    assert!(matches!(error, StoreError::Inaccessible { .. }), "{text}");
    assert!(text.contains(&place) && text.contains("check the user, the password"), "{text}");

    let store = PostgresStore::connect(&right).await.expect("the right password opens it");
    assert!(!format!("{store:?}").contains(PASSWORD));
    store.close().await;
    let (error, text) = refusal(&server.url("visitor", &database)).await;
    assert!(matches!(error, StoreError::Inaccessible { .. }), "tables of somebody else: {text}");

    let other = server.database_with("").await;
    server.tell(&other, "REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    let (error, text) = refusal(&server.url("visitor", &other)).await;
    assert!(matches!(error, StoreError::Inaccessible { .. }), "no right to make tables: {text}");
    assert!(text.contains("the rights in it") && text.contains("user visitor"), "{text}");

    let (error, text) = refusal(&server.url("postgres", "nowhere")).await;
    assert!(matches!(error, StoreError::Inaccessible { .. }), "{text}");
    assert!(text.contains("database nowhere at "), "{text}");

    let (error, text) = refusal(&super::start::url_at(folder.path(), &format!("u:{PASSWORD}"), "part")).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "nobody listens there: {text}");
    assert!(text.contains(&folder.path().display().to_string()), "{text}");

    let (error, text) = refusal(&server.url("lonely", &database)).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "too many connections: {text}");

    for url in [
        format!("mysql://u:{PASSWORD}@db/part"),
        format!("postgres://u:{PASSWORD}@db:port/part"),
        format!("postgres://u:{PASSWORD}@db/part?sslmode=perhaps"),
    ] {
        let (error, text) = refusal(&url).await;
        assert!(matches!(error, StoreError::Inaccessible { .. }), "{text}");
        assert!(text.contains("postgres://USER"), "{text}");
    }
}

#[tokio::test]
async fn databases_that_are_not_ours_are_refused_and_left_alone() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    tell(&url, "CREATE TABLE cookies (name TEXT)").await;
    let (error, text) = refusal(&url).await;
    assert!(matches!(error, StoreError::NotOurs { .. }), "{text}");
    assert!(text.contains("another program") && text.contains("search_path"), "{text}");

    let latin = server.database_with("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").await;
    let (error, text) = refusal(&server.url("postgres", &latin)).await;
    assert!(matches!(error, StoreError::Unsuitable { .. }), "{text}");
    assert!(text.contains("LATIN1") && text.contains("ENCODING 'UTF8'"), "{text}");

    let url = server.database().await;
    let (error, text) = refusal(&format!("{url}&options=-csearch_path%3Dmissing")).await;
    assert!(matches!(error, StoreError::Inaccessible { .. }), "{text}");
    assert!(text.contains("no schema of the search path exists"), "{text}");

    PostgresStore::connect(&url).await.expect("a store").close().await;
    tell(&url, "UPDATE part_schema SET version = 1000").await;
    let (error, text) = refusal(&url).await;
    assert!(matches!(error, StoreError::Newer { found: 1000, known: 2, .. }), "{text}");
    tell(&url, "UPDATE part_schema SET version = 2; DROP TABLE history").await;
    let store = PostgresStore::connect(&url).await.expect("nobody misses it yet");
    let error = store.history(&[crate::fixture::key("a", "b")], 5).await.expect_err("damage");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

/// What a server says while it works is told apart: wait, make room, or do something about it.
#[tokio::test]
async fn errors_of_a_commit_are_told_apart() {
    let Some(server) = shared() else { return };
    let database = server.database_with("").await;
    let url = server.url("postgres", &database);
    let raise = |code: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$"
        )
    };
    let store = PostgresStore::connect(&url).await.expect("a store");
    let realm = Realm::mesh();
    let term = term(&store, &realm).await;
    let mut ledger = Ledger::new(1, "shop");
    store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
    tell(&url, &raise("53100")).await;
    tell(&url, "CREATE TRIGGER refuse BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION refuse()").await;
    let sealed = [ledger.sealed()];
    let table = [
        ("53100", "full"),
        ("53200", "unavailable"),
        ("40P01", "unavailable"),
        ("57014", "unavailable"),
        ("25006", "unavailable"),
        ("58030", "unavailable"),
        ("42501", "inaccessible"),
        ("XX001", "damaged"),
        ("22012", "unexpected"),
    ];
    for (code, expected) in table {
        tell(&url, &raise(code)).await;
        let error = match store.commit(&realm, term, &sealed).await {
            Err(CommitError::Store(error)) => error,
            other => unreachable!("{code}: {other:?}"),
        };
        let kind = match &error {
            StoreError::Unavailable { .. } => "unavailable",
            StoreError::Full { .. } => "full",
            StoreError::Inaccessible { .. } => "inaccessible",
            StoreError::Damaged { .. } => "damaged",
            StoreError::Unexpected { .. } => "unexpected",
            StoreError::NotOurs { .. } | StoreError::Unsuitable { .. } | StoreError::Newer { .. } => "other",
        };
        assert_eq!(kind, expected, "{code}: {}", chain(&error));
        assert!(error.to_string().contains(&database), "{error}");
    }
    // A row that somebody made unreadable, and one of a later version.
    tell(&url, "DROP TRIGGER refuse ON entries; UPDATE entries SET body = left(body, 9)").await;
    let error = store.entries(ledger.run, 0, 10).await.expect_err("damage");
    assert!(chain(&error).contains("entry 1 of run run_"), "{}", chain(&error));
    tell(&url, "UPDATE entries SET format = 2").await;
    let error = store.entries(ledger.run, 0, 10).await.expect_err("an unknown format");
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
    store.commit(&realm, term, &sealed).await.expect("and it goes on");
}

/// A server that takes no writes, as a standby before it takes over, is waited for.
#[tokio::test]
async fn a_server_that_only_reads_is_waited_for() {
    let Some(server) = shared() else { return };
    let database = server.database_with("").await;
    let url = server.url("postgres", &database);
    let store = PostgresStore::connect(&url).await.expect("a store");
    let realm = Realm::mesh();
    let term = term(&store, &realm).await;
    store.close().await;
    let change = |what: &str| format!("ALTER DATABASE {database} SET default_transaction_read_only = {what}");
    server.tell("postgres", &change("on")).await;
    let store = PostgresStore::connect(&url).await.expect("a store that reads");
    assert_eq!(store.realms().await.expect("realms")[0].term, Term(1));
    let opened = [Ledger::new(1, "shop").opened()];
    let refused = store.commit(&realm, term, &opened).await;
    assert!(matches!(&refused, Err(CommitError::Store(error)) if error.is_temporary()), "{refused:?}");
    server.tell("postgres", &change("off")).await;
    store.commit(&realm, term, &opened).await.expect("a connection that was refused is not used again");
}
