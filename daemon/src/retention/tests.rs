//! Passes over stores in memory, with the time as an argument.

use super::report::{RetentionReport, RetentionSummary};
use super::task::Retention;
use crate::config::Retention as Limits;
use bytes::Bytes;
use futures::TryStreamExt;
use part_core::{
    AttemptId, AttemptVerdict, Entry, Finish, HistoryKey, Output, Record, RunId, RunPolicy, RunSummary,
    RunVerdict, Shipped, Source, SpecIndex, SubmissionId, Term, Timestamp, Workspace,
};
use part_store::{
    BlobStore, Digest, Durability, Holder, MemoryBlobs, MemoryStore, PutOptions, Realm, Shelf, Store,
    put_bytes, read_to_end,
};
use part_workspace::{Entry as File, Kind, Manifest};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HOUR: u64 = 3_600_000;
const NEVER: Limits = Limits { runs: None, blobs: None };

/// A mesh's stores, with the clock at the moment that blobs are put at.
struct Stage {
    store: MemoryStore,
    blobs: MemoryBlobs,
    term: Term,
    now: Timestamp,
}

impl Stage {
    async fn new() -> Stage {
        let store = MemoryStore::new();
        let holder = Holder("a test".to_owned());
        let term = store.begin_term(&Realm::mesh(), &holder, Term(0)).await.expect("a term");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() as u64;
        Stage { store, blobs: MemoryBlobs::new(), term, now: Timestamp(now) }
    }

    fn retention(&self, limits: Limits) -> Retention {
        let report = RetentionReport::default();
        Retention::new(Arc::new(self.store.clone()), Arc::new(self.blobs.clone()), limits, report)
    }

    fn in_hours(&self, hours: u64) -> Timestamp {
        Timestamp(self.now.0 + hours * HOUR)
    }

    async fn put(&self, content: &'static str) -> Digest {
        self.put_bytes(Bytes::from_static(content.as_bytes())).await
    }

    async fn put_bytes(&self, content: Bytes) -> Digest {
        let options = PutOptions { expected: None, limit: 1 << 20, durability: Durability::Lazy };
        put_bytes(&self.blobs, content, options).await.expect("a blob").digest
    }

    /// A manifest of one file.
    async fn put_manifest(&self, digest: Digest) -> Digest {
        let file =
            Kind::File { digest: part_workspace::Digest(*digest.as_bytes()), bytes: 1, executable: false };
        let manifest = Manifest::new(vec![File { path: "file".to_owned(), kind: file }]).expect("a manifest");
        self.put_bytes(manifest.to_bytes().into()).await
    }

    /// Opens a run, lets an attempt end that left an output, and finishes the run at that hour, if at all.
    async fn run(
        &self,
        number: u128,
        manifest: Option<Digest>,
        output: Option<(Digest, u64)>,
        end: Option<u64>,
    ) {
        let run = RunId(number);
        let workspace = match manifest {
            Some(manifest) => Workspace::Shipped(Box::new(Shipped {
                manifest: manifest.to_string(),
                files: 1,
                bytes: 1,
                setup: Vec::new(),
            })),
            None => Workspace::InPlace("/nowhere".to_owned()),
        };
        let mut records = vec![Record::RunOpened {
            submission: SubmissionId(number),
            project: "shop".to_owned(),
            build: "1".to_owned(),
            source: Source::default(),
            workspace,
            policy: RunPolicy::default(),
            content: None,
            attempt: 1,
            joinable: false,
        }];
        if let Some((digest, total_bytes)) = output {
            let mut finish = Finish::declared(AttemptVerdict::Passed, "");
            finish.output = Output { total_bytes, blob: Some(digest.to_string()), ..Output::default() };
            let attempt = AttemptId { run, spec: SpecIndex(0), number: 1 };
            let [project, suite, class, spec] = ["shop", "e2e", "anything", "a"].map(str::to_owned);
            let key = HistoryKey { project, suite, class, spec };
            records.push(Record::AttemptFinished {
                attempt,
                finish: Box::new(finish),
                key,
                counts: false,
                corrected: None,
            });
        }
        if end.is_some() {
            let summary = Box::new(RunSummary::default());
            records.push(Record::RunFinished { verdict: RunVerdict::Passed, summary });
        }
        let at = self.in_hours(end.unwrap_or_default());
        let entry = |(place, record)| Entry { run, number: place as u64 + 1, at, record };
        let entries: Vec<Entry> = records.into_iter().enumerate().map(entry).collect();
        self.store.commit(&Realm::mesh(), self.term, &entries).await.expect("a commit");
    }

    async fn runs(&self) -> Vec<u128> {
        let mut known = Vec::new();
        for number in 1..10 {
            if self.store.run_row(RunId(number)).await.expect("an answer").is_some() {
                known.push(number);
            }
        }
        known
    }

    async fn shelf(&self, shelf: Shelf) -> Vec<Digest> {
        let mut listed: Vec<_> =
            self.blobs.list(shelf).map_ok(|entry| entry.digest).try_collect().await.expect("a listing");
        listed.sort();
        listed
    }
}

fn sorted<const N: usize>(mut digests: [Digest; N]) -> Vec<Digest> {
    digests.sort();
    digests.to_vec()
}

#[tokio::test]
async fn finished_runs_go_by_age() {
    let stage = Stage::new().await;
    for (number, end) in [(1, Some(1)), (2, Some(10)), (3, Some(30)), (4, None)] {
        stage.run(number, None, None, end).await;
    }
    let mut retention = stage.retention(Limits { runs: Some(Duration::from_secs(24 * 3600)), blobs: None });
    assert_eq!(retention.pass(stage.in_hours(20)).await.runs_forgotten, 0);
    assert_eq!(retention.pass(stage.in_hours(40)).await.runs_forgotten, 2);
    assert_eq!(stage.runs().await, [3, 4]);
    assert_eq!(retention.pass(stage.in_hours(1000)).await.runs_forgotten, 1);
    assert_eq!(stage.runs().await, [4], "an unfinished run is never forgotten");
    assert_eq!(stage.retention(NEVER).pass(stage.in_hours(1000)).await.runs_forgotten, 0);
}

#[tokio::test]
async fn the_oldest_finished_runs_go_while_all_are_too_large() {
    let stage = Stage::new().await;
    for (number, content, end) in [(1, "a", Some(2)), (2, "b", Some(1)), (3, "c", Some(9)), (4, "d", None)] {
        let output = stage.put(content).await;
        stage.run(number, None, Some((output, 100)), end).await;
    }
    let limits = |blobs| Limits { runs: None, blobs: Some(blobs) };
    assert_eq!(stage.retention(limits(400)).pass(stage.in_hours(12)).await.runs_forgotten, 0);
    assert_eq!(stage.retention(limits(399)).pass(stage.in_hours(12)).await.runs_forgotten, 1);
    assert_eq!(stage.runs().await, [1, 3, 4], "the one that finished first");
    let summary = stage.retention(limits(0)).pass(Timestamp(stage.in_hours(9).0 + HOUR / 2)).await;
    assert_eq!(
        (summary.runs_forgotten, stage.runs().await),
        (1, vec![3, 4]),
        "what just finished is being read"
    );
    assert_eq!(stage.retention(limits(0)).pass(stage.in_hours(12)).await.runs_forgotten, 1);
    assert_eq!(stage.runs().await, [4]);
}

#[tokio::test]
async fn a_blob_goes_in_three_steps_once_nothing_refers_to_it() {
    let stage = Stage::new().await;
    let [output, file, stray] =
        [stage.put("output").await, stage.put("file").await, stage.put("stray").await];
    let manifest = stage.put_manifest(file).await;
    stage.run(1, Some(manifest), Some((output, 6)), Some(0)).await;
    let mut retention = stage.retention(Limits { runs: Some(Duration::from_secs(100 * 3600)), blobs: None });

    let summary = retention.pass(stage.in_hours(23)).await;
    assert_eq!((summary.blobs_retired, summary.error), (0, None), "a run may need it soon");
    let summary = retention.pass(stage.in_hours(25)).await;
    assert_eq!((summary.blobs_retired, summary.error), (1, None));
    assert_eq!(stage.shelf(Shelf::Retired).await, [stray]);
    assert_eq!(stage.shelf(Shelf::Kept).await, sorted([output, file, manifest]));
    let opened = stage.blobs.get(stray, None).await.expect("it can still be read");
    assert_eq!(read_to_end(opened.stream).await.expect("its bytes"), b"stray");

    // Retired blobs have the time of the real clock here.
    assert_eq!(retention.pass(stage.in_hours(23)).await.blobs_deleted, 0);
    let summary = retention.pass(stage.in_hours(50)).await;
    assert_eq!((summary.blobs_deleted, summary.bytes_freed), (1, 5));
    assert_eq!(stage.shelf(Shelf::Retired).await, []);

    // The run goes, and with it all that only it referred to.
    let summary = retention.pass(stage.in_hours(101)).await;
    assert_eq!((summary.runs_forgotten, summary.blobs_retired, summary.bytes_kept), (1, 3, Some(0)));
    assert_eq!(stage.shelf(Shelf::Retired).await, sorted([output, file, manifest]));
    assert_eq!(retention.pass(stage.in_hours(102)).await.blobs_deleted, 3);
    assert_eq!(stage.shelf(Shelf::Kept).await, []);
}

#[tokio::test]
async fn what_a_new_run_needs_comes_back() {
    let stage = Stage::new().await;
    let [file, output, stray] =
        [stage.put("file").await, stage.put("output").await, stage.put("stray").await];
    let manifest = stage.put_manifest(file).await;
    let mut retention = stage.retention(NEVER);
    assert_eq!(retention.pass(stage.in_hours(25)).await.blobs_retired, 4);
    // It was found complete just before the pass.
    stage.run(1, Some(manifest), Some((output, 6)), None).await;
    let summary = retention.pass(stage.in_hours(26)).await;
    assert_eq!((summary.blobs_revived, summary.blobs_deleted, summary.error), (3, 1, None));
    assert_eq!(stage.shelf(Shelf::Kept).await, sorted([file, output, manifest]));
    assert_eq!(stage.blobs.missing(&[stray]).await.expect("an answer"), [stray]);
}

#[tokio::test]
async fn a_manifest_that_is_gone_keeps_nothing_and_stops_nothing() {
    let stage = Stage::new().await;
    let [file, broken] = [stage.put("file").await, stage.put("no manifest at all").await];
    stage.run(1, Some(Digest::of(b"never put")), None, None).await;
    stage.run(2, Some(broken), None, None).await;
    let mut retention = stage.retention(NEVER);
    let summary = retention.pass(stage.in_hours(25)).await;
    assert_eq!((summary.blobs_retired, summary.error), (1, None));
    assert_eq!(stage.shelf(Shelf::Retired).await, [file]);
    assert_eq!(stage.shelf(Shelf::Kept).await, [broken], "a run refers to it, whatever it is");
}

#[tokio::test]
async fn the_last_pass_is_in_the_report() {
    let stage = Stage::new().await;
    stage.put("blob").await;
    let (store, blobs) = (Arc::new(stage.store.clone()), Arc::new(stage.blobs.clone()));
    let report = RetentionReport::default();
    let mut retention = Retention::new(store, blobs, NEVER, report.clone());
    assert_eq!(report.last(), None);
    let summary = retention.pass(stage.now).await;
    assert_eq!(summary, RetentionSummary { at: stage.now, bytes_kept: Some(4), ..Default::default() });
    assert_eq!(report.last(), Some(summary));
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    retention.run(stop).await;
}
