//! The history of specs.

use super::factory::Factory;
use crate::fixture::{Ledger, key, term};
use part_core::{
    AttemptVerdict, HistoryKey, InvalidReason, Millis, Record, RunSummary, RunVerdict, SpecIndex,
};
use part_store::{CLASSES_PER_SUITE, HISTORY_PER_SPEC, HistoryQuery, Realm};

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
            found.iter().map(|known| known.samples.iter().map(|m| m.sample.duration.0).collect()).collect();
        let take = per_spec.min(HISTORY_PER_SPEC);
        let long = expected[expected.len() - take..].to_vec();
        let short = [10, 11][2 - take.min(2)..].to_vec();
        assert_eq!(durations, [vec![], long.clone(), vec![], short, long], "{per_spec}");
        assert!(found.iter().all(|known| known.samples.is_sorted_by_key(|measured| measured.sample.at)));
        let last: Vec<Option<AttemptVerdict>> = found.iter().map(|known| known.last).collect();
        let (bad, long, short) = (AttemptVerdict::Crashed, AttemptVerdict::TimedOut, AttemptVerdict::Passed);
        assert_eq!(last, [Some(bad), Some(long), None, Some(short), Some(long)], "{per_spec}");
    }
    assert!(store.history(&[], 20).await.expect("a history").is_empty());
    let many: Vec<HistoryKey> = (0..5000).map(|n| key("shop", &format!("{n}"))).chain(keys).collect();
    let found = store.history(&many, 20).await.expect("a history");
    assert_eq!(found.iter().map(|known| known.samples.len()).sum::<usize>(), 20 + 2 + 20);
    assert_eq!(found.get(5001).map(|known| known.samples.len()), Some(20));
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
    let passes = store.newest_passes(&keys).await.expect("attempts");
    for (number, known) in found.iter().enumerate() {
        let durations: Vec<u64> = known.samples.iter().map(|measured| measured.sample.duration.0).collect();
        assert_eq!(durations, [10 + number as u64], "{:?}", names[number]);
        assert!(passes[number].is_some_and(|attempt| attempt.run == ledger.run), "{:?}", names[number]);
        let classes = store.classes("shop", names[number]).await.expect("classes");
        assert_eq!(classes, [format!("{}!", names[number])]);
    }
}

pub(crate) async fn what_a_spec_came_to_last_is_known(factory: &impl Factory) {
    use AttemptVerdict::{Cancelled, Crashed, Failed, Lost, Passed, SetupFailed, TimedOut};
    /// What it came to, oldest first; what it came to last; and the number of the newest attempt that passed.
    type Row = (&'static str, &'static [AttemptVerdict], Option<AttemptVerdict>, Option<u32>);
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let invalid = AttemptVerdict::Invalid(InvalidReason::Report);
    let table: [Row; 6] = [
        ("passed", &[Failed, Passed], Some(Passed), Some(2)),
        ("failed", &[Passed, Passed, Failed], Some(Failed), Some(2)),
        ("lost", &[Passed, Crashed, Lost, Cancelled, SetupFailed], Some(Crashed), Some(1)),
        ("never", &[Lost, SetupFailed], None, None),
        ("late", &[TimedOut], Some(TimedOut), None),
        ("odd", &[Passed, AttemptVerdict::Invalid(InvalidReason::Report)], Some(invalid), Some(1)),
    ];
    let mut ledger = Ledger::new(1, "shop");
    let mut batch = vec![ledger.opened()];
    for (name, verdicts, _, _) in table {
        for (number, verdict) in (1..).zip(verdicts) {
            batch.push(ledger.ended(name, number, 100, *verdict));
        }
    }
    store.commit(&realm, term, &batch).await.expect("a commit");
    let mut keys: Vec<HistoryKey> = table.iter().map(|(name, ..)| key("shop", name)).collect();
    keys.push(key("docs", "passed"));
    let found = store.history(&keys, 5).await.expect("a history");
    let passes = store.newest_passes(&keys).await.expect("attempts");
    for (place, (name, _, last, pass)) in table.into_iter().enumerate() {
        assert_eq!(found[place].last, last, "{name}");
        assert_eq!(passes[place].map(|attempt| attempt.number), pass, "{name}");
    }
    assert_eq!((found[6].last, passes[6]), (None, None));
    assert!(store.newest_passes(&[]).await.expect("none").is_empty());
    let many: Vec<HistoryKey> = (0..5000).map(|n| key("shop", &format!("{n}"))).chain(keys).collect();
    let passes = store.newest_passes(&many).await.expect("attempts");
    assert_eq!(passes.iter().filter(|pass| pass.is_some()).count(), 4);
    assert_eq!(passes[5001].map(|attempt| attempt.number), Some(2));
}

pub(crate) async fn classes_of_a_suite_are_listed(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let mut ledger = Ledger::new(1, "shop");
    let mut batch = vec![ledger.opened()];
    for (suite, class) in [("e2e", "os=linux"), ("e2e", "anything"), ("unit", "browser.firefox")] {
        for spec in ["a", "b", "c"] {
            let key = HistoryKey { suite: suite.to_owned(), class: class.to_owned(), ..key("shop", spec) };
            batch.push(ledger.ended_as(key, 1, 100, AttemptVerdict::Passed));
        }
    }
    for number in 0..40 {
        let key = HistoryKey { suite: "many".to_owned(), class: format!("{number:02}"), ..key("shop", "a") };
        batch.push(ledger.ended_as(key, 1, 100, AttemptVerdict::Passed));
    }
    store.commit(&realm, term, &batch).await.expect("a commit");
    let classes = async |project, suite| store.classes(project, suite).await.expect("classes");
    assert_eq!(classes("shop", "e2e").await, ["anything", "os=linux"]);
    assert_eq!(classes("shop", "unit").await, ["browser.firefox"]);
    assert!(classes("shop", "other").await.is_empty() && classes("docs", "e2e").await.is_empty());
    let many = classes("shop", "many").await;
    assert_eq!((many.len(), many.first().map(String::as_str)), (CLASSES_PER_SUITE, Some("00")));
}

pub(crate) async fn what_of_a_duration_is_the_tests_own_is_kept(factory: &impl Factory) {
    let store = factory.store().await;
    let realm = Realm::mesh();
    let term = term(&*store, &realm).await;
    let mut ledger = Ledger::new(1, "shop");
    let mut silent = ledger.opened();
    store.commit(&realm, term, std::slice::from_ref(&silent)).await.expect("a commit");
    // Given to its worker in one commit, and ended in another, as it always is.
    let batch = [ledger.assigned(1, None), ledger.assigned(2, Some(SpecIndex(4))), ledger.sealed()];
    store.commit(&realm, term, &batch).await.expect("a commit");
    let mut corrected = ledger.ended("a", 1, 100, AttemptVerdict::Passed);
    if let Record::AttemptFinished { corrected, finish, .. } = &mut corrected.record {
        (*corrected, finish.timing.tests) = (Some(Millis(50)), Millis(30));
    }
    let shared = ledger.ended("a", 2, 40, AttemptVerdict::Passed);
    silent = ledger.ended("a", 3, 20, AttemptVerdict::Failed);
    if let Record::AttemptFinished { finish, .. } = &mut silent.record {
        finish.timing.tests = Millis::ZERO;
    }
    store.commit(&realm, term, &[corrected, shared, silent]).await.expect("a commit");
    let end = ledger.finished(RunVerdict::Passed, RunSummary::default());
    store.commit(&realm, term, &[end]).await.expect("a commit");

    let known = store.history(&[key("shop", "a")], 5).await.expect("a history").remove(0);
    let read: Vec<_> =
        known.samples.iter().map(|m| (m.sample.duration.0, m.sample.tests.map(|t| t.0), m.batched)).collect();
    assert_eq!(read, [(50, Some(15), false), (40, Some(3), true), (20, None, false)]);
    let query = HistoryQuery { project: None, spec: "a".to_owned(), limit: 5 };
    let rows = store.history_rows(&query).await.expect("rows");
    let read: Vec<_> = rows.iter().rev().map(|row| (row.duration.0, row.tests, row.batched)).collect();
    assert_eq!(read, [(50, Some(Millis(15)), false), (40, Some(Millis(3)), true), (20, None, false)]);
}
