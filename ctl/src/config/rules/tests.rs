//! What runs beside what: keys of runs, suites and groups, and rules for some specs.

use super::super::model::{Balance, SpecRule};
use super::super::tests::{read, told};
use part_core::{Algorithm, Expect, Lock, Millis, Parallel, Threads};

const SUITE: &str = "[suites.e2e]\nframework = \"playwright\"\n";

fn locks(all: &[(&str, u32)]) -> Vec<Lock> {
    all.iter().map(|(name, permits)| Lock { name: (*name).to_owned(), permits: *permits }).collect()
}

fn globs(rule: &SpecRule) -> Vec<&str> {
    rule.specs.iter().map(|placed| placed.glob.as_str()).collect()
}

#[test]
fn a_run_has_rules() {
    let text = r#"
[run]
auto-cancel-after-failures = 5
completion-delay = "2m"
expect-groups = ["api", "e2e"]
weight = 3
priority = -10
retry-budget = 20
wait-for-workers = "10m"
failed-first = true
"#;
    let (project, warnings) = read(&format!("{text}{SUITE}")).expect("a good file");
    assert_eq!(warnings, []);
    let run = project.run;
    assert_eq!((run.max_failures, run.completion_delay), (Some(5), Some(Millis::seconds(120))));
    assert_eq!(run.expect, Some(Expect::Labels(vec!["api".to_owned(), "e2e".to_owned()])));
    assert_eq!((run.weight, run.priority, run.retry_budget), (Some(3), Some(-10), Some(20)));
    assert_eq!((run.wait_for_workers, run.failed_first), (Some(Millis::seconds(600)), Some(true)));
    let (project, _) = read(&format!("[run]\nexpect-groups = 3\n{SUITE}")).expect("a good file");
    assert_eq!(project.run.expect, Some(Expect::Count(3)));
}

#[test]
fn a_group_sets_its_balance_over_its_suites() {
    let text = r#"
parallel = "none"
max-threads = "0,5X"
algorithm = "aggressive"
backups = true
timeout = "10m"
locks = ["printer", "sandbox:2"]

[groups.a]
parallel = "Assemblies"
timeout = "5x"
batches = false
locks = ["database:3", "printer:1"]

[groups.b]
max-threads = -1
timeout = "90s"
split = true
"#;
    let (project, warnings) = read(&format!("{SUITE}{text}")).expect("a good file");
    assert_eq!(warnings, []);
    let suite = project.suite("e2e").expect("the suite");
    let of = |label: &str| suite.settings.under(&project.group(label).expect(label).settings);
    let a = of("a");
    let wide = Balance {
        parallel: Some(Parallel::None),
        threads: Some(Threads::PerHundredCpus(50)),
        algorithm: Some(Algorithm::Aggressive),
        backups: Some(true),
        batches: None,
        split: None,
    };
    assert_eq!(suite.settings.balance, wide);
    assert_eq!(a.balance, Balance { parallel: Some(Parallel::Assemblies), batches: Some(false), ..wide });
    assert_eq!(a.locks, locks(&[("database", 3), ("printer", 1), ("sandbox", 2)]));
    // A multiple leaves the suite's limit as the upper one, a length takes its place.
    assert_eq!((a.timeout, a.timeout_percent), (Some(Millis::seconds(600)), Some(500)));
    let b = of("b");
    assert_eq!(b.balance, Balance { threads: Some(Threads::Unlimited), split: Some(true), ..wide });
    assert_eq!((b.timeout, b.timeout_percent), (Some(Millis::seconds(90)), None));
    let again = a.under(&b);
    assert_eq!((again.timeout, again.timeout_percent), (b.timeout, None));
}

#[test]
fn numbers_of_threads_are_written_as_for_xunit() {
    let table = [
        ("0", Threads::Default),
        ("\"default\"", Threads::Default),
        ("-1", Threads::Unlimited),
        ("\"unlimited\"", Threads::Unlimited),
        ("6", Threads::Count(6)),
        ("0x10", Threads::Count(16)),
        ("\"2.0x\"", Threads::PerHundredCpus(200)),
        ("\"0,5X\"", Threads::PerHundredCpus(50)),
    ];
    for (written, threads) in table {
        let (project, _) = read(&format!("{SUITE}max-threads = {written}\n")).expect(written);
        assert_eq!(project.suites[0].settings.balance.threads, Some(threads), "{written}");
    }
    for written in ["-2", "2.0", "\"two\"", "true", "9999999999999999999"] {
        assert!(told(&format!("{SUITE}max-threads = {written}\n")).contains("part.toml:3:15: "), "{written}");
    }
}

#[test]
fn rules_stand_in_the_order_in_which_they_count() {
    let text = r#"
quarantine = ["e2e/flaky/**"]

[suites.e2e.collections]
billing = ["e2e/billing/**", "e2e/invoice.spec.ts"]
admin = { specs = ["e2e/admin/**"], parallel = false }

[suites.e2e.assemblies]
front = ["e2e/front/**"]

[[suites.e2e.rules]]
specs = ["e2e/print*.spec.ts"]
collection = "billing"
locks = ["printer", "sandbox:2"]
split = false

[groups.all]

[[groups.all.rules]]
specs = ["e2e/flaky/mended.spec.ts"]
quarantine = false
parallel = true
"#;
    let (project, warnings) = read(&format!("{SUITE}{text}")).expect("a good file");
    assert_eq!(warnings, []);
    let [billing, admin, front, flaky, print] = project.suites[0].rules.as_slice() else {
        panic!("{:?}", project.suites[0].rules)
    };
    assert_eq!(globs(billing), ["e2e/billing/**", "e2e/invoice.spec.ts"]);
    assert_eq!((billing.collection.as_deref(), billing.parallel), (Some("billing"), None));
    assert_eq!((admin.collection.as_deref(), admin.parallel), (Some("admin"), Some(false)));
    assert_eq!((globs(admin), globs(front)), (vec!["e2e/admin/**"], vec!["e2e/front/**"]));
    assert_eq!((front.assembly.as_deref(), flaky.quarantine), (Some("front"), Some(true)));
    assert_eq!(print.locks, locks(&[("printer", 1), ("sandbox", 2)]));
    assert_eq!((print.collection.as_deref(), print.split), (Some("billing"), Some(false)));
    let [mended] = project.groups[0].rules.as_slice() else { panic!("{:?}", project.groups[0].rules) };
    assert_eq!((mended.quarantine, mended.parallel), (Some(false), Some(true)));
}

#[test]
fn all_that_is_wrong_is_shown_at_its_place() {
    let text = r#"
[run]
max-failures = 1
auto-cancel-after-failures = 2
completion-delay = "25h"
expect-groups = ["a", "a", ""]
weight = 0
priority = 5000

[suites.e2e]
framework = "playwright"
parallel = "colections"
algorithm = true
max-threads = 2.0
timeout = "0.5x"
locks = ["printer:2", "a:b"]
quarantine = []

[suites.e2e.collections]
billing = "e2e/**"
admin = { parallel = "no" }
"" = ["x["]

[groups.g]
locks = ["printer", "sandbox", "sandbox"]
assemblies = ["x"]

[[groups.g.rules]]
collection = "x"
locks = [3]
"#;
    insta::assert_snapshot!(told(text), @r#"
    part.toml:4:30: "auto-cancel-after-failures" says the same as "max-failures"
      |
    4 | auto-cancel-after-failures = 2
      |                              ^
      = leave one of them out

    part.toml:5:20: "completion-delay" is at most 24 hours
      |
    5 | completion-delay = "25h"
      |                    ^^^^^

    part.toml:6:23: group "a" is named twice
      |
    6 | expect-groups = ["a", "a", ""]
      |                       ^^^

    part.toml:6:28: a group label cannot be empty
      |
    6 | expect-groups = ["a", "a", ""]
      |                            ^^

    part.toml:7:10: "weight" is a whole number from 1 to 1000
      |
    7 | weight = 0
      |          ^

    part.toml:8:12: "priority" is a whole number from -1000 to 1000
      |
    8 | priority = 5000
      |            ^^^^

    part.toml:12:12: "colections" is no level of parallel runs: write "none", "collections", "assemblies" or "all"
       |
    12 | parallel = "colections"
       |            ^^^^^^^^^^^^
       = did you mean "collections"?

    part.toml:13:13: "algorithm" is a string, not true or false
       |
    13 | algorithm = true
       |             ^^^^
       = write one of "conservative", "aggressive"

    part.toml:14:15: "max-threads" is a whole number or a string, not a fraction
       |
    14 | max-threads = 2.0
       |               ^^^
       = for a multiple of the CPUs write "2.0x"

    part.toml:15:11: "0.5x" is no multiple of the forecast that can be a limit: allowed are "1x" to "1000x", with two decimals
       |
    15 | timeout = "0.5x"
       |           ^^^^^^

    part.toml:16:23: "a:b" is no lock: after the colon stands how many specs may hold it, from 1 to 10000, as in "sandbox:2"
       |
    16 | locks = ["printer:2", "a:b"]
       |                       ^^^^^

    part.toml:17:14: "quarantine" is empty
       |
    17 | quarantine = []
       |              ^^
       = leave the key out, or name at least one glob

    part.toml:20:11: "billing" is a list of strings, not a string
       |
    20 | billing = "e2e/**"
       |           ^^^^^^^^
       = write billing = ["e2e/**"]

    part.toml:21:1: a collection does not say its specs
       |
    21 | admin = { parallel = "no" }
       | ^^^^^
       = add specs = ["…"] with globs as in the suite

    part.toml:21:22: "parallel" is true or false, not a string
       |
    21 | admin = { parallel = "no" }
       |                      ^^^^
       = write it without quotation marks

    part.toml:22:1: a collection name cannot be empty
       |
    22 | "" = ["x["]
       | ^^

    part.toml:22:7: "x[" is not a glob: unclosed character class; missing ']'
       |
    22 | "" = ["x["]
       |       ^^^^

    part.toml:25:10: lock "printer" has permits 1 here and 2 at part.toml:16:10
       |
    25 | locks = ["printer", "sandbox", "sandbox"]
       |          ^^^^^^^^^
       = a lock is one for the whole mesh: give it the same number everywhere

    part.toml:25:32: lock "sandbox" is named twice
       |
    25 | locks = ["printer", "sandbox", "sandbox"]
       |                                ^^^^^^^^^

    part.toml:26:14: "assemblies" is a table, not a list
       |
    26 | assemblies = ["x"]
       |              ^^^^^
       = write it as a table: [groups.g.assemblies]

    part.toml:28:1: a rule does not say its specs
       |
    28 | [[groups.g.rules]]
       | ^^^^^^^^^^^^^^^^^^
       = add specs = ["…"] with globs as in the suite

    part.toml:30:10: "locks" is a list of strings, not a whole number
       |
    30 | locks = [3]
       |          ^
       = put each element in quotation marks

    22 problems
    "#);
}

#[test]
fn what_does_nothing_is_warned_about() {
    let text = r#"
colections = {}

[suites.e2e.collections.billing]
specs = ["e2e/**"]
paralel = false

[[suites.e2e.rules]]
specs = ["e2e/**"]
retries = 3

[run]
parallel = "all"
"#;
    insta::assert_snapshot!(told(&format!("{SUITE}{text}")), @r#"
    part.toml:4:1: unknown key "colections" in [suites.e2e] is ignored
      |
    4 | colections = {}
      | ^^^^^^^^^^
      = did you mean "collections"?

    part.toml:8:1: unknown key "paralel" in [suites.e2e.collections.billing] is ignored
      |
    8 | paralel = false
      | ^^^^^^^
      = did you mean "parallel"?

    part.toml:10:1: this rule says nothing of its specs
       |
    10 | [[suites.e2e.rules]]
       | ^^^^^^^^^^^^^^^^^^^^
       = add one of collection, parallel, locks, quarantine and split

    part.toml:12:1: unknown key "retries" in [[suites.e2e.rules]] is ignored
       |
    12 | retries = 3
       | ^^^^^^^
       = "retries" belongs to [suites.NAME] or [groups.LABEL]

    part.toml:15:1: unknown key "parallel" in [run] is ignored
       |
    15 | parallel = "all"
       | ^^^^^^^^
       = "parallel" belongs to [suites.NAME] or [groups.LABEL]
    "#);
}

#[test]
fn there_is_a_bound_for_everything() {
    let many: Vec<String> = (0..17).map(|number| format!("\"lock{number}\"")).collect();
    let rule = "[[suites.e2e.rules]]\nspecs = [\"a\"]\nsplit = true\n";
    let table = [
        (format!("locks = [{}]\n", many.join(", ")), "at most 16 locks, here are 17"),
        (format!("locks = [\"{}\"]\n", "x".repeat(129)), "at most 128 bytes"),
        ("locks = [\"x:10001\"]\n".to_owned(), "from 1 to 10000"),
        (format!("collections.\"{}\" = [\"a\"]\n", "x".repeat(513)), "at most 512 bytes"),
        (format!("assemblies.\"{}\" = [\"a\"]\n", "x".repeat(513)), "at most 512 bytes"),
        (rule.repeat(1001), "has 1001 rules, allowed are 1000"),
        ("timeout = \"1001x\"\n".to_owned(), "\"1x\" to \"1000x\""),
        ("[run]\nexpect-groups = 10001\n".to_owned(), "from 1 to 10000"),
        ("[run]\nretry-budget = 1000001\n".to_owned(), "from 0 to 1000000"),
    ];
    for (text, expected) in table {
        let told = told(&format!("{SUITE}{text}"));
        assert!(told.contains(expected), "{told}");
    }
}
