//! Files of earlier versions.

use crate::fixture::{Ledger, key, term};
use part_core::{AttemptVerdict, Millis};
use part_store::{Digest, Realm, RunFilter, SqliteStore, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

const FIRST: &str = include_str!("../../../migrations/sqlite/0001_ledger.sql");
const SECOND: &str = include_str!("../../../migrations/sqlite/0002_mesh.sql");

const RUN: &str = r#"INSERT INTO realms VALUES ('mesh', 1, NULL); INSERT INTO runs VALUES
    (1, 'run_00000000000000000000000001', 'mesh', '00000000000000000000000000000001', 'shop', '1', '', '', '', '',
     NULL, 1000, 5, 1, 0, 0, 0, 1, 0, 0, 2000, 'failed',
    '{"specs":1,"passed":0,"flaky":0,"carried":0,"failed":1,"cancelled":0,"undecided":0,"attempts":1,
     "tests":{"passed":0,"failed":1,"skipped":0,"flaky":0},"slots":1,"makespan":1,"bound":1,"slot_time":1,
     "longest":null,"overhead_per_spec":null,"forecast_error":null,"forecasts":0}')"#;

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// An attempt's end as version 1 wrote it.
fn ended(output: &str, artifacts: &str) -> String {
    format!(
        r#"{{"kind":"attempt_finished","attempt":{{"run":1,"spec":0,"number":1}},"finish":{{"verdict":"failed",
        "message":"","exit":null,"timing":{{"setup":1,"run":1,"tests":1,"teardown":1}},
        "tests":{{"passed":0,"failed":1,"skipped":0,"flaky":0}},"missing_tests":[],"output":{output},
        "artifacts":[{artifacts}],"leaked":[]}},"key":{{"project":"shop","suite":"e2e","class":"anything",
        "spec":"a.ts"}},"counts":true}}"#
    )
}

/// Retention asks which blobs are needed. The runs that are there already must not lose theirs.
#[tokio::test]
async fn runs_of_the_first_version_keep_their_blobs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.expect("a connection");
    sqlx::raw_sql(FIRST).execute(&mut connection).await.expect("the tables of version 1");
    sqlx::raw_sql(RUN).execute(&mut connection).await.expect("a run");
    let output = format!(r#"{{"total_bytes":900,"dropped_bytes":300,"blob":"{}"}}"#, digest("output"));
    let artifact = |name: &str, bytes: u64| {
        format!(r#"{{"path":"{name}.png","bytes":{bytes},"digest":"{}"}}"#, digest(name))
    };
    let artifacts = [artifact("one", 7), artifact("two", u64::MAX), artifact("one", 7)].join(",");
    let odd = r#"{"path":"odd","bytes":1,"digest":"odd"}"#;
    let bodies = [
        r#"{"kind":"run_sealed"}"#.to_owned(),
        ended(&output, &artifacts),
        ended(r#"{"total_bytes":3,"inline":"\"blob\":\"x"}"#, odd),
        ended(&output, &artifact("three", 5))[..200].to_owned(),
        ended(r#"{"total_bytes":0}"#, ""),
    ];
    for (number, body) in bodies.iter().enumerate() {
        sqlx::query("INSERT INTO entries VALUES (1, ?, 1000, 1, ?)")
            .bind(number as i64 + 1)
            .bind(body)
            .execute(&mut connection)
            .await
            .expect("an entry");
    }
    connection.close().await.expect("a close");

    let store = SqliteStore::open(&path).await.expect("a store that was brought up to date");
    let digests = ["output", "one", "two", "three"].map(digest);
    let referenced = store.referenced(&digests).await.expect("answers");
    assert_eq!(referenced, [true, true, true, false], "the last is in an entry that nobody can read");
    assert_eq!(store.blob_usage().await.expect("bytes"), 600 + 7 + (1 << 44));
    let run = store.oldest_finished(1).await.expect("runs")[0];
    assert!(store.forget_run(run).await.expect("an answer"));
    assert_eq!(store.referenced(&digests).await.expect("answers"), [false; 4]);
    let realm = Realm::mesh();
    let term = term(&store, &realm).await;
    store.commit(&realm, term, &[Ledger::new(2, "shop").opened()]).await.expect("and it goes on");
}

/// Runs and history from before there were attempts of a build are its first attempts, and still forecast.
#[tokio::test]
async fn what_the_second_version_knew_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.expect("a connection");
    for step in [FIRST, SECOND, RUN] {
        sqlx::raw_sql(step).execute(&mut connection).await.expect("a store of version 2");
    }
    sqlx::raw_sql(
        "INSERT INTO series VALUES (1, 'shop', 'e2e', 'anything', 'a.ts');
         INSERT INTO history VALUES (1, 1500, 'run_00000000000000000000000001', 0, 1, 700, 'failed', 1)",
    )
    .execute(&mut connection)
    .await
    .expect("a history");
    connection.close().await.expect("a close");

    let store = SqliteStore::open(&path).await.expect("a store that was brought up to date");
    let filter = RunFilter { build: Some("1".to_owned()), ..RunFilter::newest(10) };
    let rows = store.runs(&filter).await.expect("runs");
    assert_eq!((rows.len(), rows[0].attempt, rows[0].source.ci.as_str()), (1, 1, ""));
    let known = store.history(&[key("shop", "a.ts")], 5).await.expect("a history").remove(0);
    assert_eq!(known.last, Some(AttemptVerdict::Failed));
    let sample = known.samples[0];
    assert_eq!((sample.sample.duration, sample.sample.tests, sample.batched), (Millis(700), None, false));
}
