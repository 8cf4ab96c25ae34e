//! What part.toml and flags say of runs, groups and single specs.

use super::*;
use crate::config::{Balance, TimeLimit};
use part_core::{
    Algorithm, Expect, GroupPolicy, GroupSubmission, Lock, Millis, Parallel, RunPolicy, SpecSubmission,
    Threads,
};

const SUITE: &str = "[suites.e2e]\nframework = \"playwright\"\nlist-tests = false\n";
const FILES: [&str; 5] =
    ["admin/a.spec.ts", "admin/b.spec.ts", "billing/card.spec.ts", "billing/pay.spec.ts", "loose.spec.ts"];

fn lock(name: &str, permits: u32) -> Lock {
    Lock { name: name.to_owned(), permits }
}

fn resolved(part_toml: &str, flags: &str, overrides: &Overrides) -> Resolved {
    let workshop = Workshop::new(&format!("{SUITE}{part_toml}"), &FILES);
    workshop.resolve(&selection(flags), overrides).expect("resolves")
}

fn groups(part_toml: &str) -> Vec<GroupSubmission> {
    resolved(part_toml, "", &Overrides::default()).submission.groups
}

/// What is said of each spec, in short.
fn said(group: &GroupSubmission) -> Vec<String> {
    let one = |spec: &SpecSubmission| {
        let mut text = spec.name.clone();
        let named = [("in", &spec.collection), ("of", &spec.assembly)];
        for (word, name) in named.into_iter().filter_map(|(word, name)| Some((word, name.as_ref()?))) {
            text.push_str(&format!(" {word} {name}"));
        }
        for (word, yes) in [("serial", spec.serial), ("quarantined", spec.quarantined), ("whole", spec.whole)]
        {
            text.push_str(&if yes { format!(" {word}") } else { String::new() });
        }
        for lock in &spec.locks {
            text.push_str(&format!(" {}:{}", lock.name, lock.permits));
        }
        text
    };
    group.specs.iter().map(one).collect()
}

#[test]
fn a_runs_rules_come_from_flags_over_the_file() {
    let part_toml = r#"
[run]
max-failures = 4
completion-delay = "5m"
expect-groups = 2
weight = 2
priority = -5
retry-budget = 10
wait-for-workers = "1m"
failed-first = true
"#;
    let of_file = RunPolicy {
        max_failures: Some(4),
        completion_delay: Millis::seconds(300),
        expect: Some(Expect::Count(2)),
        weight: Some(2),
        priority: -5,
        retry_budget: Some(10),
        wait_for_workers: Some(Millis::seconds(60)),
        failed_first: true,
        ..RunPolicy::default()
    };
    let plain = resolved(part_toml, "", &Overrides::default());
    assert_eq!(plain.submission.policy, of_file);
    let labels = Expect::Labels(vec!["e2e".to_owned()]);
    let flags = Overrides {
        completion_delay: Some(Millis::ZERO),
        expect: Some(labels.clone()),
        weight: Some(9),
        priority: Some(1),
        retry_budget: Some(0),
        wait_for_workers: Some(Millis::seconds(5)),
        failed_first: Some(false),
        ..Overrides::default()
    };
    let flagged = RunPolicy {
        completion_delay: Millis::ZERO,
        expect: Some(labels),
        weight: Some(9),
        priority: 1,
        retry_budget: Some(0),
        wait_for_workers: Some(Millis::seconds(5)),
        failed_first: false,
        ..of_file
    };
    assert_eq!(resolved(part_toml, "", &flags).submission.policy, flagged);
}

#[test]
fn a_groups_rules_come_from_flags_over_the_group_over_its_suite() {
    let part_toml = r#"
parallel = "none"
max-threads = "2.0x"
algorithm = "aggressive"
timeout = "10m"
locks = ["database:2"]
[groups.a]
parallel = "all"
timeout = "5x"
backups = true
[groups.b]
batches = false
split = true
timeout = "90s"
"#;
    let [a, b] = groups(part_toml).try_into().expect("two groups");
    let suite = GroupPolicy {
        parallel: Parallel::None,
        threads: Threads::PerHundredCpus(200),
        algorithm: Algorithm::Aggressive,
        ..GroupPolicy::default()
    };
    let wanted =
        GroupPolicy { parallel: Parallel::All, timeout_percent: Some(500), backups: true, ..suite.clone() };
    assert_eq!((a.policy.clone(), a.recipe.timeout), (wanted, Some(Millis::seconds(600))));
    let wanted = GroupPolicy { no_batches: true, split: true, ..suite };
    assert_eq!((b.policy, b.recipe.timeout), (wanted, Some(Millis::seconds(90))));
    assert_eq!(said(&a)[0], "admin/a.spec.ts database:2");

    let flags = Overrides {
        timeout: Some(TimeLimit::Times(250)),
        balance: Balance {
            threads: Some(Threads::Count(1)),
            algorithm: Some(Algorithm::Conservative),
            backups: Some(false),
            ..Balance::default()
        },
        locks: vec![lock("database", 7), lock("printer", 1)],
        ..Overrides::default()
    };
    let flagged = resolved(part_toml, "--group a", &flags);
    let group = &flagged.submission.groups[0];
    let wanted = GroupPolicy {
        parallel: Parallel::All,
        threads: Threads::Count(1),
        timeout_percent: Some(250),
        ..GroupPolicy::default()
    };
    assert_eq!((group.policy.clone(), group.recipe.timeout), (wanted, Some(Millis::seconds(600))));
    assert_eq!(said(group)[0], "admin/a.spec.ts database:7 printer:1");
}

#[test]
fn rules_say_something_of_the_specs_that_they_name() {
    let part_toml = r#"
quarantine = ["loose*"]
locks = ["database"]
[suites.e2e.collections]
billing = ["billing/**"]
admin = { specs = ["admin"], parallel = false }
[suites.e2e.assemblies]
back = ["admin/**"]
front = ["billing/**"]
[[suites.e2e.rules]]
specs = ["billing/card*", "admin/a*"]
locks = ["sandbox:2"]
split = false
[groups.all]
split = true
[groups.other]
[groups.other.collections]
cards = ["billing/card.spec.ts"]
[[groups.other.rules]]
specs = ["**"]
quarantine = false
[[groups.other.rules]]
specs = ["billing/pay.spec.ts"]
quarantine = true
parallel = false
split = true
"#;
    let groups = groups(part_toml);
    insta::assert_debug_snapshot!(said(&groups[0]), @r#"
    [
        "admin/a.spec.ts in admin of back serial whole database:1 sandbox:2",
        "admin/b.spec.ts in admin of back serial database:1",
        "billing/card.spec.ts in billing of front whole database:1 sandbox:2",
        "billing/pay.spec.ts in billing of front database:1",
        "loose.spec.ts quarantined database:1",
    ]
    "#);
    insta::assert_debug_snapshot!(said(&groups[1]), @r#"
    [
        "admin/a.spec.ts in admin of back serial whole database:1 sandbox:2",
        "admin/b.spec.ts in admin of back serial whole database:1",
        "billing/card.spec.ts in cards of front whole database:1 sandbox:2",
        "billing/pay.spec.ts in billing of front serial quarantined database:1",
        "loose.spec.ts whole database:1",
    ]
    "#);
    // A rule that asks for splitting switches it on, for its specs alone.
    assert!(groups[0].policy.split && groups[1].policy.split);
}

#[test]
fn one_spec_that_runs_alone_makes_its_collection_do_so() {
    let part_toml =
        "collections.all = [\"**\"]\n[[suites.e2e.rules]]\nspecs = [\"loose*\"]\nparallel = false\n";
    assert!(groups(part_toml)[0].specs.iter().all(|spec| spec.serial));
    // Unless a later rule says otherwise.
    let more = "[[suites.e2e.rules]]\nspecs = [\"**\"]\nparallel = true\n";
    assert!(groups(&format!("{part_toml}{more}"))[0].specs.iter().all(|spec| !spec.serial));
}

#[test]
fn a_spec_in_two_collections_names_both_places() {
    let part_toml = r#"
[suites.e2e.collections]
billing = ["billing/**", "loose.spec.ts"]
cards = ["**/card*", "billing/pay*"]
[suites.e2e.assemblies]
one = ["loose*"]
two = ["**"]
[[suites.e2e.rules]]
specs = ["loose*"]
collection = "rest"
"#;
    let workshop = Workshop::new(&format!("{SUITE}{part_toml}"), &FILES);
    let error = workshop.resolve(&Selection::default(), &Overrides::default()).expect_err("two collections");
    assert!(!error.nothing_to_run());
    insta::assert_snapshot!(told(&error, &workshop.root()), @r#"
    part.toml:7:1: "billing/card.spec.ts" (and 1 more) is in two collections: collection "cards" here, and "billing" at part.toml:6:1
      |
    7 | cards = ["**/card*", "billing/pay*"]
      | ^^^^^
      = narrow the globs of one of them

    part.toml:10:1: "loose.spec.ts" is in two assemblies: assembly "two" here, and "one" at part.toml:9:1
       |
    10 | two = ["**"]
       | ^^^
       = narrow the globs of one of them

    part.toml:13:14: "loose.spec.ts" is in two collections: collection "rest" here, and "billing" at part.toml:6:1
       |
    13 | collection = "rest"
       |              ^^^^^^
       = narrow the globs of one of them

    3 problems
      hint: docs/part-toml.md describes collections and rules
    "#);
}

#[test]
fn too_many_locks_of_one_spec_are_refused() {
    let many = |from: usize| {
        let names: Vec<String> = (from..from + 9).map(|number| format!("\"lock{number}\"")).collect();
        names.join(", ")
    };
    let part_toml =
        format!("locks = [{}]\n[[suites.e2e.rules]]\nspecs = [\"loose*\"]\nlocks = [{}]\n", many(0), many(9));
    let workshop = Workshop::new(&format!("{SUITE}{part_toml}"), &FILES);
    let error = workshop.resolve(&Selection::default(), &Overrides::default()).expect_err("too many locks");
    let told = told(&error, &workshop.root());
    assert!(told.contains("\"loose.spec.ts\" would hold 18 locks, allowed are 16"), "{told}");
}

#[test]
fn globs_that_name_no_spec_are_warned_about_once() {
    let part_toml = r#"
quarantine = ["lose.spec.ts", "loose.spec.ts"]
exclude = ["admin/b.spec.ts"]
[suites.e2e.collections]
billing = ["biling/**"]
b = ["admin/b.spec.ts"]
[groups.a]
specs = ["admin/**"]
[[groups.a.rules]]
specs = ["billing/**"]
split = false
[groups.b]
specs = ["billing/**"]
"#;
    let notes = |flags: &str| resolved(part_toml, flags, &Overrides::default()).notes;
    insta::assert_snapshot!(notes("").join("\n"), @r#"
    part.toml:5:15: "lose.spec.ts" matches nothing
      |
    5 | quarantine = ["lose.spec.ts", "loose.spec.ts"]
      |               ^^^^^^^^^^^^^^
      = it names no spec; globs are relative to the suite's folder
    part.toml:8:12: "biling/**" matches nothing
      |
    8 | billing = ["biling/**"]
      |            ^^^^^^^^^^^
      = it names no spec; globs are relative to the suite's folder
    part.toml:9:6: "admin/b.spec.ts" matches nothing
      |
    9 | b = ["admin/b.spec.ts"]
      |      ^^^^^^^^^^^^^^^^^
      = it names no spec; globs are relative to the suite's folder
    part.toml:13:10: "billing/**" matches nothing
       |
    13 | specs = ["billing/**"]
       |          ^^^^^^^^^^^^
       = it names no spec; globs are relative to the suite's folder
    "#);
    // The suite's globs are warned about whatever is submitted of it; those that fit other groups are not.
    assert_eq!(notes("--group b").len(), 3);
    assert_eq!(notes("--group b --spec billing/pay.spec.ts").len(), 3);
}
