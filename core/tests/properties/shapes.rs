//! Arbitrary submissions: every rule that a run, a group and a spec may have, alone and together.

use part_core::{
    Algorithm, Expect, GroupPolicy, GroupSubmission, Joining, Lock, Millis, Parallel, Recipe, Requirements,
    RunPolicy, Sample, Selection, Source, SpecSubmission, Submission, SubmissionId, Threads, Timestamp,
    Workspace,
};
use proptest::prelude::*;

const NEEDS: [&str; 4] = ["", "os=linux", "os=macos", "browser.chromium>=120"];

/// Rules of a run. Bits of `rules` switch the rarer ones on.
#[derive(Clone, Debug)]
pub(crate) struct RunRules {
    max_failures: Option<u32>,
    lost_after: Option<u64>,
    build: u8,
    joining: Joining,
    rules: u16,
}

/// A group. Bits of `rules` switch on what it and its specs may have.
#[derive(Clone, Debug)]
pub(crate) struct GroupShape {
    label: u8,
    needs: usize,
    retries: u32,
    /// Duration of each spec where it is known.
    specs: Vec<Option<u64>>,
    rules: u32,
}

pub(crate) fn run_rules() -> impl Strategy<Value = RunRules> {
    let joining = prop_oneof![
        2 => Just(Joining::Never),
        3 => Just(Joining::Current),
        1 => (1u32..4).prop_map(Joining::Attempt),
    ];
    let failures = prop::option::weighted(0.3, 1u32..3);
    let lost_after = prop::option::weighted(0.2, 0u64..100_000);
    (failures, lost_after, 0u8..3, joining, sparse::<u16>()).prop_map(
        |(max_failures, lost_after, build, joining, rules)| RunRules {
            max_failures,
            lost_after,
            build,
            joining,
            rules,
        },
    )
}

pub(crate) fn group_shape() -> impl Strategy<Value = GroupShape> {
    let specs = prop::collection::vec(prop::option::weighted(0.8, 1u64..100_000), 1..7);
    (0u8..6, 0..NEEDS.len(), 0u32..3, specs, sparse::<u32>())
        .prop_map(|(label, needs, retries, specs, rules)| GroupShape { label, needs, retries, specs, rules })
}

/// Numbers with about a quarter of their bits set: rules are the exception.
fn sparse<N>() -> impl Strategy<Value = N>
where
    N: Arbitrary + std::ops::BitAnd<Output = N>,
{
    (any::<N>(), any::<N>()).prop_map(|(some, others)| some & others)
}

fn bit(rules: u32, place: u32) -> bool {
    rules >> place & 1 == 1
}

pub(crate) fn submission(id: SubmissionId, groups: &[GroupShape], rules: &RunRules) -> Submission {
    let on = |place| bit(u32::from(rules.rules), place);
    let mut known: Vec<GroupSubmission> = Vec::new();
    for (number, shape) in groups.iter().enumerate() {
        known.push(group(number, shape));
    }
    Submission {
        // Large, as real ones are: they are random.
        id,
        project: if on(0) { "other" } else { "shop" }.to_owned(),
        build: rules.build.to_string(),
        joining: rules.joining,
        past: Vec::new(),
        run_all: false,
        source: Source::default(),
        workspace: Workspace::InPlace("/srv/shop".to_owned()),
        policy: RunPolicy {
            max_failures: rules.max_failures.filter(|_| rules.joining == Joining::Never),
            lost_after: rules.lost_after.map(Millis).filter(|_| rules.joining == Joining::Never),
            completion_delay: if on(1) { Millis::seconds(20) } else { Millis::ZERO },
            expect: match (on(2), on(3)) {
                (false, _) => None,
                (true, false) => Some(Expect::Count(2)),
                (true, true) => Some(Expect::Labels(vec!["0 group 1".to_owned(), "0 group 2".to_owned()])),
            },
            weight: (on(4) && rules.joining == Joining::Never).then_some(3),
            priority: i32::from(on(5) && rules.joining == Joining::Never),
            retry_budget: (on(6) && rules.joining == Joining::Never).then_some(1),
            wait_for_workers: on(7).then_some(Millis::seconds(15)),
            failed_first: on(8),
            ..RunPolicy::default()
        },
        content: None,
        groups: known,
    }
}

fn group(number: usize, shape: &GroupShape) -> GroupSubmission {
    let on = |place| bit(shape.rules, place);
    let needs = NEEDS[shape.needs];
    let needs = if needs.is_empty() { Vec::new() } else { vec![needs.parse().expect("a requirement")] };
    let command = vec!["true".to_owned()];
    let select = Selection { command: command.clone(), join: String::new(), each: String::new() };
    GroupSubmission {
        label: format!("{number} group {}", shape.label),
        suite: "suite".to_owned(),
        requirements: Requirements::new(needs),
        policy: GroupPolicy {
            retries: shape.retries,
            parallel: match shape.rules & 3 {
                0 => Parallel::Collections,
                1 => Parallel::None,
                2 => Parallel::Assemblies,
                _ => Parallel::All,
            },
            threads: match shape.rules >> 2 & 3 {
                0 => Threads::Default,
                1 => Threads::Count(1),
                2 => Threads::Unlimited,
                _ => Threads::PerHundredCpus(50),
            },
            algorithm: if on(4) { Algorithm::Aggressive } else { Algorithm::Conservative },
            timeout_percent: on(5).then_some(500),
            backups: on(6) || on(7),
            no_batches: on(8),
            split: on(9) || on(10),
        },
        recipe: Recipe {
            batch: if on(11) || on(12) { command.clone() } else { Vec::new() },
            select: Some(select),
            ..Recipe::of_command(command)
        },
        overhead: (on(11) || on(13)).then_some(Millis::seconds(60)),
        specs: shape
            .specs
            .iter()
            .enumerate()
            .map(|(place, known)| spec(shape.rules, place, *known))
            .collect(),
    }
}

fn spec(rules: u32, place: usize, known: Option<u64>) -> SpecSubmission {
    let on = |at| bit(rules, at);
    let test = |number: u64| (format!("t{number}"), Millis(100 * number + 1));
    let lock = |name: &str, permits| Lock { name: name.to_owned(), permits };
    let mut locks = Vec::new();
    if on(14) && place.is_multiple_of(2) {
        locks.push(lock("db", 1));
    }
    if on(15) && place.is_multiple_of(3) {
        locks.push(lock("sandbox", 1 + u32::from(on(16))));
    }
    SpecSubmission {
        name: format!("spec {place}"),
        size_bytes: place as u64 * 100,
        history: known
            .map(|ms| Sample { at: Timestamp(0), duration: Millis(ms), tests: None })
            .into_iter()
            .collect(),
        expected_tests: (on(9) || on(10)).then(|| (0..4).map(|number| test(number).0).collect()),
        collection: ((on(17) || on(18)) && place.is_multiple_of(2)).then(|| format!("c{}", place % 3)),
        serial: on(19) && place % 3 == 1,
        assembly: on(20).then(|| format!("a{}", place % 2)),
        locks,
        quarantined: on(21) && place == 0,
        failed_last: on(22) && place == 1,
        whole: on(23) && place == 0,
        tests: if on(24) { (0..4).map(test).collect() } else { Vec::new() },
        ..SpecSubmission::default()
    }
}
