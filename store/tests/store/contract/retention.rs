//! Which blobs runs need, and forgetting runs.

use super::factory::Factory;
use crate::fixture::{Ledger, key, read_all, term};
use part_core::{
    Artifact, AttemptId, AttemptVerdict, Entry, Finish, Output, Record, RunId, RunPolicy, RunSummary,
    RunVerdict, Shipped, Source, SpecIndex, SubmissionId, Timestamp, Workspace,
};
use part_store::{Digest, HistoryQuery, Realm, RunFilter};

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn shipped(ledger: &mut Ledger, manifest: &str) -> Entry {
    let shipped = Shipped { manifest: manifest.to_owned(), files: 2, bytes: 1 << 40, setup: Vec::new() };
    let submission = SubmissionId(ledger.run.0);
    ledger.entry(Record::RunOpened {
        submission,
        project: "shop".to_owned(),
        build: "1".to_owned(),
        source: Source::default(),
        workspace: Workspace::Shipped(Box::new(shipped)),
        policy: RunPolicy::default(),
        content: None,
        attempt: 1,
        joinable: false,
    })
}

/// An attempt with an output of `total - dropped` bytes in the blob store, and artifacts.
fn ended(
    ledger: &mut Ledger,
    number: u32,
    output: &str,
    sizes: (u64, u64),
    artifacts: &[(&str, u64)],
) -> Entry {
    let mut finish = Finish::declared(AttemptVerdict::Failed, "");
    let blob = Some(digest(output).to_string());
    finish.output = Output { total_bytes: sizes.0, dropped_bytes: sizes.1, inline: None, blob };
    let artifact = |(name, bytes): &(&str, u64)| Artifact {
        path: format!("{name}.png"),
        bytes: *bytes,
        digest: digest(name).to_string(),
    };
    finish.artifacts = artifacts.iter().map(artifact).collect();
    let attempt = AttemptId { run: ledger.run, spec: SpecIndex(0), number };
    ledger.entry(Record::AttemptFinished {
        attempt,
        finish: Box::new(finish),
        key: key("shop", "a.ts"),
        counts: true,
        corrected: None,
    })
}

fn finished(ledger: &mut Ledger, at: u64) -> Entry {
    let entry = ledger.finished(RunVerdict::Failed, RunSummary::default());
    Entry { at: Timestamp(at), ..entry }
}

pub(crate) async fn blobs_are_needed_until_their_last_run_is_forgotten(factory: &impl Factory) {
    let (store, other) = (factory.store().await, factory.store().await);
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let (mut one, mut two) = (Ledger::new(1, "shop"), Ledger::new(2, "shop"));
    let first = [
        shipped(&mut one, &digest("manifest").to_string()),
        ended(&mut one, 1, "output", (1000, 400), &[("both", 10), ("one", 20), ("one", 20)]),
        ended(&mut one, 2, "output", (1000, 400), &[("one", 20)]),
        finished(&mut one, 5000),
    ];
    let second = [
        shipped(&mut two, &digest("manifest").to_string()),
        ended(&mut two, 1, "tiny", (1, 9), &[("both", 10)]),
        finished(&mut two, 6000),
    ];
    store.commit(&realm, term, &first[..3]).await.expect("a commit");
    assert_eq!(store.blob_usage().await.expect("bytes"), 600 + 10 + 20);
    // Both runs in one batch.
    store.commit(&realm, term, &[&first[3..], &second].concat()).await.expect("a commit");
    assert_eq!(other.blob_usage().await.expect("bytes"), 600 + 10 + 20, "each blob once");
    let digests = ["nobody's", "output", "both", "one", "tiny", "manifest", "both"].map(digest);
    let referenced = async || other.referenced(&digests).await.expect("answers");
    assert_eq!(referenced().await, [false, true, true, true, true, true, true]);
    assert_eq!(other.manifests(None, 10).await.expect("manifests"), [digest("manifest")]);

    assert!(store.forget_run(one.run).await.expect("an answer"));
    assert_eq!(referenced().await, [false, false, true, false, true, true, true]);
    assert_eq!(other.blob_usage().await.expect("bytes"), 10);
    assert_eq!(other.manifests(None, 10).await.expect("manifests"), [digest("manifest")]);
    assert!(store.forget_run(two.run).await.expect("an answer"));
    assert_eq!(referenced().await, [false; 7]);
    assert_eq!(other.blob_usage().await.expect("bytes"), 0);
    assert_eq!(other.manifests(None, 10).await.expect("manifests"), []);
    assert_eq!(store.referenced(&[]).await.expect("answers"), [false; 0]);
}

pub(crate) async fn what_workers_claim_about_blobs_does_no_harm(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let mut ledger = Ledger::new(1, "shop");
    let mut odd = ended(&mut Ledger::new(1, "shop"), 1, "x", (u64::MAX, 0), &[]);
    if let Record::AttemptFinished { finish, .. } = &mut odd.record {
        let odd = ["../../etc/passwd", "", "é", "0"].map(str::to_owned);
        let artifact = |digest: String| Artifact { path: "a".to_owned(), bytes: u64::MAX, digest };
        finish.artifacts = odd.into_iter().map(artifact).collect();
        finish.artifacts.extend((0..2000).map(|number| artifact(digest(&number.to_string()).to_string())));
    }
    let batch = [shipped(&mut ledger, "no digest"), Entry { number: 2, ..odd }];
    store.commit(&realm, term, &batch).await.expect("a commit");
    assert!(store.blob_usage().await.expect("a number") >= 2000 << 44);
    assert_eq!(store.manifests(None, 10).await.expect("manifests"), []);
    let many: Vec<Digest> = (0..5000).map(|number: u32| digest(&number.to_string())).collect();
    let referenced = store.referenced(&many).await.expect("answers");
    assert_eq!(referenced.iter().position(|referenced| !referenced), Some(2000));
    assert_eq!(referenced.iter().filter(|referenced| **referenced).count(), 2000);
}

pub(crate) async fn manifests_come_in_pages(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let mut expected: Vec<Digest> = (0..20).map(|number| digest(&number.to_string())).collect();
    for run in 0..40 {
        let manifest = expected[run % 20].to_string();
        let opened = shipped(&mut Ledger::new(run as u128 + 1, "shop"), &manifest);
        store.commit(&realm, term, &[opened]).await.expect("a commit");
    }
    expected.sort();
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let page = store.manifests(after, 7).await.expect("a page");
        let Some(last) = page.last() else { break };
        after = Some(*last);
        read.extend(page);
    }
    assert_eq!(read, expected);
    assert_eq!(store.manifests(None, 0).await.expect("a page"), []);
}

pub(crate) async fn a_submission_that_joins_brings_its_own_workspace(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let mut ledger = Ledger::new(1, "shop");
    let mut joined = |manifest: &str, submission| {
        let shipped = shipped(&mut Ledger::new(9, ""), &digest(manifest).to_string());
        let Record::RunOpened { workspace, .. } = shipped.record else { unreachable!("it opens a run") };
        ledger.joined_with(SubmissionId(submission), workspace)
    };
    let (same, other) = (joined("one", 2), joined("two", 3));
    let mut ledger = Ledger::new(1, "shop");
    let opened = shipped(&mut ledger, &digest("one").to_string());
    let entries = [opened, Entry { number: 2, ..same }, Entry { number: 3, ..other }];
    store.commit(&realm, term, &entries).await.expect("a commit");
    let mut expected = [digest("one"), digest("two")];
    expected.sort();
    assert_eq!(store.manifests(None, 10).await.expect("manifests"), expected);
    ledger.number = 3;
    store.commit(&realm, term, &[finished(&mut ledger, 5000)]).await.expect("a commit");
    assert!(store.forget_run(RunId(1)).await.expect("an answer"));
    assert_eq!(store.manifests(None, 10).await.expect("manifests"), []);
}

pub(crate) async fn finished_runs_are_forgotten_and_their_history_stays(factory: &impl Factory) {
    let (store, other) = (factory.store().await, factory.store().await);
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    // Opened in one order, finished in another; the last one is not finished.
    let ends = [(1, Some(7000)), (2, Some(5000)), (3, Some(6000)), (4, Some(5000)), (5, None)];
    for (run, end) in ends {
        let mut ledger = Ledger::new(run, "shop");
        let mut batch = vec![ledger.opened(), ledger.ended("a.ts", 1, 100, AttemptVerdict::Passed)];
        batch.extend(end.map(|at| finished(&mut ledger, at)));
        store.commit(&realm, term, &batch).await.expect("a commit");
    }
    let runs = |numbers: &[u128]| numbers.iter().copied().map(RunId).collect::<Vec<_>>();
    assert_eq!(other.oldest_finished(10).await.expect("runs"), runs(&[2, 4, 3, 1]));
    assert_eq!(other.oldest_finished(3).await.expect("runs"), runs(&[2, 4, 3]));
    assert_eq!(other.expired(Timestamp(6000), 10).await.expect("runs"), runs(&[2, 4]));
    assert_eq!(other.expired(Timestamp(6001), 1).await.expect("runs"), runs(&[2]));
    assert_eq!(other.expired(Timestamp(5000), 10).await.expect("runs"), []);
    assert_eq!(other.expired(Timestamp(0), 10).await.expect("runs"), []);

    assert!(!store.forget_run(RunId(5)).await.expect("an answer"), "it is not finished");
    assert!(!store.forget_run(RunId(6)).await.expect("an answer"), "it is unknown");
    assert_eq!(read_all(&*other, RunId(5), 10).await.len(), 2);
    assert!(store.forget_run(RunId(4)).await.expect("an answer"));
    assert!(!store.forget_run(RunId(4)).await.expect("an answer"), "it is gone");
    assert_eq!(other.run_row(RunId(4)).await.expect("no row"), None);
    assert_eq!(read_all(&*other, RunId(4), 10).await, []);
    assert_eq!(other.submission(SubmissionId(4)).await.expect("no run"), None);
    assert_eq!(other.find_runs("run_", 10).await.expect("runs").len(), 4);
    let listed = other.runs(&RunFilter::newest(10)).await.expect("runs");
    assert_eq!(listed.into_iter().map(|row| row.id).collect::<Vec<_>>(), runs(&[5, 3, 2, 1]));
    let before = RunFilter { before: Some(RunId(3)), ..RunFilter::newest(10) };
    assert_eq!(other.runs(&before).await.expect("runs").len(), 2);
    assert_eq!(other.oldest_finished(10).await.expect("runs"), runs(&[2, 3, 1]));
    assert_eq!(other.unfinished(&realm).await.expect("runs"), runs(&[5]));
    let query = HistoryQuery { project: None, spec: "*".to_owned(), limit: 10 };
    assert_eq!(other.history_rows(&query).await.expect("rows").len(), 5, "its attempts stay in the history");
    let samples = other.history(&[key("shop", "a.ts")], 20).await.expect("a history");
    assert_eq!(samples[0].samples.len(), 5);

    // What comes for it later does not fit, and its place is free for another.
    let mut ledger = Ledger::new(4, "shop");
    ledger.number = 3;
    let late = store.commit(&realm, term, &[ledger.sealed()]).await.expect_err("a misfit").to_string();
    assert!(late.contains("never opened"), "{late}");
    let opened = Ledger::new(4, "shop").opened();
    store.commit(&realm, term, &[opened]).await.expect("a commit");
    assert_eq!(other.runs(&RunFilter::newest(1)).await.expect("runs")[0].id, RunId(4));
}
