//! What people are told about a part.toml that is wrong.

use super::file::{self, parse};
use super::{ConfigError, Project, Warning};
use super::{rules, run, workspace};
use part_core::Millis;
use std::path::Path;

pub(super) fn read(text: &str) -> Result<(Project, Vec<Warning>), ConfigError> {
    parse(text, Path::new("part.toml"), Path::new("/home/you/shop/part.toml"), Path::new("/home/you/shop"))
}

/// The problems, or the warnings, as they are shown.
pub(super) fn told(text: &str) -> String {
    match read(text) {
        Ok((_, warnings)) => warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_whole_file_is_read() {
    let text = r#"
[project]
name = "shop"

[run]
max-failures = 10
workers = 2
lost-after = "90s"

[frameworks.django]
extends = "pytest"
env.DJANGO_SETTINGS_MODULE = "shop.settings"

[suites.e2e]
framework = "playwright"
timeout = "5m"
env = { BASE_URL = "http://localhost", PORT = 8080, CI = true, RATIO = 0.5 }
requires = ["os=linux"]
artifacts = ["test-results/**"]
args = ["--trace=on"]

[suites.api]
framework = "django"
folder = "./services/api/"
specs = ["services/api/tests/**/test_*.py"]
exclude = ["services/api/tests/wip/**"]

[suites.checks]
framework = "generic"
command = ["sh", "{spec}"]
report = "tap"
specs = ["checks/*.sh"]
copy-workspace = true
list-tests = false
idle-timeout = "0s"

[groups."package/admin"]
suite = "e2e"
specs = ["e2e/admin/**"]
requires = ["label.gpu", "browser.chromium>=120"]
retries = 2
env = { PORT = "9090" }
args = ["--headed"]

[groups.all]
suite = "api"
"#;
    let (project, warnings) = read(text).expect("a good file");
    assert_eq!(warnings, []);
    assert_eq!((project.name.as_str(), project.run.workers), ("shop", Some(2)));
    let names: Vec<&str> = project.suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(names, ["e2e", "api", "checks"]);
    let api = project.suite("api").expect("api");
    assert_eq!((api.folder.as_str(), api.framework.as_str()), ("services/api", "django"));
    let checks = project.suite("checks").expect("checks");
    assert_eq!(checks.report.as_ref().and_then(|report| report.stdout), Some(true));
    assert_eq!(checks.settings.idle_timeout, Some(Millis::ZERO));

    let labels: Vec<&str> = project.groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(labels, ["package/admin", "all"]);
    let suite = project.suite("e2e").expect("e2e");
    let group = project.group("package/admin").expect("the group");
    let both = suite.settings.under(&group.settings);
    assert_eq!(both.args, ["--trace=on", "--headed"]);
    assert_eq!(both.env["PORT"], "9090");
    assert_eq!((both.env["CI"].as_str(), both.env["RATIO"].as_str()), ("true", "0.5"));
    assert_eq!((both.retries, both.timeout), (Some(2), Some(Millis::seconds(300))));
    assert_eq!(both.requires.len(), 3);
}

#[test]
fn a_small_file_is_enough() {
    let (project, warnings) = read("[suites.unit]\nframework = \"go\"\n[groups.a]\n").expect("a good file");
    assert_eq!(warnings, []);
    assert_eq!((project.name.as_str(), project.groups[0].suite.as_str()), ("shop", "unit"));
}

#[test]
fn syntax_errors_stand_at_their_place() {
    insta::assert_snapshot!(told("[project\nname = \"shop\"\n\n[suites.e2e]\nframework = playwright\n"), @"
    part.toml:1:9: unclosed table, expected `]`
      |
    1 | [project
      |         ^

    part.toml:5:13: string values must be quoted, expected literal string
      |
    5 | framework = playwright
      |             ^^^^^^^^^^

    2 problems
    ");
    insta::assert_snapshot!(told("[groups.a]\nsuite = \"x\"\n\n[groups.a]\nsuite = \"y\"\n"), @r#"
    part.toml:4:9: duplicate key
      |
    4 | [groups.a]
      |         ^

    part.toml:5:1: duplicate key
      |
    5 | suite = "y"
      | ^^^^^

    2 problems
    "#);
}

#[test]
fn all_problems_are_shown_at_once() {
    let text = r#"
[project]
name = ""

[run]
max-failures = 0
workers = "two"

[suites.e2e]
framework = "playwrite"
specs = []

[suites.api]
framework = "pytest"
specs = "tests/**"
exclude = ["../other/*", "tests/["]
folder = "/srv/api"
timeout = "soon"
idle-timeout = 30
retries = 500
requires = ["os = ", "browser.chromium>=1"]
env = { PART_SPEC = "x", LIST = [] }
list-tests = "yes"
args = ["--x={reprot}"]

[suites.bare]

[groups."package/admin"]
suite = "e2f"

[groups.x]
"#;
    insta::assert_snapshot!(told(text), @r#"
    part.toml:3:8: a project name cannot be empty
      |
    3 | name = ""
      |        ^^

    part.toml:6:16: "max-failures" is a whole number from 1 to 4294967295
      |
    6 | max-failures = 0
      |                ^

    part.toml:7:11: "workers" is a whole number, not a string
      |
    7 | workers = "two"
      |           ^^^^^
      = write it without quotation marks

    part.toml:10:13: unknown framework "playwrite"
       |
    10 | framework = "playwrite"
       |             ^^^^^^^^^^^
       = did you mean "playwright"?

    part.toml:11:9: "specs" is empty
       |
    11 | specs = []
       |         ^^
       = leave the key out, or name at least one glob

    part.toml:15:9: "specs" is a list of strings, not a string
       |
    15 | specs = "tests/**"
       |         ^^^^^^^^^^
       = write specs = ["tests/**"]

    part.toml:16:12: "../other/*" leads out of the suite's folder
       |
    16 | exclude = ["../other/*", "tests/["]
       |            ^^^^^^^^^^^^

    part.toml:16:26: "tests/[" is not a glob: unclosed character class; missing ']'
       |
    16 | exclude = ["../other/*", "tests/["]
       |                          ^^^^^^^^^

    part.toml:17:10: "/srv/api" is no folder of the workspace
       |
    17 | folder = "/srv/api"
       |          ^^^^^^^^^^
       = write it relative to the folder of part.toml, like "services/api"

    part.toml:18:11: "soon" is neither a length of time (write `90s`, `5m`, `1h30m` or `500ms`) nor a multiple of the forecast (write `5x`)
       |
    18 | timeout = "soon"
       |           ^^^^^^

    part.toml:19:16: "idle-timeout" is a length of time and needs a unit
       |
    19 | idle-timeout = 30
       |                ^^
       = write "30s" for seconds

    part.toml:20:11: "retries" is a whole number from 0 to 100
       |
    20 | retries = 500
       |           ^^^

    part.toml:21:19: "os = " is not a requirement: a value is missing after `=`; an empty one is "" (column 6)
       |
    21 | requires = ["os = ", "browser.chromium>=1"]
       |                   ^

    part.toml:22:9: PART_SPEC is one of the variables that Part sets for each attempt
       |
    22 | env = { PART_SPEC = "x", LIST = [] }
       |         ^^^^^^^^^

    part.toml:22:33: "LIST" is a string, not a list
       |
    22 | env = { PART_SPEC = "x", LIST = [] }
       |                                 ^^
       = put it in quotation marks

    part.toml:23:14: "list-tests" is true or false, not a string
       |
    23 | list-tests = "yes"
       |              ^^^^^
       = write it without quotation marks

    part.toml:24:9: unknown placeholder {reprot} (a literal brace is written twice)
       |
    24 | args = ["--x={reprot}"]
       |         ^^^^^^^^^^^^^^

    part.toml:26:9: [suites.bare] does not say its framework
       |
    26 | [suites.bare]
       |         ^^^^
       = add framework = "…" with one of cypress, generic, go, jest, mocha, nextest, node-test, playwright, pytest, vitest, webdriverio, xctest, xunit, xunit-classes, xunit-console

    part.toml:29:9: there is no suite "e2f"
       |
    29 | suite = "e2f"
       |         ^^^^^
       = did you mean "e2e"?

    part.toml:31:9: [groups.x] does not say its suite
       |
    31 | [groups.x]
       |         ^
       = add suite = "…" with one of e2e, api, bare

    20 problems
    "#);
}

#[test]
fn frameworks_without_a_command_need_one() {
    let text = r#"
[suites.one]
framework = "generic"

[suites.two]
framework = "generic"
command = ["make", "test"]
report = "junti:out/*.xml"

[suites.three]
framework = "generic"
command = ["sh", "{sepc}"]
report = "exit-code:x"

[suites.four]
framework = "pytest"
command = ["python", "-m", "pytest", "{spec}"]
report = "tap"
"#;
    insta::assert_snapshot!(told(text), @r#"
    part.toml:2:9: [suites.one] has no command, and framework "generic" has none of its own
      |
    2 | [suites.one]
      |         ^^^
      = add one, like command = ["sh", "{spec}"]

    part.toml:7:11: the command does not mention {spec}: every spec would run the same
      |
    7 | command = ["make", "test"]
      |           ^^^^^^^^^^^^^^^^
      = put "{spec}" where the spec belongs

    part.toml:8:10: unknown report format "junti"
      |
    8 | report = "junti:out/*.xml"
      |          ^^^^^^^^^^^^^^^^^
      = did you mean "junit"?

    part.toml:12:18: unknown placeholder {sepc} (a literal brace is written twice)
       |
    12 | command = ["sh", "{sepc}"]
       |                  ^^^^^^^^

    part.toml:13:10: an exit code has no place; write report = "exit-code"
       |
    13 | report = "exit-code:x"
       |          ^^^^^^^^^^^^^

    part.toml:17:11: framework "pytest" has its own command
       |
    17 | command = ["python", "-m", "pytest", "{spec}"]
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = for another command, define [frameworks.NAME] with extends = "pytest"

    part.toml:18:10: framework "pytest" has its own report
       |
    18 | report = "tap"
       |          ^^^^^
       = for another report, define [frameworks.NAME] with extends = "pytest"

    7 problems
    "#);
}

#[test]
fn frameworks_of_the_project_are_checked_in_place() {
    let text = r#"
[frameworks.a]
extends = "pytst"

[frameworks.b.run]
command = ["bats"]

[frameworks.c]
extends = "pytest"
run.timeout = "soon"

[frameworks.d]
extends = "e"

[frameworks.e]
extends = "d"

[suites.uses-a]
framework = "a"

[suites.other]
framework = "bb"
"#;
    insta::assert_snapshot!(told(text), @r#"
    part.toml:3:1: unknown framework "pytst"
      |
    3 | extends = "pytst"
      | ^^^^^^^
      = did you mean "pytest"?

    part.toml:6:1: "run.command" of framework "b" mentions neither {spec} nor {specs}: every spec would run the same
      |
    6 | command = ["bats"]
      | ^^^^^^^

    part.toml:10:15: "soon" is not a length of time (write `90s`, `5m`, `1h30m` or `500ms`)
       |
    10 | run.timeout = "soon"
       |               ^^^^^^

    part.toml:13:1: framework "d" builds on itself
       |
    13 | extends = "e"
       | ^^^^^^^

    part.toml:22:13: unknown framework "bb"
       |
    22 | framework = "bb"
       |             ^^^^
       = known frameworks: cypress, generic, go, jest, mocha, nextest, node-test, playwright, pytest, vitest, webdriverio, xctest and 3 more

    5 problems
    "#);
}

#[test]
fn unknown_keys_warn_and_nothing_else() {
    let text = r#"
title = "shop"
workers = 3

[run]
max_failures = 3

[suites.e2e]
framework = "playwright"
spec = ["e2e/**"]
browser = "crhomium"

[groups.a]
framework = "pytest"
colour = "red"

[frameworks.x]
extends = "pytest"
run.comand = []
"#;
    insta::assert_snapshot!(told(text), @r#"
    part.toml:2:1: unknown key "title" is ignored
      |
    2 | title = "shop"
      | ^^^^^
      = known keys: project, run, workspace, setup, frameworks, suites, groups

    part.toml:3:1: unknown key "workers" is ignored
      |
    3 | workers = 3
      | ^^^^^^^
      = "workers" belongs to [run]

    part.toml:6:1: unknown key "max_failures" in [run] is ignored
      |
    6 | max_failures = 3
      | ^^^^^^^^^^^^
      = did you mean "max-failures"?

    part.toml:10:1: unknown key "spec" in [suites.e2e] is ignored
       |
    10 | spec = ["e2e/**"]
       | ^^^^
       = did you mean "specs"?

    part.toml:11:11: framework "playwright" does not know the browser "crhomium"
       |
    11 | browser = "crhomium"
       |           ^^^^^^^^^^
       = did you mean "chromium"?

    part.toml:14:1: unknown key "framework" in [groups.a] is ignored
       |
    14 | framework = "pytest"
       | ^^^^^^^^^
       = "framework" belongs to [suites.NAME]

    part.toml:15:1: unknown key "colour" in [groups.a] is ignored
       |
    15 | colour = "red"
       | ^^^^^^
       = known keys: suite, specs, exclude, requires, env, args, artifacts, browser, timeout, idle-timeout, grace, retries, list-tests, copy-workspace, parallel, max-threads, algorithm, backups, batches, split, locks, collections, collection-behavior, assemblies, quarantine, rules

    part.toml:19:5: unknown key "run.comand" in [frameworks.x] is ignored
       |
    19 | run.comand = []
       |     ^^^^^^
       = docs/frameworks.md lists the keys
    "#);
}

#[test]
fn sections_of_the_wrong_shape_are_named() {
    insta::assert_snapshot!(told("suites = 3\ngroups = [\"a\"]\n[frameworks]\nx = 1\n"), @r#"
    part.toml:1:10: "suites" is a table, not a whole number
      |
    1 | suites = 3
      |          ^
      = write it as a table: [suites]

    part.toml:2:10: "groups" is a table, not a list
      |
    2 | groups = ["a"]
      |          ^^^^^
      = write it as a table: [groups]

    part.toml:4:5: framework "x" is a table of its own
      |
    4 | x = 1
      |     ^
      = write it as a table: [frameworks.x]

    3 problems
    "#);
    insta::assert_snapshot!(told("[suites]\ne2e = \"playwright\"\n"), @r#"
    part.toml:2:7: "e2e" is a table, not a string
      |
    2 | e2e = "playwright"
      |       ^^^^^^^^^^^^
      = write it as a table: [suites.e2e]
    "#);
}

const REFERENCE: &str = include_str!("../../../docs/part-toml.md");

#[test]
fn the_reference_has_every_key() {
    let run = [file::PROJECT, run::RUN, workspace::WORKSPACE, workspace::SETUP];
    for known in run.into_iter().chain([file::SUITE, file::GROUP, rules::COLLECTION, rules::RULE]) {
        for key in known.keys {
            assert!(REFERENCE.contains(&format!("| `{key}` |")), "docs/part-toml.md has no row for {key:?}");
        }
    }
    for (format, _) in super::frameworks::FORMATS {
        let mentioned =
            [format!("`{format}`"), format!("`\"{format}")].iter().any(|text| REFERENCE.contains(text));
        assert!(mentioned, "docs/part-toml.md does not mention the report {format:?}");
    }
}

#[test]
fn the_examples_of_the_reference_load() {
    let blocks: Vec<&str> =
        REFERENCE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        assert_eq!(told(block), "", "{block}");
    }
}
