//! Runs as lists show them.

use super::factory::Factory;
use crate::fixture::{Ledger, term};
use part_core::{
    AttemptVerdict, Millis, Record, RunId, RunSummary, RunVerdict, SpecIndex, SpecVerdict, SubmissionId,
};
use part_store::{CommitError, Realm, RunCounts, RunFilter, RunPhase, Submitted};

pub(crate) async fn a_run_row_follows_its_ledger(factory: &impl Factory) {
    let store = factory.store().await;
    let (realm, mut ledger) = (Realm::local("a"), Ledger::new(1, "shop"));
    let term = term(&*store, &realm).await;
    let decided =
        |spec, verdict| Record::SpecDecided { spec: SpecIndex(spec), verdict, because: String::new() };
    let row = || async { store.run_row(RunId(1)).await.expect("a row").expect("the run") };
    assert_eq!(store.run_row(RunId(1)).await.expect("no row"), None);

    let batch = [ledger.opened(), ledger.specs(&["a", "b", "c", "d", "e"], 1), ledger.sealed()];
    store.commit(&realm, term, &batch).await.expect("a commit");
    let opened = row().await;
    assert_eq!((opened.id, &opened.realm, opened.submission), (RunId(1), &realm, SubmissionId(1)));
    assert_eq!((opened.project.as_str(), opened.build.as_str(), opened.attempt), ("shop", "build-1", 1));
    assert_eq!((opened.source.url.as_str(), opened.source.ci.as_str()), ("https://ci/1", "some CI"));
    assert_eq!((opened.source.branch.as_str(), opened.source.commit.as_str()), ("main", "c0ffee"));
    assert_eq!((opened.source.user.as_str(), opened.source.host.as_str()), ("user", "host"));
    assert_eq!((opened.source.rerun_of, opened.opened_at), (Some(RunId(7)), batch[0].at));
    let counts = RunCounts { specs: 5, passed: 1, carried: 1, ..RunCounts::default() };
    assert_eq!((opened.progress.last_number, opened.progress.counts), (3, counts));

    let batch = [
        ledger.entry(decided(1, SpecVerdict::Passed { flaky: true })),
        ledger.entry(decided(2, SpecVerdict::NotPassed(AttemptVerdict::TimedOut))),
        ledger.cancelled(),
        ledger.entry(decided(3, SpecVerdict::Cancelled)),
    ];
    store.commit(&realm, term, &batch).await.expect("a commit");
    let before = row().await.progress;
    let counts = RunCounts { specs: 5, passed: 2, flaky: 1, carried: 1, failed: 1, cancelled: 1 };
    assert_eq!((before.counts, before.cancelling, before.finished), (counts, true, None));

    // The summary knows of the spec that was cancelled while it waited.
    let summary = RunSummary {
        specs: 5,
        passed: 2,
        flaky: 1,
        carried: 1,
        failed: 1,
        cancelled: 2,
        longest: Some(("a".to_owned(), Millis(7))),
        // A float that comes back a little different unless it is read with care.
        forecast_error: Some(31.245_270_191_439_438),
        ..RunSummary::default()
    };
    let end = ledger.finished(RunVerdict::Cancelled, summary.clone());
    store.commit(&realm, term, std::slice::from_ref(&end)).await.expect("a commit");
    // Evidence that comes later moves the ledger and nothing else.
    let late = ledger.entry(Record::AttemptSuperseded {
        attempt: part_core::AttemptId { run: ledger.run, spec: SpecIndex(2), number: 1 },
        verdict: AttemptVerdict::Passed,
    });
    store.commit(&realm, term, &[late]).await.expect("a commit");
    let after = row().await.progress;
    let finished = after.finished.expect("the end");
    assert_eq!((finished.at, finished.verdict, finished.summary), (end.at, RunVerdict::Cancelled, summary));
    assert_eq!((after.counts, after.last_number), (RunCounts { cancelled: 2, ..counts }, 9));
}

pub(crate) async fn prefixes_find_runs(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    // The low half of the number comes first in the text.
    let runs = [1u128 << 40, (1 << 40) + (1 << 64), 1 << 63, 3 << 62];
    for run in runs {
        store.commit(&realm, term, &[Ledger::new(run, "shop").opened()]).await.expect("a commit");
    }
    let mut all: Vec<RunId> = runs.into_iter().map(RunId).collect();
    all.sort_by_key(RunId::to_string);
    assert_eq!(store.find_runs("run_", 10).await.expect("runs"), all);
    assert_eq!(store.find_runs("run_", 2).await.expect("runs"), all[..2]);
    for run in &all {
        assert_eq!(store.find_runs(&run.to_string(), 2).await.expect("a run"), [*run]);
    }
    // The first two differ only in their last digits.
    let common = RunId(1 << 40).short();
    assert_eq!(RunId((1 << 40) + (1 << 64)).short(), common);
    assert_eq!(store.find_runs(&common, 10).await.expect("runs").len(), 2);
    assert_eq!(store.find_runs("run_zzz", 10).await.expect("runs"), []);
    assert_eq!(store.find_runs("run_%", 10).await.expect("runs"), []);
}

pub(crate) async fn runs_are_listed_newest_first_in_pages(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    // Ids fall while time goes on: the order is that of opening.
    for number in 0..30u128 {
        let project = if number % 3 == 0 { "docs" } else { "shop" };
        let mut ledger = Ledger::new(1000 - number, project);
        let mut batch = vec![ledger.opened()];
        if number % 2 == 0 {
            batch.push(ledger.finished(RunVerdict::Passed, RunSummary::default()));
        }
        store.commit(&realm, term, &batch).await.expect("a commit");
    }
    let listed = |filter: RunFilter| {
        let store = store.clone();
        async move {
            let rows = store.runs(&filter).await.expect("runs");
            rows.into_iter().map(|row| 1000 - row.id.0).collect::<Vec<_>>()
        }
    };
    let every = |wanted: &dyn Fn(&u128) -> bool| (0..30u128).rev().filter(wanted).collect::<Vec<_>>();
    assert_eq!(listed(RunFilter::newest(100)).await, every(&|_| true));
    assert_eq!(listed(RunFilter::newest(0)).await, Vec::<u128>::new());

    let docs = Some("docs".to_owned());
    let project = RunFilter { project: docs.clone(), ..RunFilter::newest(100) };
    assert_eq!(listed(project.clone()).await, every(&|n| n % 3 == 0));
    let finished = RunFilter { phase: Some(RunPhase::Finished), ..project };
    assert_eq!(listed(finished).await, every(&|n| n % 6 == 0));
    let unfinished = RunFilter { phase: Some(RunPhase::Unfinished), ..RunFilter::newest(4) };
    assert_eq!(listed(unfinished).await, [29, 27, 25, 23]);
    let none = RunFilter { project: Some("other".to_owned()), ..RunFilter::newest(10) };
    assert_eq!(listed(none).await, Vec::<u128>::new());

    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page = listed(RunFilter { before, ..RunFilter::newest(7) }).await;
        let Some(last) = page.last() else { break };
        before = Some(RunId(1000 - last));
        paged.extend(page);
    }
    assert_eq!(paged, every(&|_| true));
    let unknown = RunFilter { before: Some(RunId(5)), ..RunFilter::newest(7) };
    assert_eq!(listed(unknown).await, Vec::<u128>::new());
}

pub(crate) async fn unfinished_runs_and_submissions_are_found(factory: &impl Factory) {
    let store = factory.store().await;
    let (realm, other) = (Realm::mesh(), Realm::local("a"));
    let terms = (term(&*store, &realm).await, term(&*store, &other).await);
    let mut ledgers: Vec<Ledger> = (1..=3).rev().map(|run| Ledger::new(run, "shop")).collect();
    for ledger in &mut ledgers {
        let opened = ledger.opened_by(SubmissionId(u128::MAX - ledger.run.0));
        store.commit(&realm, terms.0, &[opened]).await.expect("a commit");
    }
    store.commit(&other, terms.1, &[Ledger::new(9, "shop").opened()]).await.expect("a commit");
    assert_eq!(store.unfinished(&realm).await.expect("runs"), [RunId(3), RunId(2), RunId(1)]);
    let end = ledgers[1].finished(RunVerdict::Failed, RunSummary::default());
    store.commit(&realm, terms.0, &[end]).await.expect("a commit");
    assert_eq!(store.unfinished(&realm).await.expect("runs"), [RunId(3), RunId(1)]);
    assert_eq!(store.unfinished(&other).await.expect("runs"), [RunId(9)]);
    assert_eq!(store.unfinished(&Realm::local("z")).await.expect("runs"), []);

    for run in 1..=3 {
        let found = store.submission(SubmissionId(u128::MAX - run)).await.expect("a run");
        assert_eq!(found, Some(Submitted { run: RunId(run), number: 1 }));
    }
    assert_eq!(store.submission(SubmissionId(0)).await.expect("no run"), None);
}

pub(crate) async fn attempts_of_a_build_are_listed(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let builds = [("shop", "7", 1), ("docs", "7", 1), ("shop", "7", 2), ("shop", "8", 1), ("shop", "7", 3)];
    for (run, (project, build, attempt)) in (1..).zip(builds) {
        let mut ledger = Ledger::new(run, project);
        let mut batch = vec![ledger.opened_as(build, attempt)];
        if attempt < 3 {
            batch.push(ledger.finished(RunVerdict::Failed, RunSummary::default()));
        }
        store.commit(&realm, term, &batch).await.expect("a commit");
    }
    let listed = async |project: Option<&str>, build: &str, phase, before| {
        let (project, build) = (project.map(str::to_owned), Some(build.to_owned()));
        let filter = RunFilter { project, build, phase, before, limit: 10 };
        let rows = store.runs(&filter).await.expect("runs");
        rows.into_iter().map(|row| (row.id.0, row.attempt)).collect::<Vec<_>>()
    };
    assert_eq!(listed(Some("shop"), "7", None, None).await, [(5, 3), (3, 2), (1, 1)]);
    assert_eq!(listed(None, "7", None, None).await, [(5, 3), (3, 2), (2, 1), (1, 1)]);
    assert_eq!(listed(Some("docs"), "8", None, None).await, []);
    let (finished, third) = (Some(RunPhase::Finished), Some(RunId(3)));
    assert_eq!(listed(Some("shop"), "7", finished, None).await, [(3, 2), (1, 1)]);
    assert_eq!(listed(Some("shop"), "7", None, third).await, [(1, 1)]);
    let newest = RunFilter { build: Some("7".to_owned()), ..RunFilter::newest(1) };
    assert_eq!(store.runs(&newest).await.expect("runs")[0].id, RunId(5));
}

pub(crate) async fn submissions_that_join_a_run_are_found(factory: &impl Factory) {
    let (store, other) = (factory.store().await, factory.store().await);
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let mut ledger = Ledger::new(1, "shop");
    let (join, again) = (SubmissionId(77), SubmissionId(78));
    let batch = [ledger.opened(), ledger.sealed(), ledger.joined(join), ledger.sealed()];
    store.commit(&realm, term, &batch).await.expect("a commit");
    let batch = [ledger.joined(again), ledger.sealed()];
    store.commit(&realm, term, &batch).await.expect("a commit");
    let found = async |submission| other.submission(submission).await.expect("an answer");
    let at = |number| Some(Submitted { run: RunId(1), number });
    assert_eq!((found(SubmissionId(1)).await, found(join).await, found(again).await), (at(1), at(3), at(5)));

    // A number makes one thing only, whichever came first.
    let mut second = Ledger::new(2, "shop");
    for taken in
        [vec![second.opened_by(join)], vec![ledger.joined(SubmissionId(1))], vec![ledger.joined(again)]]
    {
        let error = store.commit(&realm, term, &taken).await.expect_err("it is taken");
        assert!(matches!(error, CommitError::Misfit { .. }), "{error}");
        ledger.number = 6;
    }
    let twice = [ledger.joined(SubmissionId(5)), ledger.sealed(), ledger.joined(SubmissionId(5))];
    store.commit(&realm, term, &twice).await.expect_err("twice in one batch");
    ledger.number = 6;
    assert_eq!((found(SubmissionId(5)).await, found(join).await), (None, at(3)));

    // One that was dropped may come again; one that comes and is dropped at once leaves nothing.
    let drop = ledger.entry(Record::SubmissionDropped);
    store.commit(&realm, term, &[drop]).await.expect("a commit");
    assert_eq!((found(again).await, found(join).await), (None, at(3)));
    let batch =
        [ledger.joined(SubmissionId(6)), ledger.entry(Record::SubmissionDropped), ledger.joined(again)];
    store.commit(&realm, term, &batch).await.expect("a commit");
    assert_eq!((found(again).await, found(SubmissionId(6)).await), (at(10), None));

    let end = [ledger.sealed(), ledger.finished(RunVerdict::Passed, RunSummary::default())];
    store.commit(&realm, term, &end).await.expect("a commit");
    assert!(store.forget_run(RunId(1)).await.expect("an answer"));
    assert_eq!((found(SubmissionId(1)).await, found(join).await, found(again).await), (None, None, None));
}
