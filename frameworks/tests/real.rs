//! Every built-in framework that can be had here, run for real by the commands that its table gives: listing specs
//! and tests, running, selecting; that ids in listings and reports are the same; that failures arrive, and that
//! nothing that ran no test is ever green.
//!
//! A framework that is not installed is skipped with a message: `cargo xtask test` installs them all.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

#[path = "real/harness.rs"]
mod harness;

use harness::{Ran, Suite, suites};
use part_core::{AttemptVerdict, InvalidReason, Millis, ReportFormat, TestOutcome};
use part_frameworks::table::ReportTable;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const FAILED: AttemptVerdict = AttemptVerdict::Failed;
const PASSED: AttemptVerdict = AttemptVerdict::Passed;
const NO_TESTS: AttemptVerdict = AttemptVerdict::Invalid(InvalidReason::NoTests);
const REPORT: AttemptVerdict = AttemptVerdict::Invalid(InvalidReason::Report);

/// What is the same for all suites.
struct Expectation {
    name: &'static str,
    globs: &'static [&'static str],
    specs: &'static [&'static str],
    /// The tests that listing gives for the first of `specs`; none where it cannot.
    listed: Option<&'static [&'static str]>,
    /// The tests that running the first of `specs` reports as passed and as skipped: these and no others, so that
    /// a filter which runs more than the spec is found out.
    passed: &'static [&'static str],
    skipped: &'static [&'static str],
    /// The spec with the switch, and the id of that test.
    switch: (&'static str, &'static str),
    /// The spec that SUITE_EMPTY empties, and what that comes to.
    empty: (&'static str, AttemptVerdict),
    /// Tests to select in a spec; none where the framework cannot.
    select: Option<(&'static str, &'static [&'static str])>,
}

impl Expectation {
    fn check(&self) {
        let suite = Suite::of(self.name);
        let specs = suite.specs(self.globs);
        assert_eq!(specs, sorted(owned(self.specs)));
        let listed = suite.tests(&specs);
        let first = listed.as_ref().map(|listed| listed[self.specs[0]].clone());
        assert_eq!(first.map(sorted), self.listed.map(|ids| sorted(owned(ids))));

        for spec in &specs {
            let expected = listed.as_ref().map(|listed| listed[spec].as_slice());
            let ran = suite.run(spec, expected);
            ran.is(PASSED);
            assert!(
                ran.judged.missing.is_empty() && !ran.ids(TestOutcome::Passed).is_empty(),
                "{spec}: {ran:?}"
            );
            if spec == self.specs[0] {
                self.check_first(&ran);
            }
        }
        self.check_failure(&suite);
        let (spec, verdict) = self.empty;
        suite.run_with(&suite.with_env("SUITE_EMPTY"), spec, None).is(verdict);
        if let Some((spec, tests)) = self.select {
            let ran = suite.select(spec, &owned(tests));
            ran.is(PASSED);
            assert_eq!(ran.ids(TestOutcome::Passed), tests, "{ran:?}");
            assert_eq!(ran.parsed.tests.len(), tests.len(), "what is not selected does not count: {ran:?}");
        }
        if suite.framework.batch.is_some() {
            self.check_batch(&suite, &specs, listed.as_ref());
        }
        assert_eq!(suite.litter(self.name), Vec::<String>::new());
    }

    /// In one process, each spec comes to what it comes to alone.
    fn check_batch(&self, suite: &Suite, specs: &[String], listed: Option<&BTreeMap<String, Vec<String>>>) {
        let expected: Vec<Option<&[String]>> =
            specs.iter().map(|spec| listed.map(|listed| listed[spec].as_slice())).collect();
        let whole = suite.batch(&suite.options, specs, &expected, None);
        for (spec, ran) in specs.iter().zip(whole) {
            let ran = ran.unwrap_or_else(|why| panic!("{spec}: {why}"));
            ran.is(PASSED);
            assert!(
                ran.whole && !ran.ids(TestOutcome::Passed).is_empty() && ran.judged.missing.is_empty(),
                "{spec}: {ran:?}"
            );
            if spec == self.specs[0] {
                self.check_first(&ran);
            }
        }
        let nothing = vec![None; specs.len()];
        for (variable, changed, verdict) in
            [("SUITE_FAIL", self.switch.0, FAILED), ("SUITE_EMPTY", self.empty.0, self.empty.1)]
        {
            let ends = suite.batch(&suite.with_env(variable), specs, &nothing, None);
            for (spec, ran) in specs.iter().zip(ends) {
                match ran {
                    Ok(ran) => drop(ran.is(if spec == changed { verdict } else { PASSED })),
                    // Vitest fails for it, which nothing in its report explains.
                    Err(_) if self.name == "vitest" && variable == "SUITE_EMPTY" => {}
                    Err(why) => panic!("{spec}: {why}"),
                }
            }
        }
    }

    fn check_first(&self, ran: &Ran) {
        for (outcome, ids) in [(TestOutcome::Passed, self.passed), (TestOutcome::Skipped, self.skipped)] {
            assert_eq!(ran.ids(outcome), ids, "{ran:?}");
        }
    }

    fn check_failure(&self, suite: &Suite) {
        let (spec, id) = self.switch;
        let ran = suite.run_with(&suite.with_env("SUITE_FAIL"), spec, None);
        ran.is(FAILED);
        assert_eq!(ran.ids(TestOutcome::Failed), [id]);
        let failed = ran.parsed.tests.iter().find(|test| test.id == id).expect("the test");
        assert!(failed.message.is_some() || failed.detail.is_some() || failed.output.is_some(), "{failed:?}");
    }
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

/// False, with a message, where the program is not there.
fn has(program: impl AsRef<Path>, arguments: &[&str]) -> bool {
    let program = program.as_ref();
    let started = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = started.is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: {} is not installed", program.display());
    }
    there
}

/// False, with a message, where the npm packages of a suite are not installed.
fn has_packages(suite: &str) -> bool {
    let folder = suites().join(suite).join("node_modules");
    let there = folder.exists();
    if !there {
        eprintln!("skipped: run `npm ci` in tests/suites/{suite}");
    }
    there && has("node", &["--version"])
}

fn has_browser() -> bool {
    has_at("CHROMIUM", "/usr/bin/chromium")
}

/// As [`has`], for a program whose place a variable may say.
fn has_at(variable: &str, usual: &str) -> bool {
    has(Path::new(&std::env::var_os(variable).unwrap_or_else(|| usual.into())), &["--version"])
}

#[test]
fn pytest() {
    let own = suites().join("pytest/.venv/bin/pytest");
    if !has(if own.exists() { own.as_path() } else { Path::new("pytest") }, &["--version"]) {
        return;
    }
    Expectation {
        name: "pytest",
        globs: &["tests/**/test_*.py"],
        specs: &["tests/admin/test_users.py", "tests/test_cart.py", "tests/test_price.py"],
        listed: Some(&["test_rename", "Users::test_create", "Users::test_password", "Users::test_subtests"]),
        passed: &["Users::test_create", "Users::test_subtests"],
        skipped: &["Users::test_password", "test_rename"],
        switch: ("tests/test_price.py", "test_the_switch"),
        empty: ("tests/test_cart.py", NO_TESTS),
        select: Some(("tests/test_price.py", &["test_parse[a::b [x]]", "test_tax_is_added[0-DE]"])),
    }
    .check();
}

#[test]
fn playwright() {
    if !has_packages("playwright") || !has_browser() {
        return;
    }
    Expectation {
        name: "playwright",
        globs: &["tests/**/*.spec.js"],
        specs: &[
            "tests/admin/users.spec.js",
            "tests/admin/superusers.spec.js",
            "tests/cart.spec.js",
            "tests/price.spec.js",
        ],
        listed: Some(&["create › confirm", "passwords › are elsewhere"]),
        passed: &["create › confirm"],
        skipped: &["passwords › are elsewhere"],
        switch: ("tests/price.spec.js", "price › the switch"),
        empty: ("tests/cart.spec.js", NO_TESTS),
        select: Some((
            "tests/price.spec.js",
            &["price › rounding", "price › tax of FR is 20 percent (a+b)* [x]"],
        )),
    }
    .check();
}

#[test]
fn jest() {
    if !has_packages("jest") {
        return;
    }
    Expectation {
        name: "jest",
        globs: &["test/**/*.test.js"],
        specs: &["test/admin/users.test.js", "test/cart.test.js", "test/price.test.js"],
        listed: Some(&["create", "passwords > are elsewhere"]),
        passed: &["create"],
        skipped: &["passwords > are elsewhere"],
        switch: ("test/price.test.js", "price > the switch"),
        // Jest calls a file without tests a failure, and says so.
        empty: ("test/cart.test.js", FAILED),
        select: Some(("test/cart.test.js", &["cart > same name", "cart > with goods > größe wächst ✓"])),
    }
    .check();
}

#[test]
fn vitest() {
    if !has_packages("vitest") {
        return;
    }
    Expectation {
        name: "vitest",
        globs: &["**/*.test.js"],
        specs: &[
            "test/admin/users.test.js",
            "more/test/admin/users.test.js",
            "test/cart.test.js",
            "test/price.test.js",
        ],
        // Vitest does not list what it would skip.
        listed: Some(&["create"]),
        passed: &["create"],
        skipped: &["passwords > are elsewhere"],
        switch: ("test/price.test.js", "price > the switch"),
        empty: ("test/cart.test.js", NO_TESTS),
        select: Some(("test/cart.test.js", &["cart > same name", "cart > with goods > größe wächst ✓"])),
    }
    .check();
}

#[test]
fn mocha() {
    if !has_packages("mocha") {
        return;
    }
    Expectation {
        name: "mocha",
        globs: &["test/**/*.spec.js"],
        specs: &["test/admin/users.spec.js", "test/cart.spec.js", "test/price.spec.js"],
        listed: Some(&["create", "passwords > are elsewhere"]),
        passed: &["create"],
        skipped: &["passwords > are elsewhere"],
        switch: ("test/price.spec.js", "price > the switch"),
        empty: ("test/cart.spec.js", NO_TESTS),
        select: Some(("test/cart.spec.js", &["cart > same name", "cart > with goods > größe wächst ✓"])),
    }
    .check();
}

#[test]
fn node_test() {
    if !has("node", &["--test-reporter=junit", "--eval", ""]) {
        return;
    }
    Expectation {
        name: "node-test",
        globs: &["test/**/*.test.js"],
        specs: &["test/admin/users.test.js", "test/cart.test.js", "test/price.test.js"],
        listed: None,
        passed: &["create"],
        skipped: &["passwords"],
        switch: ("test/price.test.js", "the switch"),
        // Without any test, Node.js writes no report.
        empty: ("test/cart.test.js", REPORT),
        select: None,
    }
    .check();
}

#[test]
fn webdriverio() {
    if !has_packages("webdriverio") || !has_browser() || !has_at("CHROMEDRIVER", "/usr/bin/chromedriver") {
        return;
    }
    Expectation {
        name: "webdriverio",
        globs: &["test/**/*.e2e.js"],
        specs: &["test/admin/users.e2e.js", "test/cart.e2e.js", "test/price.e2e.js"],
        listed: None,
        passed: &["create"],
        skipped: &["passwords > are elsewhere"],
        switch: ("test/price.e2e.js", "price > the switch"),
        empty: ("test/cart.e2e.js", NO_TESTS),
        select: Some(("test/cart.e2e.js", &["cart > same name"])),
    }
    .check();
}

#[test]
fn nextest() {
    if !has("cargo", &["nextest", "--version"]) {
        return;
    }
    Expectation {
        name: "nextest",
        globs: &["**"],
        specs: &["suite-nextest", "suite-nextest::cart", "suite-nextest::price", "suite-nextest::users"],
        listed: Some(&["tests::größe::same_name", "tests::größe::wächst", "tests::same_name"]),
        passed: &["tests::größe::same_name", "tests::größe::wächst", "tests::same_name"],
        skipped: &["tests::norway"],
        switch: ("suite-nextest::price", "the_switch"),
        empty: ("suite-nextest::cart", NO_TESTS),
        select: Some(("suite-nextest::price", &["rates::de", "rates::fr"])),
    }
    .check();
}

#[test]
fn go() {
    if !has("go", &["version"]) {
        return;
    }
    Expectation {
        name: "go",
        globs: &["**"],
        specs: &["example.com/shop/cart", "example.com/shop/price", "example.com/shop/users"],
        listed: Some(&["TestGrößeWächst", "TestParallel"]),
        passed: &[
            "TestGrößeWächst",
            "TestGrößeWächst/same_name",
            "TestGrößeWächst/with_goods",
            "TestGrößeWächst/with_goods/größe_✓",
            "TestGrößeWächst/with_goods/same_name",
            "TestParallel",
            "TestParallel/a",
            "TestParallel/b",
        ],
        skipped: &[],
        switch: ("example.com/shop/price", "TestSwitch"),
        empty: ("example.com/shop/cart", NO_TESTS),
        select: Some(("example.com/shop/price", &["ExampleGross", "TestSwitch"])),
    }
    .check();
}

/// Three specs of which the second one takes down its process. They run in this order: pytest and Mocha take them as they
/// are given, Jest the largest first.
fn crash(name: &str, specs: [(&str, String); 3], verdicts: [Option<AttemptVerdict>; 3]) {
    let suite = Suite::of(name);
    let names: Vec<String> = specs.iter().map(|(spec, _)| (*spec).to_owned()).collect();
    for (spec, text) in specs {
        fs::write(suite.root.join(spec), text).expect("a file");
    }
    let ends = suite.batch(&suite.options, &names, &[None; 3], None);
    let found: Vec<_> = ends.iter().map(|end| end.as_ref().ok().map(|ran| ran.judged.verdict)).collect();
    assert_eq!(found, verdicts, "{ends:#?}");
    if verdicts[1] == Some(AttemptVerdict::Crashed) {
        let judged = &ends[1].as_ref().expect("a result").judged;
        assert_eq!(judged.message, "its process died of signal 9, while `it dies` was running");
        assert_eq!(ends[0].as_ref().expect("kept").ids(TestOutcome::Passed), ["it runs"]);
    }
}

const CRASHED: Option<AttemptVerdict> = Some(AttemptVerdict::Crashed);

#[test]
fn a_crash_in_jest_is_pinned() {
    if has_packages("jest") {
        let large = format!("test('it runs', () => {{}});\n{}", "// large\n".repeat(99));
        let dies = "test('it dies', () => process.kill(process.pid, 'SIGKILL'));\n// middle\n";
        let specs = [
            ("test/a.test.js", large),
            ("test/b.test.js", dies.to_owned()),
            ("test/c.test.js", "test('x', () => {});".to_owned()),
        ];
        crash("jest", specs, [Some(PASSED), CRASHED, None]);
    }
}

#[test]
fn a_crash_in_mocha_is_pinned() {
    if has_packages("mocha") {
        let runs = "it('it runs', () => {});".to_owned();
        let dies = "it('it dies', () => process.kill(process.pid, 'SIGKILL'));".to_owned();
        let specs = [("test/a.spec.js", runs.clone()), ("test/b.spec.js", dies), ("test/c.spec.js", runs)];
        crash("mocha", specs, [Some(PASSED), CRASHED, None]);
    }
}

/// Vitest and Playwright run specs in processes of their own, and go on with the others.
#[test]
fn a_crash_in_vitest_is_its_specs_failure() {
    if has_packages("vitest") {
        let with =
            |test: &str| format!("import {{ test }} from 'vitest';\ntest('it runs', () => {{ {test} }});");
        let specs = [
            ("test/a.test.js", with("")),
            ("test/b.test.js", with("process.kill(process.pid, 'SIGKILL')")),
            ("test/c.test.js", with("")),
        ];
        crash("vitest", specs, [Some(PASSED), Some(FAILED), Some(PASSED)]);
    }
}

#[test]
fn a_crash_in_playwright_is_its_specs_failure() {
    if has_packages("playwright") && has_browser() {
        let with = |test: &str| {
            format!("const {{ test }} = require('@playwright/test');\ntest('it runs', () => {{ {test} }});")
        };
        let specs = [
            ("tests/a.spec.js", with("")),
            ("tests/b.spec.js", with("process.kill(process.pid, 'SIGKILL')")),
            ("tests/c.spec.js", with("")),
        ];
        crash("playwright", specs, [Some(PASSED), Some(FAILED), Some(PASSED)]);
    }
}

fn has_pytest() -> bool {
    let own = suites().join("pytest/.venv/bin/pytest");
    has(if own.exists() { own.as_path() } else { Path::new("pytest") }, &["--version"])
}

#[test]
fn a_crash_in_pytest_is_pinned() {
    if has_pytest() {
        let suite = Suite::of("pytest");
        let names = owned(&["tests/test_a.py", "tests/test_b.py", "tests/test_c.py"]);
        let dies = "import os\n\ndef test_dies():\n    os.kill(os.getpid(), 9)\n";
        for (name, text) in
            names.iter().zip(["def test_runs():\n    pass\n", dies, "def test_x():\n    pass\n"])
        {
            fs::write(suite.root.join(name), text).expect("a file");
        }
        let ends = suite.batch(&suite.options, &names, &[None; 3], None);
        let found: Vec<_> = ends.iter().map(|end| end.as_ref().ok().map(|ran| ran.judged.verdict)).collect();
        assert_eq!(found, [Some(PASSED), CRASHED, None], "{ends:#?}");
        assert_eq!(ends[0].as_ref().expect("kept").ids(TestOutcome::Passed), ["test_runs"]);
        // One that cannot be loaded, and a project that stops at the first failure, keep nobody else from running.
        fs::write(suite.root.join("tests/test_b.py"), "import nothing_of_that_name\n").expect("a file");
        fs::write(suite.root.join("tests/test_c.py"), "def test_x():\n    assert False\n").expect("a file");
        fs::write(suite.root.join("pytest.ini"), "[pytest]\naddopts = -x\n").expect("a file");
        let order = [2, 1, 0].map(|at: usize| names[at].clone());
        let ends = suite.batch(&suite.options, &order, &[None; 3], None);
        let found: Vec<_> = ends.iter().map(|end| end.as_ref().ok().map(|ran| ran.judged.verdict)).collect();
        assert_eq!(found, [Some(FAILED), Some(FAILED), Some(PASSED)], "{ends:#?}");
    }
}

/// Of three specs the second one hangs.
fn hang(name: &str, specs: [(&str, &str); 3], verdicts: [Option<AttemptVerdict>; 3]) {
    let suite = Suite::of(name);
    let names: Vec<String> = specs.iter().map(|(spec, _)| (*spec).to_owned()).collect();
    for (spec, text) in specs {
        fs::write(suite.root.join(spec), text).expect("a file");
    }
    let ends = suite.batch(&suite.options, &names, &[None; 3], Some(Millis::seconds(3)));
    let found: Vec<_> = ends.iter().map(|end| end.as_ref().ok().map(|ran| ran.judged.verdict)).collect();
    assert_eq!(found, verdicts, "{ends:#?}");
}

const LATE: Option<AttemptVerdict> = Some(AttemptVerdict::TimedOut);

#[test]
fn a_spec_that_hangs_in_company_is_found() {
    if has_pytest() {
        let hangs = "import time\n\ndef test_hangs():\n    time.sleep(600)\n";
        let runs = "def test_runs():\n    pass\n";
        let specs = [("tests/test_a.py", runs), ("tests/test_b.py", hangs), ("tests/test_c.py", runs)];
        hang("pytest", specs, [Some(PASSED), LATE, None]);
    }
    if has_packages("jest") {
        let large = format!("test('it runs', () => {{}});\n{}", "// large\n".repeat(99));
        let hangs = "test('it hangs', () => new Promise(() => {}), 600_000);\n";
        let specs = [
            ("test/a.test.js", large.as_str()),
            ("test/b.test.js", hangs),
            ("test/c.test.js", "test('x', () => {});"),
        ];
        hang("jest", specs, [Some(PASSED), LATE, None]);
    }
}

/// A command of the suite's own, with each kind of report: the exit code, the output, a file.
#[test]
fn generic() {
    let file = "{report}".parse().expect("a template");
    let tap = ReportTable { format: Some(ReportFormat::Tap), stdout: Some(true), ..ReportTable::default() };
    let junit = ReportTable { format: Some(ReportFormat::Junit), file: Some(file), ..ReportTable::default() };
    for (kind, report) in [("plain", None), ("tap", Some(tap)), ("junit", Some(junit))] {
        let mut suite = Suite::of("generic");
        suite.options.command = Some(owned(&["sh", "{spec}", "{report}"]));
        suite.options.report = report;
        let specs = suite.specs(&[&format!("{kind}/*.sh")]);
        assert_eq!(specs.len(), 3);
        assert_eq!(suite.tests(&specs), None);
        for spec in &specs {
            suite.run(spec, None).is(PASSED);
        }
        let failed = suite.run_with(&suite.with_env("SUITE_FAIL"), &format!("{kind}/price.sh"), None);
        failed.is(FAILED);
        if kind != "plain" {
            let listed = owned(&["cart > starts empty", "never"]);
            let ran = suite.run(&format!("{kind}/cart.sh"), Some(&listed));
            ran.is(AttemptVerdict::Invalid(InvalidReason::MissingTests));
            assert_eq!(ran.judged.missing, ["never"]);
            suite.run_with(&suite.with_env("SUITE_EMPTY"), &format!("{kind}/cart.sh"), None).is(NO_TESTS);
        }
        assert_eq!(suite.litter("generic"), Vec::<String>::new());
    }
}
