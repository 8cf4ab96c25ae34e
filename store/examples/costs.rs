//! Measures what a store costs on this machine: `cargo run -p part-store --example costs [FOLDER | URL]`.
//!
//! The folder decides the disk of a store in a file; without it the system's folder for temporary files is used.
//! A URL (`postgres://…`) names an empty PostgreSQL database, which is left filled.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use part_core::{
    AttemptId, AttemptVerdict, Entry, Finish, HistoryKey, Millis, Output, Record, RunId, RunPolicy, SlotId,
    Source, SpecIndex, SpecVerdict, SubmissionId, Term, TestCounts, TestOutcome, TestResult, Timestamp,
    Timing, WorkerId, Workspace,
};
use part_store::{
    BlobStore, DiskBlobs, Durability, Holder, PostgresStore, PutOptions, Realm, SqliteStore, Store,
    put_bytes, read_to_end,
};
use sqlx::{Connection, PgConnection};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Entries of one spec: assigned, started, its tests, finished, decided.
const PER_SPEC: usize = 5;
const SPECS: u32 = 10_000;

#[tokio::main]
async fn main() -> Outcome {
    let argument = std::env::args_os().nth(1);
    match argument.as_ref().and_then(|argument| argument.to_str()) {
        Some(url) if url.starts_with("postgres") => server(url).await,
        Some(_) | None => file(argument.map_or_else(std::env::temp_dir, PathBuf::from)).await,
    }
}

async fn file(base: PathBuf) -> Outcome {
    let folder = tempfile::tempdir_in(base)?;
    let path = folder.path().join("part.db");
    let started = Instant::now();
    let store = SqliteStore::open(&path).await?;
    println!("create                       {:>9.2} ms", ms(started.elapsed()));
    let realm = Realm::mesh();
    let term = store.begin_term(&realm, &Holder("{}".to_owned()), Term(0)).await?;
    write(&store, &realm, term).await?;
    println!("file                         {:>9.0} bytes per spec", size(&path) / (3.0 * f64::from(SPECS)));

    read(&store).await?;
    store.close().await;
    let started = Instant::now();
    let store = SqliteStore::open(&path).await?;
    println!("open                         {:>9.2} ms", ms(started.elapsed()));
    store.close().await;
    blobs(folder.path()).await
}

async fn server(url: &str) -> Outcome {
    let mut server = PgConnection::connect(url).await?;
    let started = Instant::now();
    let store = PostgresStore::connect(url).await?;
    println!("create                       {:>9.2} ms", ms(started.elapsed()));
    let started = Instant::now();
    for _ in 0..200 {
        server.ping().await?;
    }
    println!("round trip                   {:>9.3} ms", ms(started.elapsed()) / 200.0);
    let realm = Realm::mesh();
    let term = store.begin_term(&realm, &Holder("{}".to_owned()), Term(0)).await?;
    let log = "SELECT (pg_current_wal_insert_lsn() - '0/0')::FLOAT8";
    let before: f64 = sqlx::query_scalar(log).fetch_one(&mut server).await?;
    write(&store, &realm, term).await?;
    let after: f64 = sqlx::query_scalar(log).fetch_one(&mut server).await?;
    let specs = 3.0 * f64::from(SPECS);
    println!("write-ahead log              {:>9.0} bytes per spec", (after - before) / specs);
    let sizes: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT relname::TEXT, pg_table_size(relid), pg_indexes_size(relid) FROM pg_stat_user_tables \
         WHERE pg_table_size(relid) > 100000 ORDER BY 2 DESC",
    )
    .fetch_all(&mut server)
    .await?;
    for (table, rows, indexes) in sizes {
        let (rows, indexes) = (rows as f64 / specs, indexes as f64 / specs);
        println!("table {table:<12}           {rows:>9.0} bytes per spec, its indexes {indexes:.0}");
    }
    read(&store).await?;
    store.close().await;
    let started = Instant::now();
    let store = PostgresStore::connect(url).await?;
    println!("open                         {:>9.2} ms", ms(started.elapsed()));
    store.close().await;
    Ok(())
}

/// Three runs of many specs each, and commits of a single entry.
async fn write(store: &dyn Store, realm: &Realm, term: Term) -> Outcome {
    for (run, batch) in [(1, 200), (2, 500), (3, 20)] {
        commit(store, realm, term, run, batch).await?;
    }
    let entry = |number| Entry { run: RunId(1), number, at: Timestamp(0), record: Record::RunSealed };
    let last = u64::from(SPECS) * PER_SPEC as u64 + 1;
    let started = Instant::now();
    for number in 1..=200 {
        store.commit(realm, term, &[entry(last + number)]).await?;
    }
    println!("commit of one entry          {:>9.3} ms", ms(started.elapsed()) / 200.0);
    Ok(())
}

async fn commit(store: &dyn Store, realm: &Realm, term: Term, run: u128, batch: usize) -> Outcome {
    let entries = ledger(RunId(run));
    let mut slowest = Duration::ZERO;
    let started = Instant::now();
    for batch in entries.chunks(batch) {
        let one = Instant::now();
        store.commit(realm, term, batch).await?;
        slowest = slowest.max(one.elapsed());
    }
    let took = started.elapsed();
    println!(
        "commit in batches of {batch:<4}    {:>9.1} us per entry, {:.0} entries/s, slowest batch {:.1} ms",
        ms(took) * 1000.0 / entries.len() as f64,
        entries.len() as f64 / took.as_secs_f64(),
        ms(slowest),
    );
    Ok(())
}

async fn read(store: &dyn Store) -> Outcome {
    let started = Instant::now();
    let (mut after, mut count) = (0, 0);
    loop {
        let page = store.entries(RunId(1), after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = last.number;
        count += page.len();
    }
    println!(
        "read in pages of 1000        {:>9.1} us per entry",
        ms(started.elapsed()) * 1000.0 / f64::from(count as u32)
    );

    // Twenty samples for each of the specs.
    let realm = Realm::mesh();
    let term = store.begin_term(&realm, &Holder("{}".to_owned()), Term(0)).await?;
    for run in 10..27 {
        let entries: Vec<Entry> = ledger(RunId(run));
        for batch in entries.chunks(2000) {
            store.commit(&realm, term, batch).await?;
        }
    }
    let keys: Vec<HistoryKey> = (0..SPECS).map(key).collect();
    for _ in 0..3 {
        let started = Instant::now();
        let found = store.history(&keys, 20).await?;
        let samples: usize = found.iter().map(|known| known.samples.len()).sum();
        println!("history of {SPECS} specs       {:>9.1} ms for {samples} samples", ms(started.elapsed()));
    }
    Ok(())
}

async fn blobs(folder: &Path) -> Outcome {
    let blobs = DiskBlobs::open(folder.join("blobs")).await?;
    for durability in [Durability::Synced, Durability::Lazy] {
        let options = PutOptions { expected: None, limit: 1 << 40, durability };
        let started = Instant::now();
        for number in 0..300u32 {
            let content = [number.to_le_bytes().to_vec(), vec![durability as u8; 4092]].concat();
            put_bytes(&blobs, content.into(), options).await?;
        }
        println!("put 4 KiB, {durability:?}            {:>9.3} ms", ms(started.elapsed()) / 300.0);
        let large = vec![durability as u8; 128 << 20];
        let started = Instant::now();
        let put = put_bytes(&blobs, large.into(), options).await?;
        println!(
            "put 128 MiB, {durability:?}          {:>9.0} MiB/s",
            128.0 / started.elapsed().as_secs_f64()
        );
        let started = Instant::now();
        let read = read_to_end(blobs.get(put.digest, None).await?.stream).await?;
        println!(
            "get {} MiB, checked        {:>9.0} MiB/s",
            read.len() >> 20,
            128.0 / started.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn key(spec: u32) -> HistoryKey {
    HistoryKey {
        project: "shop".to_owned(),
        suite: "e2e".to_owned(),
        class: "browser.chromium>=120 and os=linux".to_owned(),
        spec: format!("e2e/admin/orders/spec-{spec:05}.spec.ts"),
    }
}

fn ledger(run: RunId) -> Vec<Entry> {
    let mut records = vec![Record::RunOpened {
        submission: SubmissionId(run.0),
        project: "shop".to_owned(),
        build: "1".to_owned(),
        source: Source::default(),
        workspace: Workspace::InPlace("/workspace".to_owned()),
        policy: RunPolicy::default(),
        content: None,
        attempt: 1,
        joinable: false,
    }];
    for spec in 0..SPECS {
        let attempt = AttemptId { run, spec: SpecIndex(spec), number: 1 };
        let mut finish = Finish::declared(AttemptVerdict::Passed, "");
        finish.timing =
            Timing { setup: Millis(20), run: Millis(1500), tests: Millis(1200), teardown: Millis(9) };
        finish.tests = TestCounts { passed: 3, ..TestCounts::default() };
        finish.output = Output {
            total_bytes: 300,
            inline: Some("ok 1 - adds an order\n".repeat(15)),
            ..Output::default()
        };
        records.extend([
            Record::AttemptAssigned {
                attempt,
                worker: WorkerId("worker-1".to_owned()),
                slot: SlotId(spec % 8),
                forecast: Some(Millis(1500)),
                batch: None,
                why: None,
            },
            Record::AttemptStarted { attempt },
            Record::TestsReported { attempt, batch: 0, tests: (0..3).map(test).collect() },
            Record::AttemptFinished {
                attempt,
                finish: Box::new(finish),
                key: key(spec),
                counts: true,
                corrected: None,
            },
            Record::SpecDecided {
                spec: SpecIndex(spec),
                verdict: SpecVerdict::Passed { flaky: false },
                because: String::new(),
            },
        ]);
    }
    let at = |number: usize| Timestamp(1_700_000_000_000 + run.0 as u64 * 1_000_000 + number as u64);
    let entry = |(place, record)| Entry { run, number: place as u64 + 1, at: at(place), record };
    records.into_iter().enumerate().map(entry).collect()
}

fn test(number: u32) -> TestResult {
    TestResult {
        id: format!("orders > admin > adds order {number}"),
        name: format!("orders > admin > adds order {number}"),
        outcome: TestOutcome::Passed,
        duration_micros: Some(400_000),
        message: None,
        detail: None,
        output: None,
        retries: 0,
        location: Some("e2e/admin/orders.spec.ts:17".to_owned()),
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn size(path: &Path) -> f64 {
    std::fs::metadata(path).map_or(0.0, |metadata| metadata.len() as f64)
}
