use super::{TimeReport, TimeShares};
use crate::summary::kit::{Ledger, Try, on, spec, timing};
use crate::{
    AttemptVerdict, GroupPolicy, Lock, Millis, Parallel, Recipe, Rule, Selection, SpecAdded, SpecVerdict,
    TestCounts,
};
use proptest::prelude::*;

const PASSED: SpecVerdict = SpecVerdict::Passed { flaky: false };

fn sum(shares: &TimeShares) -> Millis {
    shares.tests + shares.start_up + shares.setup + shares.wasted + shares.waiting + shares.imbalance
}

fn told(report: &TimeReport) -> Vec<(&str, u64, u64, &str)> {
    let links = report.chain.iter();
    links.map(|link| (link.spec.as_str(), link.start.0, link.end.0, link.because.as_str())).collect()
}

#[test]
fn time_divides_into_what_it_went_into() {
    let mut ledger = Ledger::new();
    ledger.group(0, "g", GroupPolicy::default(), vec![spec("a"), spec("b")]);
    ledger.seal(0);
    ledger.assign(0, 1, on(0, "w", 0));
    // The first attempt is tried again, the second makes ready for 100, starts for 200, tests for 300, clears up for 50.
    ledger.end(400, 0, 1, AttemptVerdict::Failed, timing(10, 90, 300, 0));
    ledger.assign(500, 2, on(0, "w", 0));
    ledger.end(1160, 0, 2, AttemptVerdict::Passed, timing(100, 200, 300, 50));
    ledger.decide(1160, 0, PASSED);
    ledger.assign(600, 1, on(1, "w", 1));
    ledger.end(1000, 1, 1, AttemptVerdict::Passed, timing(0, 400, 0, 0));
    ledger.decide(1000, 1, PASSED);
    let report = TimeReport::of(&ledger.run());
    let all = TimeShares {
        group: String::new(),
        tests: Millis(300 + 400),
        start_up: Millis(200),
        setup: Millis(160),
        wasted: Millis(400),
        // The second slot while b waited for it, and the first while a did.
        waiting: Millis(600 + 100),
        imbalance: Millis(160),
        total: Millis(2 * 1160),
    };
    assert_eq!(report.shares[1], all);
    assert_eq!(report.shares[0], TimeShares { group: "g".to_owned(), ..all });
}

#[test]
fn a_group_answers_for_its_slots_only() {
    let mut ledger = Ledger::new();
    ledger.group(0, "g", GroupPolicy::default(), vec![spec("a"), spec("b")]);
    ledger.group(0, "h", GroupPolicy::default(), vec![spec("c")]);
    ledger.seal(0);
    ledger.pass(0, 100, on(0, "w", 0));
    ledger.pass(100, 300, on(2, "w", 0));
    ledger.pass(300, 400, on(1, "w", 0));
    let shares = TimeReport::of(&ledger.run()).shares;
    let told: Vec<_> = shares.iter().map(|s| (s.group.as_str(), s.tests.0, s.waiting.0, s.total.0)).collect();
    assert_eq!(told, [("g", 200, 0, 200), ("h", 200, 0, 200), ("", 400, 0, 400)]);
}

#[test]
fn the_chain_goes_back_by_slots_retries_and_collections() {
    let mut ledger = Ledger::new();
    let of = |name: &str| SpecAdded { collection: Some("db".to_owned()), ..spec(name) };
    ledger.group(0, "g", GroupPolicy::default(), vec![spec("a"), of("b"), of("c"), spec("d")]);
    ledger.seal(0);
    ledger.pass(0, 100, on(0, "w", 0));
    ledger.pass(100, 300, on(1, "w", 0));
    ledger.pass(300, 500, on(2, "w", 1));
    ledger.assign(500, 1, on(3, "w", 1));
    ledger.end(600, 3, 1, AttemptVerdict::Crashed, timing(0, 0, 100, 0));
    ledger.assign(650, 2, on(3, "w", 0));
    ledger.end(900, 3, 2, AttemptVerdict::Passed, timing(0, 0, 250, 0));
    let report = TimeReport::of(&ledger.run());
    assert_eq!(
        told(&report),
        [
            ("a", 0, 100, ""),
            ("b", 100, 300, "a was on its slot"),
            ("c", 300, 500, "of collection db one spec runs at a time, and b did"),
            ("d", 500, 600, "c was on its slot"),
            ("d", 650, 900, "attempt 1 came before: crashed; 50ms later a slot was free for it"),
        ]
    );
}

#[test]
fn the_chain_goes_back_by_locks_stages_batches_and_backups() {
    let mut ledger = Ledger::new();
    let lock =
        |name: &str| SpecAdded { locks: vec![Lock { name: "paypal".to_owned(), permits: 2 }], ..spec(name) };
    let last = SpecAdded { serial: true, ..spec("last") };
    ledger.group(0, "g", GroupPolicy::default(), vec![lock("a"), lock("b"), spec("c"), spec("d"), last]);
    ledger.seal(0);
    ledger.pass(0, 100, on(0, "w", 0));
    ledger.pass(100, 200, on(1, "w", 1));
    for (index, end) in [(2, 350), (3, 400)] {
        ledger.assign(200, 1, Try { batch: Some(2), ..on(index, "w", 1) });
        ledger.end(end, index, 1, AttemptVerdict::Passed, timing(0, 0, 100, 0));
        ledger.decide(end, index, PASSED);
    }
    ledger.assign(400, 1, on(4, "w", 0));
    ledger.assign(800, 2, Try { rule: Rule::Backup, ..on(4, "w", 1) });
    ledger.dismiss(1000, 4, 1);
    ledger.end(1000, 4, 2, AttemptVerdict::Passed, timing(0, 0, 200, 0));
    ledger.end(1010, 4, 1, AttemptVerdict::Cancelled, timing(0, 0, 0, 0));
    assert_eq!(
        told(&TimeReport::of(&ledger.run())),
        [
            ("a", 0, 100, ""),
            ("b", 100, 200, "a held lock paypal"),
            ("c", 200, 350, "b was on its slot"),
            ("d", 350, 400, "it shares a process with c, which came before"),
            ("last", 400, 1010, "what comes before it in its group had to end, d as the last"),
            ("last", 800, 1000, "attempt 1 ran far beyond its forecast"),
        ]
    );
}

#[test]
fn the_chain_begins_with_a_group_that_joined_or_a_worker_that_came_late() {
    let late = "no slot was free for it before: its worker came late, or was busy with other runs";
    for (joins, because) in [(Some(480), "its group came then"), (None, late)] {
        let mut ledger = Ledger::new();
        let both = joins.is_none();
        ledger.group(
            0,
            "g",
            GroupPolicy::default(),
            [vec![spec("a")], if both { vec![spec("b")] } else { vec![] }].concat(),
        );
        ledger.seal(0);
        ledger.pass(0, 100, on(0, "w", 0));
        if let Some(at) = joins {
            ledger.join(at);
            ledger.group(at, "h", GroupPolicy::default(), vec![spec("b")]);
            ledger.seal(at);
        }
        ledger.pass(500, 900, on(1, "other", 0));
        assert_eq!(told(&TimeReport::of(&ledger.run())), [("b", 500, 900, because)]);
    }
}

/// One long spec and eight short ones on four slots.
fn one_too_long(recipe: Recipe, tests: u32) -> Vec<String> {
    let mut ledger = Ledger::new();
    let names =
        (0..9).map(|index| spec(if index == 0 { "checkout" } else { ["b", "c", "d"][index % 3] })).collect();
    ledger.group_of(0, "g", GroupPolicy::default(), recipe, names);
    ledger.seal(0);
    ledger.pass(0, 130_000, on(0, "w", 0));
    for index in 1..9 {
        let from = 10_000 * u64::from((index - 1) / 3);
        ledger.pass(from, from + 10_000, on(index, "w", 1 + (index - 1) % 3));
    }
    let mut run = ledger.run();
    if let crate::AttemptPhase::Finished { finish, .. } = &mut run.specs[0].attempts[0].phase {
        finish.tests = TestCounts { passed: tests, ..TestCounts::default() };
    }
    TimeReport::of(&run).findings
}

#[test]
fn a_spec_that_is_too_long_is_named_with_what_would_help() {
    let selects = Selection { command: vec!["run".to_owned()], join: String::new(), each: String::new() };
    let plain = Recipe::of_command(vec!["run".to_owned()]);
    let recipe = Recipe { select: Some(selects), ..plain.clone() };
    let table = [
        (
            recipe.clone(),
            9,
            "checkout alone took 2m10s of 2m10s: splitting it by its tests in 3 would bring the run to about 53.3s",
        ),
        (
            plain,
            9,
            "checkout alone took 2m10s of 2m10s: making it 3 specs would bring the run to about 53.3s",
        ),
        (recipe, 1, "checkout alone took 2m10s of 2m10s: more slots cannot make the run shorter"),
    ];
    for (recipe, tests, finding) in table {
        let findings = one_too_long(recipe, tests);
        assert_eq!(findings[0], finding);
        assert!(findings[1].starts_with("slots stood idle for 60%") && findings.len() == 2, "{findings:?}");
    }
}

#[test]
fn start_up_setup_and_waste_are_named() {
    let plain = Recipe::of_command(vec!["run".to_owned()]);
    let batch = Recipe { batch: vec!["run".to_owned(), "{specs}".to_owned()], ..plain.clone() };
    let findings = |recipe: Recipe, no_batches: bool| {
        let mut ledger = Ledger::new();
        let policy = GroupPolicy { no_batches, ..GroupPolicy::default() };
        ledger.group_of(0, "g", policy, recipe, vec![spec("a")]);
        ledger.seal(0);
        ledger.assign(0, 1, on(0, "w", 0));
        ledger.end(100, 0, 1, AttemptVerdict::Lost, timing(0, 0, 0, 0));
        ledger.assign(100, 2, on(0, "w", 0));
        ledger.end(1100, 0, 2, AttemptVerdict::Passed, timing(300, 400, 300, 0));
        ledger.decide(1100, 0, PASSED);
        TimeReport::of(&ledger.run()).findings
    };
    let found = findings(batch.clone(), true);
    assert_eq!(
        found,
        [
            "start-up is 36% of slot time: batches would help",
            "making ready and clearing up is 27% of slot time: workspace, setup steps, reports, artifacts",
            "attempts that decided nothing took 9% of slot time (1 lost)",
        ]
    );
    assert!(findings(plain, false)[0].contains("its framework takes one spec per process"));
    assert!(findings(batch, false)[0].contains("workers of this run could make none"));
}

#[test]
fn a_collection_that_is_too_long_is_named() {
    let mut ledger = Ledger::new();
    let of = |name: &str| SpecAdded { collection: Some("db".to_owned()), ..spec(name) };
    ledger.group(
        0,
        "g",
        GroupPolicy { parallel: Parallel::All, ..GroupPolicy::default() },
        vec![of("a"), of("b"), spec("c"), of("d")],
    );
    ledger.seal(0);
    ledger.pass(0, 1000, on(0, "w", 0));
    ledger.pass(1000, 2000, on(1, "w", 0));
    ledger.pass(0, 900, on(2, "w", 1));
    ledger.pass(2000, 3000, on(3, "w", 0));
    let findings = TimeReport::of(&ledger.run()).findings;
    assert_eq!(findings[0], "the 3 attempts of collection db run one after the other: 3.0s of 3.0s");
    assert!(findings[1].contains("while specs waited: collections or workers"), "{findings:?}");
}

#[test]
fn a_run_that_did_nothing_has_nothing_to_tell() {
    let mut ledger = Ledger::new();
    ledger.group(0, "g", GroupPolicy::default(), vec![spec("a")]);
    ledger.seal(0);
    let report = TimeReport::of(&ledger.run());
    assert_eq!((report.chain.len(), report.findings.len(), report.shares.len()), (0, 0, 2));
    assert_eq!(report.shares[1], TimeShares::default());
}

/// An attempt of a made-up run: pause before it, its slot, whether it shares a process with the one before, how it ends,
/// and its phases on the worker's clock.
type Made = (u64, u32, bool, u8, (u64, u64, u64, u64));

fn made_up(made: &[Made]) -> TimeReport {
    let mut ledger = Ledger::new();
    let collection = |index: usize| (index.is_multiple_of(4)).then(|| "db".to_owned());
    let specs = |from: usize| {
        (from..made.len())
            .step_by(2)
            .map(|index| SpecAdded { collection: collection(index), ..spec(&index.to_string()) })
    };
    let (even, odd): (Vec<_>, Vec<_>) = (specs(0).collect(), specs(1).collect());
    let first_odd = even.len() as u32;
    ledger.group(0, "even", GroupPolicy::default(), even);
    ledger.group(0, "odd", GroupPolicy::default(), odd);
    ledger.seal(0);
    let mut events: Vec<(u64, u8, u32, u32)> = Vec::new();
    let mut free = [0u64; 3];
    let mut last: [Option<(u64, u32)>; 3] = [None; 3];
    let mut batches = std::collections::BTreeMap::new();
    for (place, (pause, slot, shares, ..)) in made.iter().enumerate() {
        let index = if place % 2 == 0 { 0 } else { first_odd } + place as u32 / 2;
        let at = *slot as usize;
        let (_, _, _, _, (setup, start_up, tests, _)) = made[place];
        // A shared process is of one group.
        let same = last[at].filter(|(_, first)| *shares && (*first < first_odd) == (index < first_odd));
        let from = same.map_or(free[at] + pause, |(from, _)| from);
        let first = same.map_or(index, |(_, first)| first);
        if let Some((_, first)) = same {
            batches.insert(first, first);
            batches.insert(index, first);
        }
        let end = free[at].max(from) + setup + start_up + tests / 2;
        (free[at], last[at]) = (end, Some((from, first)));
        events.push((from, 1, index, place as u32));
        events.push((end, 2, index, place as u32));
    }
    events.sort_unstable();
    for (at, kind, index, place) in events {
        let (_, slot, _, end, (setup, start_up, tests, teardown)) = made[place as usize];
        let attempt = Try { batch: batches.get(&index).copied(), ..on(index, "w", slot) };
        let verdict =
            [AttemptVerdict::Passed, AttemptVerdict::Failed, AttemptVerdict::Lost][usize::from(end % 3)];
        match kind {
            1 => ledger.assign(at, 1, attempt),
            _ => ledger.end(at, index, 1, verdict, timing(setup, start_up, tests, teardown)),
        }
    }
    TimeReport::of(&ledger.run())
}

proptest! {
    #[test]
    fn shares_add_up_and_the_chain_goes_forward(
        made in prop::collection::vec(
            (0u64..500, 0u32..3, any::<bool>(), 0u8..4, (0u64..50, 0u64..300, 0u64..900, 0u64..50)), 1..30,
        )
    ) {
        let report = made_up(&made);
        for shares in &report.shares {
            prop_assert_eq!(sum(shares), shares.total, "{:?}", shares);
        }
        let total = report.shares.last().expect("the run's");
        prop_assert_eq!(total.total.0, report.summary.makespan.0 * u64::from(report.summary.slots));
        let last = report.chain.last().expect("a link");
        prop_assert_eq!(last.end, report.summary.makespan);
        for pair in report.chain.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start && pair[0].start <= pair[1].start, "{:?}", pair);
        }
    }
}
