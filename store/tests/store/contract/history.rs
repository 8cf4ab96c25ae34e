//! The history of specs.

use super::factory::Factory;
use crate::fixture::{Ledger, key, term};
use part_core::{AttemptVerdict, HistoryKey, InvalidReason, Millis};
use part_store::{HISTORY_PER_SPEC, HistoryQuery, Realm};

pub(crate) async fn the_newest_samples_that_count_come_oldest_first(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let verdicts = [AttemptVerdict::Passed, AttemptVerdict::Failed, AttemptVerdict::TimedOut];
    // Two runs one after the other; every third attempt timed out and does not count.
    for run in 0..2u64 {
        let mut ledger = Ledger::new(u128::from(run) + 1, "shop");
        ledger.at += run * 1000;
        let mut batch = vec![ledger.opened()];
        for number in 0..18u64 {
            let verdict = verdicts[(number % 3) as usize];
            batch.push(ledger.ended("long.ts", number as u32 + 1, 100 + run * 100 + number, verdict));
        }
        batch.push(ledger.ended("short.ts", 1, 10 + run, AttemptVerdict::Passed));
        batch.push(ledger.ended("bad.ts", 1, 10 + run, AttemptVerdict::Crashed));
        store.commit(&realm, term, &batch).await.expect("a commit");
    }
    let counted = |run: u64| (0..18).filter(|n| n % 3 != 2).map(move |n| 100 + run * 100 + n);
    let expected: Vec<u64> = counted(0).chain(counted(1)).collect();

    let keys = [
        key("shop", "bad.ts"),
        key("shop", "long.ts"),
        key("shop", "none"),
        key("shop", "short.ts"),
        key("shop", "long.ts"),
    ];
    for per_spec in [0, 1, 5, HISTORY_PER_SPEC, 1000] {
        let found = store.history(&keys, per_spec).await.expect("a history");
        let durations: Vec<Vec<u64>> =
            found.iter().map(|samples| samples.iter().map(|sample| sample.duration.0).collect()).collect();
        let take = per_spec.min(HISTORY_PER_SPEC);
        let long = expected[expected.len() - take..].to_vec();
        let short = [10, 11][2 - take.min(2)..].to_vec();
        assert_eq!(durations, [vec![], long.clone(), vec![], short, long], "{per_spec}");
        assert!(found.iter().all(|samples| samples.is_sorted_by_key(|sample| sample.at)));
    }
    assert!(store.history(&[], 20).await.expect("a history").is_empty());
    let many: Vec<HistoryKey> = (0..5000).map(|n| key("shop", &format!("{n}"))).chain(keys).collect();
    let found = store.history(&many, 20).await.expect("a history");
    assert_eq!(found.iter().map(Vec::len).sum::<usize>(), 20 + 2 + 20);
    assert_eq!(found.get(5001).map(Vec::len), Some(20));
}

pub(crate) async fn people_see_failures_too(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let verdicts = [
        AttemptVerdict::Passed,
        AttemptVerdict::Failed,
        AttemptVerdict::TimedOut,
        AttemptVerdict::Crashed,
        AttemptVerdict::Lost,
        AttemptVerdict::Cancelled,
        AttemptVerdict::Invalid(InvalidReason::NoTests),
        AttemptVerdict::Invalid(InvalidReason::Report),
        AttemptVerdict::Invalid(InvalidReason::MissingTests),
    ];
    let mut ledger = Ledger::new(1, "shop");
    let mut batch = vec![ledger.opened()];
    for (number, verdict) in verdicts.into_iter().enumerate() {
        batch.push(ledger.ended("e2e/[id].ts", number as u32 + 1, 50, verdict));
        batch.push(ledger.ended("e2e/i.ts", number as u32 + 1, 60, verdict));
    }
    store.commit(&realm, term, &batch).await.expect("a commit");
    let mut other = Ledger::new(2, "docs");
    let batch = [other.opened(), other.ended("e2e/i.ts", 1, 70, AttemptVerdict::Passed)];
    store.commit(&realm, term, &batch).await.expect("a commit");

    let query =
        |spec: &str, limit| HistoryQuery { project: Some("shop".to_owned()), spec: spec.to_owned(), limit };
    let rows = store.history_rows(&query("e2e/[id].ts", 100)).await.expect("rows");
    assert_eq!(rows.iter().rev().map(|row| row.verdict).collect::<Vec<_>>(), verdicts);
    let newest = rows.first().expect("a row");
    assert_eq!(
        (&newest.key, newest.duration, newest.counts),
        (&key("shop", "e2e/[id].ts"), Millis(50), false)
    );
    assert_eq!((newest.attempt.run, newest.attempt.number), (ledger.run, 9));
    assert!(rows.last().is_some_and(|row| row.counts));
    for (pattern, limit, expected) in [
        ("e2e/*", 100, 18),
        ("*", 5, 5),
        ("e2e/?.ts", 100, 9),
        ("*.TS", 100, 0),
        ("e2e", 100, 0),
        ("*", 0, 0),
    ] {
        let rows = store.history_rows(&query(pattern, limit)).await.expect("rows");
        assert_eq!(rows.len(), expected, "{pattern}");
        assert!(rows.is_sorted_by(|a, b| a.at >= b.at), "{pattern}");
    }
    let everywhere = HistoryQuery { project: None, ..query("e2e/i.ts", 100) };
    assert_eq!(store.history_rows(&everywhere).await.expect("rows").len(), 10);
}

pub(crate) async fn odd_names_are_kept_apart(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let names =
        ["", " ", "a\"b", "a\\b", "'; drop table runs; --", "[1]", "null", "1", "1.0", "é\u{1F600}", "a\nb"];
    let mut ledger = Ledger::new(1, "shop");
    let mut batch = vec![ledger.opened()];
    let mut keys = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let key = HistoryKey {
            project: "shop".to_owned(),
            suite: name.to_owned(),
            class: format!("{name}!"),
            spec: name.to_owned(),
        };
        batch.push(ledger.ended_as(key.clone(), 1, 10 + number as u64, AttemptVerdict::Passed));
        keys.push(key);
    }
    store.commit(&realm, term, &batch).await.expect("a commit");
    let found = store.history(&keys, 20).await.expect("a history");
    for (number, samples) in found.iter().enumerate() {
        let durations: Vec<u64> = samples.iter().map(|sample| sample.duration.0).collect();
        assert_eq!(durations, [10 + number as u64], "{:?}", names[number]);
    }
}
