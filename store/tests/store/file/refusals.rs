//! Files that are refused or found damaged: by name, with the remedy, and unchanged.

use crate::fixture::{Ledger, read_all, term};
use part_core::AttemptVerdict;
use part_store::{Realm, SqliteStore, Store, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::error::Error;
use std::fs;
use std::path::Path;

/// The error with its causes, as people see it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

async fn refusal(path: &Path) -> (StoreError, String) {
    let error = SqliteStore::open(path).await.expect_err("a refusal");
    let text = chain(&error);
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert!(!error.is_temporary(), "{text}");
    (error, text)
}

/// Runs statements on a database behind the store's back.
async fn change(path: &Path, statements: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.expect("a connection");
    sqlx::raw_sql(statements).execute(&mut connection).await.expect("the statements");
    connection.close().await.expect("a close");
}

/// A closed database with a run of 400 entries.
async fn filled(path: &Path) -> Ledger {
    let store = SqliteStore::open(path).await.expect("a store");
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let term = term(&store, &realm).await;
    let mut batch = vec![ledger.opened()];
    batch.extend((1..400).map(|number| ledger.ended("a.ts", number, 100, AttemptVerdict::Passed)));
    store.commit(&realm, term, &batch).await.expect("a commit");
    store.close().await;
    ledger
}

#[tokio::test]
async fn a_newer_database_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part.db");
    let ledger = filled(&path).await;
    change(&path, "PRAGMA user_version = 1000").await;
    let before = fs::read(&path).expect("the file");
    let (error, text) = refusal(&path).await;
    assert!(matches!(error, StoreError::Newer { found: 1000, .. }), "{text}");
    for part in ["newer version of Part", "1000", "up to 3", "use that version or a later one"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(fs::read(&path).expect("the file") == before);

    change(&path, "PRAGMA user_version = 3").await;
    change(&path, "UPDATE entries SET format = 2 WHERE number = 7").await;
    let store = SqliteStore::open(&path).await.expect("a store");
    let error = store.entries(ledger.run, 6, 10).await.expect_err("an unknown format");
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
}

#[tokio::test]
async fn what_is_not_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let text_file = folder.path().join("notes.txt");
    fs::write(&text_file, "milk, bread and a great many other things\n".repeat(100)).expect("a file");
    let other = folder.path().join("other.db");
    change(&other, "CREATE TABLE cookies (name TEXT)").await;
    let short = folder.path().join("short.db");
    fs::write(&short, "SQLite").expect("a file");
    for path in [text_file, other, short] {
        let before = fs::read(&path).expect("the file");
        let (error, text) = refusal(&path).await;
        assert!(matches!(error, StoreError::NotOurs { .. }), "{text}");
        assert!(text.contains("name another file"), "{text}");
        assert!(fs::read(&path).expect("the file") == before);
    }
}

#[tokio::test]
async fn an_unusable_path_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    for path in [file.join("part.db"), folder.path().to_owned()] {
        let (error, text) = refusal(&path).await;
        assert!(matches!(error, StoreError::Inaccessible { .. }), "{text}");
    }
    let deep = folder.path().join("a/b/c d/é/part?.db");
    SqliteStore::open(&deep).await.expect("a store in folders that were made").close().await;
    assert!(deep.is_file());
}

#[tokio::test]
async fn a_truncated_file_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part.db");
    filled(&path).await;
    let whole = fs::read(&path).expect("the file");
    for keep in [60, 100, 4096, 5000, whole.len() / 2, whole.len() - 4096] {
        fs::write(&path, &whole[..keep]).expect("a file");
        let error = match SqliteStore::open(&path).await {
            Ok(store) => {
                let error = store.entries(Ledger::new(1, "").run, 0, 1000).await.expect_err("damage");
                store.close().await;
                error
            }
            Err(error) => error,
        };
        let text = chain(&error);
        assert!(matches!(error, StoreError::Damaged { .. } | StoreError::NotOurs { .. }), "{keep}: {text}");
        assert!(text.contains("part.db") && text.contains("damaged"), "{keep}: {text}");
    }
}

#[tokio::test]
async fn damage_inside_is_found_when_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part.db");
    let ledger = filled(&path).await;
    change(&path, "UPDATE entries SET body = substr(body, 1, 20) WHERE number = 17").await;
    let store = SqliteStore::open(&path).await.expect("a store");
    assert_eq!(store.entries(ledger.run, 0, 16).await.expect("what comes before it").len(), 16);
    let error = store.entries(ledger.run, 0, 17).await.expect_err("damage");
    let text = chain(&error);
    assert!(matches!(error, StoreError::Damaged { .. }), "{text}");
    for part in ["part.db", "entry 17 of run run_", "restore a copy"] {
        assert!(text.contains(part), "{text}");
    }
    store.close().await;
    let error = store.run_row(ledger.run).await.expect_err("it is closed");
    assert!(error.is_temporary(), "{error}");

    // Whole pages of rubbish.
    let mut bytes = fs::read(&path).expect("the file");
    for page in bytes.chunks_mut(4096).skip(1) {
        page.fill(0xa5);
    }
    fs::write(&path, &bytes).expect("a file");
    let text = match SqliteStore::open(&path).await {
        Ok(store) => chain(&store.run_row(ledger.run).await.expect_err("damage")),
        Err(error) => chain(&error),
    };
    assert!(text.contains("part.db is damaged"), "{text}");
}

#[tokio::test]
async fn a_closed_store_leaves_one_file_and_opens_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part.db");
    let ledger = filled(&path).await;
    let names: Vec<_> = fs::read_dir(folder.path()).expect("the folder").filter_map(Result::ok).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let store = SqliteStore::open(&path).await.expect("a store");
    assert_eq!(read_all(&store, ledger.run, 100).await.len(), 400);
}
