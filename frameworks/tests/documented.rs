//! Frameworks that cannot be had here: what their tables give is run against stand-ins that answer as the real
//! programs are documented to, and every command line of every table is written down in `commands.txt`.
//!
//! After a deliberate change: `PART_WRITE_EXPECTED=1 cargo test -p part-frameworks --test documented`, then review
//! the difference.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "real/harness.rs"]
#[expect(dead_code, reason = "the other test uses the rest")]
mod harness;

use harness::Suite;
use part_core::{AttemptVerdict, InvalidReason, Recipe, TestOutcome};
use part_frameworks::listing::{plan_specs, plan_tests};
use part_frameworks::table::{Catalogue, Framework, parse_tables};
use part_frameworks::{Bindings, SuiteOptions, build_recipe, expand, reproduce, shell};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/handmade");

/// Writes programs into `bin` of the suite's folder, and puts that in front of everything else.
fn with_programs(
    name: &str,
    catalogue: Catalogue,
    programs: &[(&str, &str)],
    files: &[(&str, &str)],
) -> Suite {
    let mut suite = Suite::made(name, catalogue, |root| {
        for (file, text) in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        fs::create_dir_all(root.join("bin")).expect("a folder");
        for (program, text) in programs {
            let path = root.join("bin").join(program);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
    });
    let path = std::env::var("PATH").expect("a PATH");
    suite.options.env.insert("PATH".to_owned(), format!("{}:{path}", suite.root.join("bin").display()));
    suite.options.env.insert("RECORDINGS".to_owned(), RECORDINGS.to_owned());
    suite
}

fn said(suite: &Suite) -> String {
    fs::read_to_string(suite.root.join("said")).expect("what the stand-in was told")
}

#[test]
fn cypress_runs_through_its_module() {
    if !Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: node is not installed");
    }
    // The shapes are those of the types that Cypress 15 comes with.
    let module = r#"
      const fs = require('node:fs');
      exports.cli = { parseRunArguments: async (args) => ({ parsed: args.slice(2) }) };
      exports.run = async (options) => {
        const shots = process.env.CYPRESS_screenshotsFolder;
        fs.mkdirSync(shots, { recursive: true });
        fs.writeFileSync(`${shots}/a.png`, '');
        fs.writeFileSync('said', JSON.stringify(options));
        if (options.spec.includes('gone')) return { status: 'failed', failures: 1, message: "Can't run" };
        const test = (title, state, attempts, displayError = null) =>
          ({ title, state, displayError, duration: 12, attempts: attempts.map((state) => ({ state })) });
        const tests = options.spec.includes('empty') ? [] : [
          test(['cart', 'adds ✓'], 'passed', ['passed']),
          test(['cart', 'is flaky'], 'passed', ['failed', 'passed']),
          test(['cart', 'not yet'], 'pending', ['pending']),
          ...(options.spec.includes('bad')
            ? [test(['cart', 'breaks'], 'failed', ['failed'], 'AssertionError: no'), test(['cart', 'never'], 'skipped', [])]
            : []),
        ];
        const failures = tests.filter(({ state }) => state === 'failed').length;
        const spec = { relative: options.spec };
        return { status: 'finished', totalFailed: failures, runs: [{ error: null, spec, stats: { failures }, tests }] };
      };"#;
    let files = [("node_modules/cypress/index.js", module), ("cypress/e2e/[id]-a.cy.ts", "")];
    let mut suite = with_programs("cypress", Catalogue::builtin(), &[], &files);
    let specs = suite.specs(&["cypress/e2e/**/*.cy.ts"]);
    suite.options.browser = Some("firefox".to_owned());
    let ran = suite.run(&specs[0], None);
    ran.is(AttemptVerdict::Passed);
    assert_eq!(ran.ids(TestOutcome::Passed), ["cart > adds ✓", "cart > is flaky"]);
    assert_eq!(ran.ids(TestOutcome::Skipped), ["cart > not yet"]);
    assert!(ran.parsed.tests[1].is_flaky() && ran.parsed.tests[0].duration_micros == Some(12_000));
    assert_eq!(said(&suite), r#"{"parsed":["--browser=firefox"],"spec":"cypress/e2e/\\[id\\]-a.cy.ts"}"#);
    let ran = suite.run("bad.cy.ts", None);
    ran.is(AttemptVerdict::Failed);
    assert_eq!(ran.ids(TestOutcome::Failed), ["cart > breaks", "cart > never"]);
    suite.run("empty.cy.ts", None).is(AttemptVerdict::Invalid(InvalidReason::NoTests));
    suite.run("gone.cy.ts", None).is(AttemptVerdict::Failed);
}

#[test]
fn xctest_lists_and_reads_a_result_bundle() {
    // What `-enumerate-tests` writes goes into a file; what the bundle holds, `xcresulttool` prints.
    let xcodebuild = r#"#!/bin/sh
      printf '%s\n' "$*" >said
      while [ $# -gt 0 ]; do
        case $1 in
          -test-enumeration-output-path) cat >"$2" <<'END'
{"errors": [], "values": [{"testPlan": "Shop", "disabledTests": [], "enabledTests": [
  {"identifier": "ShopTests/CartTests/testAdds()"}, {"identifier": "ShopTests/CartTests/testTotal"},
  {"identifier": "ShopTests/LegacyTests/testHangs"}]}]}
END
            exit 0 ;;
          -resultBundlePath) [ -n "$NO_BUNDLE" ] || mkdir -p "$2" ;;
        esac
        shift
      done
      exit 65"#;
    let xcrun = r#"#!/bin/sh
      cat "$RECORDINGS/xctest.json""#;
    let programs = [("xcodebuild", xcodebuild), ("xcrun", xcrun)];
    let mut suite = with_programs("xctest", Catalogue::builtin(), &programs, &[]);
    suite.options.args = ["-xctestrun", "Shop.xctestrun", "-destination", "id=1"].map(String::from).to_vec();
    let specs = suite.specs(&["**"]);
    assert_eq!(specs, ["ShopTests/CartTests", "ShopTests/LegacyTests"]);
    let listed = suite.tests(&specs).expect("a listing");
    assert_eq!(listed[&specs[0]], ["ShopTests/CartTests/testAdds", "ShopTests/CartTests/testTotal"]);
    let ran = suite.run(&specs[0], Some(&listed[&specs[0]]));
    ran.is(AttemptVerdict::Failed);
    assert_eq!(ran.judged.missing, Vec::<String>::new());
    let told = said(&suite);
    assert!(
        told.ends_with("-xctestrun Shop.xctestrun -destination id=1 -only-testing:ShopTests/CartTests\n"),
        "{told}"
    );
    // Without a bundle there is no report, and 70 says that there was no device.
    suite.options.env.insert("NO_BUNDLE".to_owned(), "1".to_owned());
    suite.run(&specs[0], None).is(AttemptVerdict::Invalid(InvalidReason::Report));
}

#[test]
fn dotnet_runs_projects_on_both_platforms() {
    let dotnet = r#"#!/bin/sh
      printf '%s\n' "$*" >said
      for argument; do
        case $argument in
          --list-tests) echo "Test run for $PWD/Shop.Tests/bin/Shop.Tests.dll (.NETCoreApp,Version=v8.0)"
            echo "The following Tests are available:"
            echo "    Shop.Tests.CartTests.Total"
            exit 0 ;;
          --results-directory=*) cp "$RECORDINGS/vstest.trx" "${argument#*=}/part.trx" ;;
        esac
        [ "$before" != --results-directory ] || cp "$RECORDINGS/vstest.trx" "$argument/part.trx"
        before=$argument
      done
      exit ${EXIT:-1}"#;
    let cheap = "[frameworks.xunit]\nextends = \"xunit\"\nlist_tests.cheap = true";
    let own = parse_tables(cheap).expect("a table").0;
    let catalogue = Catalogue::builtin().with_user(own).expect("a catalogue");
    let project = ("Shop.Tests/Shop.Tests.csproj", "<Project/>");
    let suite = with_programs("xunit", catalogue, &[("dotnet", dotnet)], &[project]);
    let specs = suite.specs(&["**/*Tests.csproj"]);
    let listed = suite.tests(&specs).expect("a listing");
    assert_eq!(listed[&specs[0]], ["Shop.Tests.CartTests.Total"]);
    let ran = suite.run(&specs[0], Some(&listed[&specs[0]]));
    ran.is(AttemptVerdict::Failed);
    assert!(ran.ids(TestOutcome::Failed).contains(&"Shop.Tests.CartTests.Total"), "{ran:?}");
    assert!(said(&suite).contains("--logger=trx;LogFilePrefix=part"), "{}", said(&suite));

    let global = ("global.json", r#"{"test": {"runner": "Microsoft.Testing.Platform"}}"#);
    let suite = with_programs("xunit", Catalogue::builtin(), &[("dotnet", dotnet)], &[project, global]);
    let mut none = suite.options.clone();
    none.env.insert("EXIT".to_owned(), "2".to_owned());
    let ran = suite.run_with(&none, &specs[0], None);
    ran.is(AttemptVerdict::Failed);
    let told = said(&suite);
    assert!(told.contains("--project Shop.Tests/Shop.Tests.csproj") && !told.contains("--logger"), "{told}");
    assert_eq!(suite.tests(&specs), None);
}

/// The reference is a framework that could be used.
#[test]
fn the_reference_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/frameworks.md");
    let text = fs::read_to_string(path).expect("docs/frameworks.md");
    let block =
        text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of TOML");
    let (tables, unknown) = parse_tables(block).expect("readable");
    assert_eq!(unknown, Vec::<String>::new());
    let catalogue = Catalogue::builtin().with_user(tables).expect("valid");
    assert_eq!(catalogue.get("mine").expect("there").title, "my tests");
    for name in catalogue.names().filter(|name| *name != "mine") {
        assert!(text.contains(&format!("| `{name}` |")), "{name} has no row in docs/frameworks.md");
    }
}

/// Every command line that the tables give, in one file that reads as documentation.
#[test]
fn commands_are_as_written_down() {
    let mut text = String::new();
    let builtin = Catalogue::builtin();
    for name in builtin.names() {
        let plain = builtin.get(name).expect(name);
        if plain.command.is_some() {
            commands(&plain, "", &[], &mut text);
        }
    }
    for (name, file, content) in [
        ("jest", "node_modules/jest/package.json", r#"{"version": "30.4.0"}"#),
        ("playwright", "node_modules/@playwright/test/package.json", r#"{"version": "1.62.9"}"#),
        ("playwright", "playwright.config.ts", "projects: []"),
        ("vitest", "node_modules/vitest/package.json", r#"{"version": "2.1.0"}"#),
        ("vitest", "node_modules/vitest/package.json", r#"{"version": "5.0.0"}"#),
        ("xunit", "global.json", "Microsoft.Testing.Platform"),
        ("xunit", "Directory.Build.props", "<TestingPlatformDotnetTestSupport>true</"),
        ("xunit-classes", "global.json", "Microsoft.Testing.Platform"),
        ("xunit-classes", "Directory.Build.props", "<TestingPlatformDotnetTestSupport>true</"),
    ] {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, content).expect("a file");
        let variant = builtin.resolve(name, root.path(), "").expect(name);
        let differences = [format!("{file} with {content}")];
        commands(&variant, "variant", &differences, &mut text);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands.txt");
    if std::env::var_os("PART_WRITE_EXPECTED").is_some() {
        fs::write(&path, &text).expect("written");
    }
    let expected = fs::read_to_string(&path).expect("commands.txt");
    for (number, (is, was)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(is, was, "line {}; see the head of this file for how to renew commands.txt", number + 1);
    }
    assert_eq!(text.lines().count(), expected.lines().count());
}

fn commands(framework: &Framework, kind: &str, about: &[String], text: &mut String) {
    let root = Path::new("/w");
    let spec = match framework.name.as_str() {
        "go" => "example.com/shop/cart",
        "nextest" => "shop::cart",
        "xctest" => "ShopTests/CartTests",
        "xunit" => "Shop.Tests/Shop.Tests.csproj",
        "xunit-console" => "bin/Shop.Tests.dll",
        "xunit-classes" => "Shop.Tests::Shop.CartTests",
        _ => "tests/[id].x",
    };
    let test = match framework.name.as_str() {
        "playwright" => "[phone] › cart › adds",
        "pytest" => "TestCart::test_adds[1]",
        "go" => "TestCart/adds",
        "nextest" => "cart::adds",
        "xctest" => "ShopTests/CartTests/testAdds",
        "xunit" | "xunit-console" | "xunit-classes" => "Shop.CartTests.Adds(n: 1)",
        _ => "cart > adds (1)",
    };
    let options = SuiteOptions {
        browser: framework.browsers.keys().next().cloned(),
        args: vec!["--own".to_owned()],
        ..SuiteOptions::default()
    };
    let specs = [spec.to_owned()];
    let scratch = Path::new("/list");
    let title = [framework.name.as_str(), kind].join(" ");
    writeln!(text, "=== {}", title.trim()).expect("text");
    for line in about {
        writeln!(text, "    {line}").expect("text");
    }
    let mut line = |what: &str, words: &[String]| {
        let line = shell::line(words);
        let script = shell::quote(&framework.script);
        let eval = shell::quote(&format!("--eval={}", framework.script));
        let short = if framework.script.is_empty() {
            line
        } else {
            line.replace(&eval, "--eval=SCRIPT").replace(&script, "SCRIPT")
        };
        writeln!(text, "{what:<10}{short}").expect("text");
    };
    if let Some(plan) = plan_specs(framework, root, &options, scratch).expect("a plan") {
        line("specs", &plan.argv);
    }
    let mut lists = framework.clone();
    if let Some(call) = &mut lists.list_tests {
        call.cheap = true;
    }
    for plan in plan_tests(&lists, root, &options, scratch, &specs).expect("plans") {
        line("tests", &plan.argv);
    }
    let recipe = build_recipe(framework, root, &options).expect("a recipe").recipe;
    line("run", &argv(&recipe, &specs, None));
    if recipe.select.is_some() {
        line("select", &argv(&recipe, &specs, Some(&[test.to_owned()])));
    }
    if !recipe.batch.is_empty() {
        line("batch", &argv(&recipe, &[spec.to_owned(), format!("other/{spec}")], None));
    }
    let by_hand = reproduce(&recipe, spec).expect("a line");
    writeln!(text, "{:<10}{by_hand}", "by hand").expect("text");
    for (name, value) in &recipe.env {
        writeln!(text, "{:<10}{name}={value}", "env").expect("text");
    }
    writeln!(text).expect("text");
}

fn argv(recipe: &Recipe, specs: &[String], only: Option<&[String]>) -> Vec<String> {
    let bindings = Bindings {
        specs,
        only,
        kit: Path::new("/a/kit"),
        workspace: Path::new("/w"),
        report: Path::new("/a/report/report"),
        report_dir: Path::new("/a/report"),
        artifacts: Path::new("/a/artifacts"),
        scratch: Path::new("/a/scratch"),
        attempt: 1,
        slot: 0,
    };
    expand(recipe, &bindings).expect("an invocation").argv
}
