//! Several processes on one file, and processes that are killed.

use super::child::{BATCH, Helper};
use crate::fixture::{Ledger, key, read_all};
use part_core::RunId;
use part_store::{HISTORY_PER_SPEC, HistoryQuery, Realm, SqliteStore, Store};
use std::fs;
use std::path::Path;

/// Reads what is stored and checks that it consists of whole batches. Returns the last number of each run.
async fn check(path: &Path) -> Vec<(RunId, u64)> {
    let store = SqliteStore::open(path).await.expect("a store that recovers");
    let mut found = Vec::new();
    for run in store.unfinished(&Realm::mesh()).await.expect("runs") {
        let entries = read_all(&store, run, 1000).await;
        assert_eq!((entries.len() as u64 - 1) % BATCH, 0, "half a batch in {}", path.display());
        let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (1..=entries.len() as u64).collect::<Vec<_>>());
        let row = store.run_row(run).await.expect("a row").expect("the run");
        assert_eq!(row.progress.last_number, entries.len() as u64);
        found.push((run, entries.len() as u64));
    }
    let query = HistoryQuery { project: None, spec: "*".to_owned(), limit: 1000 };
    let rows = store.history_rows(&query).await.expect("rows").len() as u64;
    let committed: u64 = found.iter().map(|(_, last)| last - 1).sum();
    assert_eq!(rows, committed.min(1000));
    store.close().await;
    found
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part.db");
    for round in 0..6u64 {
        let mut child = Helper::start("commit", folder.path(), &[]).expect("a child");
        child.go();
        let mut acknowledged = (0, 0);
        // Round 0 is killed while the tables are being made, the others somewhere in a commit.
        if round == 0 {
            child.said("opening").expect("a child that opens the store");
        }
        let mut hear = |child: &mut Helper| {
            let text = child.said("acknowledged ")?;
            let (term, number) = text.split_once(' ')?;
            acknowledged = (term.parse::<u64>().ok()?, number.parse::<u64>().ok()?);
            Some(())
        };
        for _ in 0..round * 7 {
            hear(&mut child).expect("a child that commits");
        }
        child.kill();
        while hear(&mut child).is_some() {}
        child.wait();

        cut_the_log(folder.path(), round).await;
        let found = check(&path).await;
        if round > 0 {
            let run = RunId(u128::from(acknowledged.0));
            let stored = found.iter().find(|(id, _)| *id == run).map_or(0, |(_, last)| *last);
            // The batch in flight may have been recorded: nobody was told, and nobody was told otherwise.
            let whole = [acknowledged.1, acknowledged.1 + BATCH];
            assert!(whole.contains(&stored), "{stored} recorded, {} acknowledged", acknowledged.1);
        }
    }
}

/// Opens copies of the files whose log ends early or in rubbish, as after a power cut: whole batches are left.
async fn cut_the_log(folder: &Path, round: u64) {
    let log = fs::read(folder.join("part.db-wal")).unwrap_or_default();
    for part in 0..4 {
        let copy = tempfile::tempdir().expect("a folder");
        let path = copy.path().join("part.db");
        if fs::copy(folder.join("part.db"), &path).is_err() {
            return;
        }
        let keep = log.len() * part / 4 + (round as usize * 997 + part * 31) % 4096;
        let mut cut = log[..keep.min(log.len())].to_vec();
        cut.resize(cut.len() + part * 3000, 0xa5);
        fs::write(copy.path().join("part.db-wal"), cut).expect("a log");
        check(&path).await;
    }
}

#[tokio::test]
async fn processes_that_start_at_once_share_one_new_file() {
    const PROCESSES: usize = 5;
    let folder = tempfile::tempdir().expect("a folder");
    let mut children: Vec<Helper> =
        (0..PROCESSES).map(|_| Helper::start("start", folder.path(), &[]).expect("a child")).collect();
    for child in &mut children {
        child.said("ready").expect("a child that is ready");
    }
    for child in &mut children {
        child.go();
    }
    let mut runs = Vec::new();
    for child in &mut children {
        let own = child.said("done ").expect("a child that did its work");
        runs.push(Ledger::new(own.parse().expect("a number"), "shop").run);
        assert!(child.wait().success());
    }
    let store = SqliteStore::open(folder.path().join("new/part.db")).await.expect("a store");
    for run in runs {
        assert_eq!(read_all(&store, run, 100).await.len(), 21);
    }
    assert_eq!(store.realms().await.expect("realms").len(), PROCESSES);
    let samples = store.history(&[key("shop", "a.ts")], HISTORY_PER_SPEC).await.expect("a history");
    assert_eq!(samples.first().map(|known| known.samples.len()), Some(HISTORY_PER_SPEC));
}
