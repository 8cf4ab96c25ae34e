use super::kit::{Ledger, Try, estimate, on, spec, timing};
use super::{RunSummary, WhatIf};
use crate::{AttemptVerdict, GroupPolicy, Millis, Parallel, Part, Record, Rule, SpecAdded, SpecVerdict};
use proptest::prelude::*;

const PASSED: SpecVerdict = SpecVerdict::Passed { flaky: false };
const FAILED: SpecVerdict = SpecVerdict::NotPassed(AttemptVerdict::Failed);

fn part(of: &str, number: u32) -> SpecAdded {
    let part = Part { of: of.to_owned(), number, count: 2, tests: Vec::new() };
    SpecAdded { part: Some(part), ..spec(&format!("{of} (part {number} of 2)")) }
}

#[test]
fn a_spec_that_was_split_is_one_spec() {
    let mut ledger = Ledger::new();
    let specs = vec![part("a", 1), part("a", 2), part("b", 1), part("b", 2), spec("c")];
    ledger.group(0, "g", GroupPolicy::default(), specs);
    ledger.seal(0);
    for index in 0..5 {
        ledger.pass(100 * u64::from(index), 100 * u64::from(index) + 60, on(index, "w", 0));
    }
    let summary = RunSummary::of(&ledger.run());
    assert_eq!((summary.specs, summary.passed, summary.split, summary.attempts), (3, 3, 2, 5));
    assert_eq!(
        (summary.groups[0].specs, summary.longest),
        (3, Some(("a (part 1 of 2)".to_owned(), Millis(60))))
    );

    // What one part comes to is what the whole comes to.
    let mut ledger = Ledger::new();
    ledger.group(
        0,
        "g",
        GroupPolicy::default(),
        vec![part("a", 1), part("a", 2), part("b", 1), part("b", 2)],
    );
    ledger.seal(0);
    ledger.decide(1, 0, PASSED);
    ledger.decide(1, 1, FAILED);
    ledger.decide(1, 2, SpecVerdict::Passed { flaky: true });
    let summary = RunSummary::of(&ledger.run());
    assert_eq!((summary.specs, summary.passed, summary.failed, summary.undecided), (2, 0, 1, 1));
    ledger.decide(1, 3, PASSED);
    let summary = RunSummary::of(&ledger.run());
    assert_eq!((summary.passed, summary.flaky, summary.groups[0].failed), (1, 1, 1));
}

#[test]
fn quarantined_and_dropped_specs_count_apart() {
    let mut ledger = Ledger::new();
    let shaky = SpecAdded { quarantined: true, ..spec("shaky") };
    ledger.group(
        0,
        "g",
        GroupPolicy::default(),
        vec![spec("a"), shaky.clone(), SpecAdded { name: "odd".to_owned(), ..shaky }],
    );
    ledger.seal(0);
    ledger.decide(1, 0, FAILED);
    ledger.decide(1, 1, FAILED);
    ledger.decide(1, 2, PASSED);
    ledger.join(2);
    ledger.group(2, "h", GroupPolicy::default(), vec![spec("x"), part("y", 1), part("y", 2)]);
    ledger.record(3, Record::SubmissionDropped);
    let summary = RunSummary::of(&ledger.run());
    assert_eq!((summary.specs, summary.failed, summary.quarantined, summary.passed), (3, 1, 1, 1));
    assert_eq!((summary.dropped, summary.undecided, summary.split), (2, 0, 0));
    let groups: Vec<_> = summary.groups.iter().map(|group| (group.label.as_str(), group.failed)).collect();
    assert_eq!(groups, [("g", 1)]);
}

#[test]
fn forecasts_are_inside_when_four_in_five_would_be() {
    let mut ledger = Ledger::new();
    let with = |spread| SpecAdded { estimate: estimate(1000, spread), ..spec(&format!("{spread}")) };
    ledger.group(
        0,
        "g",
        GroupPolicy::default(),
        vec![with(0.2), with(0.21), with(0.001), with(0.002), spec("new")],
    );
    ledger.seal(0);
    // exp(1.2816 * 1.2533 * 0.2) = 1.379; five per cent is the least.
    let durations = [1370, 1410, 1049, 1051, 500];
    for (index, duration) in (0..).zip(durations) {
        let forecast = Some(1000);
        ledger.pass(
            10_000 * u64::from(index),
            10_000 * u64::from(index) + duration,
            Try { forecast, ..on(index, "w", 0) },
        );
    }
    let summary = RunSummary::of(&ledger.run());
    assert_eq!((summary.forecasts, summary.forecasts_with_spread, summary.forecasts_inside), (5, 4, 2));
    let stretch = summary.groups[0].stretch.expect("forecasts");
    let product: f64 = durations.iter().map(|ms| *ms as f64 / 1000.0).product();
    assert!((stretch - product.powf(0.2)).abs() < 1e-9);
}

#[test]
fn batches_count_as_processes_and_their_members_by_their_share() {
    let mut ledger = Ledger::new();
    ledger.group(0, "g", GroupPolicy::default(), vec![spec("a"), spec("b"), spec("c"), spec("d")]);
    ledger.seal(0);
    for (index, end, share) in [(0, 400, timing(100, 100, 200, 0)), (1, 700, timing(0, 0, 300, 0))] {
        ledger.assign(0, 1, Try { batch: Some(0), ..on(index, "w", 0) });
        ledger.end(end, index, 1, AttemptVerdict::Passed, share);
    }
    ledger.assign(700, 1, Try { batch: Some(2), ..on(2, "w", 0) });
    ledger.end(800, 2, 1, AttemptVerdict::Passed, timing(0, 50, 50, 0));
    ledger.pass(0, 500, on(3, "w", 1));
    let summary = RunSummary::of(&ledger.run());
    assert_eq!((summary.batched, summary.batches), (3, 2));
    assert_eq!((summary.slot_time, summary.makespan), (Millis(400 + 300 + 100 + 500), Millis(800)));
    assert_eq!(summary.groups[0].most_on_worker, 2);
}

#[test]
fn what_lost_against_a_backup_is_told_apart() {
    let mut ledger = Ledger::new();
    ledger.group(0, "g", GroupPolicy::default(), vec![spec("a"), spec("b")]);
    ledger.seal(0);
    ledger.assign(0, 1, on(0, "slow", 0));
    ledger.assign(500, 2, Try { rule: Rule::Backup, ..on(0, "fast", 0) });
    ledger.dismiss(700, 0, 1);
    ledger.end(700, 0, 2, AttemptVerdict::Passed, timing(0, 0, 200, 0));
    ledger.decide(700, 0, PASSED);
    ledger.end(710, 0, 1, AttemptVerdict::Cancelled, timing(0, 0, 0, 0));
    let summary = RunSummary::of(&ledger.run());
    assert_eq!((summary.backups, summary.backup_time, summary.slot_time), (1, Millis(710), Millis(910)));
    assert_eq!(summary.what_if, [WhatIf { slots: 1, makespan: Millis(200) }]);
}

#[test]
fn other_numbers_of_slots_keep_collections_and_retries_apart() {
    let mut ledger = Ledger::new();
    let of = |name: &str| SpecAdded { collection: Some("db".to_owned()), ..spec(name) };
    ledger.group(0, "g", GroupPolicy::default(), vec![of("a"), of("b"), spec("c"), spec("d")]);
    ledger.seal(0);
    ledger.pass(0, 100, on(0, "w", 0));
    ledger.pass(100, 200, on(1, "w", 0));
    ledger.pass(200, 300, on(2, "w", 0));
    ledger.assign(300, 1, on(3, "w", 0));
    ledger.end(350, 3, 1, AttemptVerdict::Failed, timing(0, 0, 50, 0));
    ledger.assign(350, 2, on(3, "w", 0));
    ledger.end(500, 3, 2, AttemptVerdict::Passed, timing(0, 0, 150, 0));
    let summary = RunSummary::of(&ledger.run());
    let rows: Vec<_> = summary.what_if.iter().map(|row| (row.slots, row.makespan.0)).collect();
    assert_eq!((rows, summary.worth), (vec![(1, 500), (2, 250), (4, 200)], Some(3)));
}

#[test]
fn stages_follow_each_other_on_any_number_of_slots() {
    let mut ledger = Ledger::new();
    let of = |name: &str, assembly: &str| SpecAdded { assembly: Some(assembly.to_owned()), ..spec(name) };
    let serial = SpecAdded { serial: true, ..of("last", "b") };
    ledger.group(0, "g", GroupPolicy::default(), vec![of("x", "a"), of("y", "b"), of("z", "b"), serial]);
    ledger.group(
        0,
        "h",
        GroupPolicy { parallel: Parallel::All, ..GroupPolicy::default() },
        vec![of("x", "a"), of("y", "b")],
    );
    ledger.seal(0);
    for index in 0..6 {
        ledger.pass(100 * u64::from(index), 100 * u64::from(index) + 100, on(index, "w", 0));
    }
    let summary = RunSummary::of(&ledger.run());
    let rows: Vec<_> = summary.what_if.iter().map(|row| (row.slots, row.makespan.0)).collect();
    assert_eq!(rows, [(1, 600), (2, 300), (4, 300)]);
}

proptest! {
    #[test]
    fn no_run_beats_its_bound(lengths in prop::collection::vec((1u64..1000, 0u64..50), 1..40), slots in 1u32..6) {
        let mut ledger = Ledger::new();
        let names: Vec<_> = (0..lengths.len()).map(|index| spec(&index.to_string())).collect();
        ledger.group(0, "g", GroupPolicy::default(), names);
        ledger.seal(0);
        let mut free = vec![0u64; slots as usize];
        for (index, (length, pause)) in (0..).zip(&lengths) {
            let slot = index % slots;
            let from = free[slot as usize] + pause;
            free[slot as usize] = from + length;
            ledger.pass(from, from + length, on(index, "w", slot));
        }
        let summary = RunSummary::of(&ledger.run());
        prop_assert!(summary.bound <= summary.makespan);
        prop_assert_eq!(summary.what_if[0].makespan, summary.slot_time);
        prop_assert!(summary.groups[0].most_on_worker <= slots && summary.groups[0].most_on_worker >= 1);
        prop_assert!(summary.worth.is_some());
    }
}
