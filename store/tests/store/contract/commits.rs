//! Terms, batches and ledgers.

use super::factory::Factory;
use crate::drive::{self, Plan};
use crate::fixture::{Ledger, read_all, term};
use futures::FutureExt;
use part_core::{AttemptVerdict, Entry, State, SubmissionId, Term};
use part_store::{CommitError, Holder, Realm};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::slice;

fn superseded(result: Result<(), CommitError>) -> (Term, Term) {
    match result {
        Err(CommitError::Superseded { held, current, .. }) => (held, current),
        other => unreachable!("expected a superseded term, got {other:?}"),
    }
}

fn misfit(result: Result<(), CommitError>) -> &'static str {
    match result {
        Err(CommitError::Misfit { what, .. }) => what,
        other => unreachable!("expected a misfit, got {other:?}"),
    }
}

pub(crate) async fn terms_rise_and_fence(factory: &impl Factory) {
    let (old, new) = (factory.store().await, factory.store().await);
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let opened = [ledger.opened()];
    assert_eq!(superseded(old.commit(&realm, Term(1), &opened).await), (Term(1), Term(0)));
    assert_eq!(superseded(old.commit(&realm, Term(0), &[]).await), (Term(0), Term(0)));

    let first = term(&*old, &realm).await;
    old.commit(&realm, first, &opened).await.expect("a commit under the current term");
    let second = term(&*new, &realm).await;
    assert_eq!((first, second), (Term(1), Term(2)));
    let late = [ledger.sealed()];
    assert_eq!(superseded(old.commit(&realm, first, &late).await), (first, second));
    assert_eq!(superseded(old.commit(&realm, first, &[]).await), (first, second));
    assert_eq!(superseded(new.commit(&realm, Term(3), &late).await), (Term(3), second));
    assert_eq!(read_all(&*new, ledger.run, 10).await, opened, "a refused batch leaves no trace");
    new.commit(&realm, second, &late).await.expect("the successor goes on where the ledger ends");

    // After a restored backup, workers know of a higher term than the store.
    let holder = Holder(r#"{"host":"b"}"#.to_owned());
    assert_eq!(new.begin_term(&realm, &holder, Term(40)).await.expect("a term"), Term(41));
    assert_eq!(new.begin_term(&realm, &holder, Term(3)).await.expect("a term"), Term(42));
    let rows = old.realms().await.expect("realms");
    let row = rows.first().expect("one realm");
    assert_eq!((rows.len(), row.term, row.holder.as_ref(), row.unfinished), (1, Term(42), Some(&holder), 1));
}

pub(crate) async fn a_term_given_back_is_over(factory: &impl Factory) {
    let store = factory.store().await;
    let (realm, other) = (Realm::local("a"), Realm::local("b"));
    assert!(realm.is_local() && !Realm::mesh().is_local());
    let first = term(&*store, &realm).await;
    term(&*store, &other).await;
    store.end_term(&realm, first).await.expect("the end of the term");
    let names: Vec<Realm> = store.realms().await.expect("realms").into_iter().map(|row| row.realm).collect();
    assert_eq!(names, [other], "nobody holds it and it has nothing to finish");
    let opened = [Ledger::new(1, "shop").opened()];
    superseded(store.commit(&realm, first, &opened).await);
    superseded(store.end_term(&realm, first).await);
    let next = term(&*store, &realm).await;
    assert!(next > first);
    store.commit(&realm, next, &opened).await.expect("a commit");
    store.end_term(&realm, next).await.expect("the end of the term");
    let rows = store.realms().await.expect("realms");
    let row = rows.iter().find(|row| row.realm == realm).expect("it has an unfinished run");
    assert_eq!((&row.holder, row.unfinished), (&None, 1));
}

pub(crate) async fn a_batch_is_recorded_whole_or_not_at_all(factory: &impl Factory) {
    let store = factory.store().await;
    let (realm, local) = (Realm::mesh(), Realm::local("a"));
    let (mesh_term, local_term) = (term(&*store, &realm).await, term(&*store, &local).await);
    let mut good = Ledger::new(1, "shop");
    let opened = good.opened();
    store.commit(&realm, mesh_term, slice::from_ref(&opened)).await.expect("a commit");
    let follows = good.sealed();
    let ended = good.ended("a.ts", 1, 100, AttemptVerdict::Passed);

    let mut gap = ended.clone();
    gap.number += 1;
    let mut again = opened.clone();
    again.number = 3;
    let mut stranger = Ledger::new(2, "shop");
    let opening = stranger.opened();
    let unknown = stranger.sealed();
    let same_submission = Ledger::new(3, "shop").opened_by(SubmissionId(1));
    let late_opening = Entry { number: 2, ..opening.clone() };
    let table: [(Vec<Entry>, &str); 8] = [
        (vec![follows.clone(), gap], "does not follow"),
        (vec![follows.clone(), follows.clone()], "does not follow"),
        (vec![opened.clone()], "does not follow"),
        (vec![follows.clone(), again], "opened by its entry 1"),
        (vec![follows.clone(), ended.clone(), unknown], "never opened"),
        (vec![follows.clone(), ended.clone(), same_submission], "already opened or joined a run"),
        (vec![follows.clone(), late_opening], "does not follow"),
        (vec![follows.clone(), opening.clone(), opening.clone()], "does not follow"),
    ];
    for (place, (batch, expected)) in table.into_iter().enumerate() {
        let what = misfit(store.commit(&realm, mesh_term, &batch).await);
        assert!(what.contains(expected), "case {place}: {what}");
        assert_eq!(read_all(&*store, good.run, 10).await, slice::from_ref(&opened), "case {place}");
        assert_eq!(store.run_row(stranger.run).await.expect("a row"), None, "case {place}");
    }
    let what = misfit(store.commit(&local, local_term, slice::from_ref(&follows)).await);
    assert!(what.contains("another realm"), "{what}");
    let history = store.history(&[crate::fixture::key("shop", "a.ts")], 20).await.expect("a history");
    assert_eq!(history, [part_store::SpecHistory::default()]);

    // After all these refusals the store takes what fits, several runs in one batch.
    let batch = [follows, opening, ended];
    store.commit(&realm, mesh_term, &batch).await.expect("a commit");
    assert_eq!(read_all(&*store, good.run, 2).await.len(), 3);
    assert_eq!(read_all(&*store, stranger.run, 2).await.len(), 1);
}

pub(crate) async fn entries_come_back_in_pages(factory: &impl Factory) {
    let store = factory.store().await;
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let term = term(&*store, &realm).await;
    // Sizes that need every kind of insert, and entries that fill a page by themselves.
    let large = "x".repeat(3 << 20);
    let mut all = vec![ledger.opened()];
    all.extend(
        (0..150).map(|number| ledger.ended(&format!("spec {number}"), 1, 100, AttemptVerdict::Passed)),
    );
    all.extend((0..3).map(|_| ledger.ended(&large, 1, 100, AttemptVerdict::Lost)));
    all.extend((0..20).map(|number| ledger.ended(&format!("spec {number}"), 2, 100, AttemptVerdict::Failed)));
    for chunk in all.chunks(93) {
        store.commit(&realm, term, chunk).await.expect("a commit");
    }
    let other = factory.store().await;
    for size in [1, 7, 64, 100_000] {
        let read = read_all(&*other, ledger.run, size).await;
        assert!(read == all, "pages of {size}");
    }
    assert_eq!(other.entries(ledger.run, 5, 1).await.expect("a page").first(), all.get(5));
    assert_eq!(other.entries(ledger.run, 0, 0).await.expect("a page"), []);
    assert_eq!(other.entries(ledger.run, 174, 10).await.expect("a page"), []);
    assert_eq!(other.entries(Ledger::new(2, "").run, 0, 10).await.expect("a page"), []);
}

pub(crate) async fn a_dropped_commit_leaves_the_store_usable(factory: &impl Factory) {
    let store = factory.store().await;
    let (realm, mut ledger) = (Realm::mesh(), Ledger::new(1, "shop"));
    let term = term(&*store, &realm).await;
    store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
    for polls in 0..40 {
        let batch: Vec<Entry> =
            (0..10).map(|number| ledger.ended("a.ts", number + 1, 100, AttemptVerdict::Passed)).collect();
        {
            let mut commit = store.commit(&realm, term, &batch);
            for _ in 0..polls {
                if (&mut commit).now_or_never().is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Whole or not at all. What was dropped may still be on its way to the disk: writing comes after it.
        store.commit(&realm, term, &[]).await.expect("the term still holds");
        let last = read_all(&*store, ledger.run, 1000).await.last().map_or(0, |entry| entry.number);
        assert!(last == ledger.number || last + 10 == ledger.number, "{last} of {}", ledger.number);
        if last < ledger.number {
            store.commit(&realm, term, &batch).await.expect("a commit");
        }
    }
}

pub(crate) async fn realms_do_not_disturb_each_other(factory: &impl Factory) {
    const BATCHES: u32 = 25;
    let work = |run: u128| async move {
        let store = factory.store().await;
        let (realm, mut ledger) = (Realm::local(run), Ledger::new(run, "shop"));
        let term = term(&*store, &realm).await;
        store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
        for number in 1..=BATCHES {
            let batch = [ledger.ended("a.ts", number, 100, AttemptVerdict::Passed), ledger.sealed()];
            store.commit(&realm, term, &batch).await.expect("a commit beside another realm's");
            let row = store.run_row(ledger.run).await.expect("a row").expect("the run");
            assert_eq!(row.progress.last_number, ledger.number);
        }
        assert_eq!(read_all(&*store, ledger.run, 9).await.len() as u32, 1 + 2 * BATCHES);
    };
    futures::future::join3(work(1), work(2), work(3)).await;
    let store = factory.store().await;
    let rows = store.realms().await.expect("realms");
    assert_eq!(rows.iter().map(|row| row.unfinished).collect::<Vec<_>>(), [1, 1, 1]);
    let history = store.history(&[crate::fixture::key("shop", "a.ts")], 20).await.expect("a history");
    assert_eq!(history.first().map(|known| known.samples.len()), Some(20));
}

/// Random runs by the real core: what is read back folds to what was committed.
pub(crate) async fn a_driven_ledger_folds_to_the_same_state(factory: &impl Factory) {
    const CASES: usize = 24;
    let plans =
        (proptest::num::u64::ANY, 1usize..40, 1u64..4, 1u32..4, proptest::option::of(0u32..60), 1usize..30);
    let mut runner = TestRunner::default();
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let mut kinds = std::collections::BTreeSet::new();
    for _ in 0..CASES {
        let (seed, specs, workers, slots, cancel_at, size) =
            plans.new_tree(&mut runner).expect("a plan").current();
        let plan = Plan { seed, specs, workers, slots, cancel_at };
        let batches = drive::ledger(&plan);
        // As a driver does: what came in the meantime is joined into one batch.
        for joined in batches.chunks(1 + size % 5) {
            let batch = joined.concat();
            store
                .commit(&realm, term, &batch)
                .await
                .unwrap_or_else(|error| unreachable!("{plan:?}: {error}"));
        }
        let committed = batches.concat();
        let run = committed.first().expect("an entry").run;
        let read = read_all(&*store, run, size).await;
        assert_eq!(read, committed, "{plan:?}");
        let (left, right) = (State::fold(&committed).expect("a fold"), State::fold(&read).expect("a fold"));
        assert_eq!(left, right, "{plan:?}");

        let folded = right.run(run).expect("the run");
        let row = store.run_row(run).await.expect("a row").expect("the run");
        assert_eq!(row.progress.last_number, folded.last_number, "{plan:?}");
        assert_eq!(row.progress.counts.specs as usize, folded.specs.len(), "{plan:?}");
        assert_eq!(row.progress.finished.is_some(), folded.finished.is_some(), "{plan:?}");
        for entry in &read {
            kinds.insert(
                format!("{:?}", entry.record).split([' ', '{']).next().unwrap_or_default().to_owned(),
            );
        }
    }
    assert!(kinds.len() >= 8, "the plans are too tame: {kinds:?}");
}
