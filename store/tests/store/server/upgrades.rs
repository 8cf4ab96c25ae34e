//! Databases of earlier versions.

use super::start::{shared, tell};
use crate::fixture::{Ledger, key, term};
use part_core::{AttemptVerdict, Millis};
use part_store::{PostgresStore, Realm, RunFilter, Store};

const FIRST: &str = include_str!("../../../migrations/postgres/0001_ledger.sql");

/// What a store of the first version held, with the digest that stands for a series' names in it.
const HELD: &str = r#"INSERT INTO part_schema VALUES (1); INSERT INTO realms VALUES ('mesh', 1, NULL);
    INSERT INTO runs (id, realm, submission, project, build, user_name, host, revision, branch, opened_at, last_number,
        specs, passed, flaky, carried, failed, cancelled, cancelling, finished_at, verdict, summary)
    VALUES ('run_00000000000000000000000001', 'mesh', '00000000000000000000000000000001', 'shop', '7', '', '', '', '',
        1000, 5, 1, 0, 0, 0, 1, 0, false, 2000, 'failed',
    '{"specs":1,"passed":0,"flaky":0,"carried":0,"failed":1,"cancelled":0,"undecided":0,"attempts":1,
     "tests":{"passed":0,"failed":1,"skipped":0,"flaky":0},"slots":1,"makespan":1,"bound":1,"slot_time":1,
     "longest":null,"overhead_per_spec":null,"forecast_error":null,"forecasts":0}')"#;

/// Runs and history from before there were attempts of a build are its first attempts, and still forecast.
#[tokio::test]
async fn what_the_first_version_knew_is_known() {
    let Some(server) = shared() else { return };
    let url = server.database().await;
    tell(&url, FIRST).await;
    tell(&url, HELD).await;
    let mut hasher = blake3::Hasher::new();
    for name in ["shop", "e2e", "anything", "a.ts"] {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
    }
    let digest = &hasher.finalize().to_hex()[..32];
    let history = format!(
        "INSERT INTO series VALUES ('\\x{digest}', 'shop', 'e2e', 'anything', 'a.ts');
         INSERT INTO history (series, at, duration_ms, spec, attempt, counts, verdict, run)
         VALUES ('\\x{digest}', 1500, 700, 0, 1, true, 'failed', 'run_00000000000000000000000001')"
    );
    tell(&url, &history).await;

    let store = PostgresStore::connect(&url).await.expect("a store that was brought up to date");
    let filter = RunFilter { build: Some("7".to_owned()), ..RunFilter::newest(10) };
    let rows = store.runs(&filter).await.expect("runs");
    assert_eq!((rows.len(), rows[0].attempt, rows[0].source.ci.as_str()), (1, 1, ""));
    let known = store.history(&[key("shop", "a.ts")], 5).await.expect("a history").remove(0);
    assert_eq!(known.last, Some(AttemptVerdict::Failed));
    let sample = known.samples[0];
    assert_eq!((sample.sample.duration, sample.sample.tests, sample.batched), (Millis(700), None, false));
    let realm = Realm::mesh();
    let term = term(&store, &realm).await;
    store.commit(&realm, term, &[Ledger::new(2, "shop").opened()]).await.expect("and it goes on");
    store.close().await;
}
