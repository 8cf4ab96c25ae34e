//! One example of everything that is done for xUnit.net, as docs/xunit.md tells it: a fake `dotnet` lists and runs two
//! projects, whose assemblies were really compiled (`assemblies`).

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test")]

use part_core::{Algorithm, Parallel, Threads};
use part_frameworks::listing::{Listing, plan_specs};
use part_frameworks::table::{Catalogue, Framework, parse_tables};
use part_frameworks::xunit::{CollectionBehavior, Platform, group_settings};
use part_frameworks::{Bindings, SuiteOptions, build_recipe, expand, reproduce};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/assemblies");

/// Answers `--list-tests` as either platform does.
const DOTNET: &str = r#"#!/bin/sh
  list() {
    echo "$1"
    [ -z "$PLATFORM" ] && echo "The following Tests are available:"
    shift
    for test; do echo "    $test"; done
  }
  case " $* " in
    *" --list-tests "*)
      shop="$PWD/tests/Shop.Tests/bin/Debug/net8.0/Shop.Tests.dll"
      other="$PWD/tests/Other.Tests/bin/Debug/net8.0/Other.Tests.dll"
      if [ -n "$PLATFORM" ]; then
        shop="Discovered 9 tests in assembly - $shop (net8.0|x64)"
        other="Discovered 1 tests in assembly - $other (net8.0|x64)"
      else
        shop="Test run for $shop (.NETCoreApp,Version=v8.0)"
        other="Test run for $other (.NETCoreApp,Version=v8.0)"
      fi
      list "$shop" RootTests.Works Shop.Tests.CartTests.Adds Shop.Tests.CartTests.Removes \
        Shop.Tests.InvoiceTests.Sums Shop.Tests.LabelTests.Print Shop.Tests.OrderTests.Connects \
        Shop.Tests.OrderTests.Saves Shop.Tests.RefundTests.Refunds Shop.Tests.RefundTests+Partial.Rounds
      [ -n "$ONE" ] || list "$other" Other.A.X
      exit 0 ;;
  esac
  exit 1"#;

struct Suite {
    root: PathBuf,
    framework: Framework,
    options: SuiteOptions,
    _folder: tempfile::TempDir,
}

/// A workspace with both projects, built, and these files.
fn shop(files: &[(&str, &str)]) -> Suite {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a real path");
    for name in ["Shop.Tests", "Other.Tests"] {
        let bin = root.join(format!("tests/{name}/bin/Debug/net8.0"));
        fs::create_dir_all(&bin).expect("folders");
        let file = format!("{name}.dll");
        fs::copy(Path::new(RECORDINGS).join(&file), bin.join(&file)).expect("an assembly");
        fs::write(root.join(format!("tests/{name}/{name}.csproj")), "<Project/>").expect("a project");
    }
    for (file, text) in files {
        fs::write(root.join(file), text).expect("a file");
    }
    let program = root.join("dotnet");
    fs::write(&program, DOTNET).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
    let framework = Catalogue::builtin().resolve("xunit-classes", &root, "").expect("a framework");
    Suite { root, framework, options: SuiteOptions::default(), _folder: folder }
}

fn list(suite: &Suite) -> Listing {
    let scratch = suite.root.join("list");
    let plan = plan_specs(&suite.framework, &suite.root, &suite.options, &scratch).expect("a plan");
    let plan = plan.expect("a command lists specs");
    let program = suite.root.join(&plan.argv[0]);
    let output = Command::new(program)
        .args(&plan.argv[1..])
        .current_dir(&plan.folder)
        .envs(&plan.env)
        .output()
        .expect("dotnet starts");
    let exit = part_core::ExitStatus::Code(output.status.code().expect("a code"));
    plan.read(exit, &output.stdout, &output.stderr).expect("a listing")
}

#[test]
fn a_solution_becomes_specs_with_collections_and_settings() {
    let runner = r#"{
      // The database takes no more.
      "maxParallelThreads": "0.5x",
      "parallelAlgoritm": "conservative",
      "stopOnFail": true
    }"#;
    let suite = shop(&[
        ("tests/Shop.Tests/xunit.runner.json", runner),
        (
            "tests/Shop.Tests/.runsettings",
            "<RunSettings><xUnit><ParallelizeAssembly>true</ParallelizeAssembly></xUnit></RunSettings>",
        ),
        (
            "tests/Other.Tests/xunit.runner.json",
            r#"{"parallelizeAssembly": true, "maxParallelThreads": "0.5x"}"#,
        ),
    ]);
    let listing = list(&suite);
    assert_eq!(listing.notes, Vec::<String>::new());
    let specs: Vec<String> = listing
        .discovered(CollectionBehavior::Named)
        .into_iter()
        .map(|spec| {
            let collection = spec.collection.unwrap_or_else(|| "-".to_owned());
            let serial = if spec.serial { ", serial" } else { "" };
            format!(
                "{} [{}] {collection}{serial}: {}",
                spec.name,
                spec.assembly.unwrap_or_default(),
                spec.tests.len()
            )
        })
        .collect();
    let wanted = [
        "tests/Other.Tests::Other.A [Other.Tests] Other.Tests: 1",
        "tests/Shop.Tests::RootTests [Shop.Tests] Shop.Tests: Database: 1",
        "tests/Shop.Tests::Shop.Tests.CartTests [Shop.Tests] -: 2",
        "tests/Shop.Tests::Shop.Tests.InvoiceTests [Shop.Tests] Shop.Tests: Billing sandbox, serial: 1",
        "tests/Shop.Tests::Shop.Tests.LabelTests [Shop.Tests] Shop.Tests: Shop.Tests.PrinterCollection, serial: 1",
        "tests/Shop.Tests::Shop.Tests.OrderTests [Shop.Tests] Shop.Tests: Database: 2",
        "tests/Shop.Tests::Shop.Tests.RefundTests [Shop.Tests] Shop.Tests: Billing sandbox, serial: 1",
        "tests/Shop.Tests::Shop.Tests.RefundTests+Partial [Shop.Tests] -: 1",
    ];
    assert_eq!(specs, wanted);

    let recipe = build_recipe(&suite.framework, &suite.root, &suite.options).expect("a recipe").recipe;
    let platform = Platform::of_command(&recipe.command).expect("a platform");
    assert_eq!(platform, Platform::VsTest);
    let (group, reading) = group_settings(&suite.root, "", platform, &[], &listing).expect("settings");
    // Other.Tests says `DisableTestParallelization`, which is the most careful of the two.
    assert_eq!(group.parallel, Some(Parallel::Assemblies));
    assert_eq!(group.threads, Some(Threads::PerHundredCpus(50)));
    assert_eq!(group.algorithm, Some(Algorithm::Conservative));
    let warnings: Vec<String> = reading.warnings.iter().map(|w| format!("{} {}", w.file, w.key)).collect();
    let wanted = [
        "tests/Shop.Tests/xunit.runner.json parallelAlgoritm",
        "tests/Shop.Tests/xunit.runner.json ",
        "tests/Other.Tests/bin/Debug/net8.0/Other.Tests.dll [assembly: CollectionBehavior(DisableTestParallelization)]",
        "tests/Shop.Tests/bin/Debug/net8.0/Shop.Tests.dll [assembly: CollectionBehavior(ParallelAlgorithm)]",
    ];
    assert_eq!(warnings, wanted);
    assert!(reading.warnings[0].what.contains("did you mean \"parallelAlgorithm\"?"));
    assert_eq!(reading.notes[0].key, "stopOnFail");
}

#[test]
fn the_command_line_goes_over_files_and_attributes() {
    let mut suite = shop(&[("tests/Shop.Tests/xunit.runner.json", r#"{"maxParallelThreads": 8}"#)]);
    suite.options.env.insert("ONE".to_owned(), "1".to_owned());
    let listing = list(&suite);
    assert!(listing.discovered(CollectionBehavior::Named).iter().all(|spec| spec.assembly.is_none()));
    let threads = |args: &[&str]| {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let read = group_settings(&suite.root, "", Platform::VsTest, &args, &listing).expect("settings");
        (read.0.threads, read.0.algorithm)
    };
    // The attribute says 3 and aggressive.
    assert_eq!(threads(&[]), (Some(Threads::Count(8)), Some(Algorithm::Aggressive)));
    let args = ["--", "xUnit.MaxParallelThreads=unlimited", "xUnit.ParallelAlgorithm=conservative"];
    assert_eq!(threads(&args), (Some(Threads::Unlimited), Some(Algorithm::Conservative)));
}

#[test]
fn a_class_runs_alone_on_every_platform() {
    let class = "tests/Shop.Tests::Shop.Tests.CartTests";
    let global = ("global.json", r#"{"test": {"runner": "Microsoft.Testing.Platform"}}"#);
    let props = (
        "Directory.Build.props",
        "<TestingPlatformDotnetTestSupport>true</TestingPlatformDotnetTestSupport>",
    );
    let table = [
        (
            vec![],
            Platform::VsTest,
            "dotnet test tests/Shop.Tests --no-build --logger=trx;LogFilePrefix=part --results-directory=/r \
             --filter=FullyQualifiedName~Shop.Tests.CartTests.",
            "dotnet test tests/Shop.Tests '--filter=FullyQualifiedName~Shop.Tests.CartTests.'",
        ),
        (
            vec![global],
            Platform::TestingPlatform,
            "dotnet test --project tests/Shop.Tests --no-build --results-directory /r --report-xunit-trx \
             --report-xunit-trx-filename part.trx --filter-class Shop.Tests.CartTests",
            "dotnet test --project tests/Shop.Tests --filter-class Shop.Tests.CartTests",
        ),
        (
            vec![props],
            Platform::TestingPlatform,
            "dotnet test tests/Shop.Tests --no-build -- --results-directory /r --report-xunit-trx \
             --report-xunit-trx-filename part.trx --filter-class Shop.Tests.CartTests",
            "dotnet test tests/Shop.Tests -- --filter-class Shop.Tests.CartTests",
        ),
    ];
    for (files, platform, argv, by_hand) in table {
        let mut suite = shop(&files);
        if platform == Platform::TestingPlatform {
            suite.options.private_env.insert("PLATFORM".to_owned(), "1".to_owned());
        }
        assert!(list(&suite).specs.contains_key(class));
        let recipe = build_recipe(&suite.framework, &suite.root, &suite.options).expect("a recipe").recipe;
        assert_eq!(Platform::of_command(&recipe.command), Some(platform));
        let nowhere = Path::new("/r");
        let bindings = Bindings {
            specs: &[class.to_owned()],
            only: None,
            workspace: &suite.root,
            report: &nowhere.join("report"),
            report_dir: nowhere,
            artifacts: nowhere,
            scratch: nowhere,
            kit: nowhere,
            attempt: 1,
            slot: 0,
        };
        assert_eq!(expand(&recipe, &bindings).expect("an invocation").argv.join(" "), argv);
        assert_eq!(reproduce(&recipe, class).expect("a line"), by_hand);
    }
}

/// The framework that docs/xunit.md shows lists and runs classes by the paths of their assemblies.
#[test]
fn the_documented_framework_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/xunit.md");
    let text = fs::read_to_string(path).expect("docs/xunit.md");
    let block = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let (tables, unknown) = parse_tables(block).expect("readable");
    assert_eq!(unknown, Vec::<String>::new());
    let catalogue = Catalogue::builtin().with_user(tables).expect("valid");
    let framework = catalogue.get("console-classes").expect("there");
    let recipe =
        build_recipe(&framework, Path::new("/w"), &SuiteOptions::default()).expect("a recipe").recipe;
    assert_eq!(Platform::of_command(&recipe.command), Some(Platform::Console));
    let line = reproduce(&recipe, "bin/Release/net8.0/Shop.Tests.dll::Shop.CartTests").expect("a line");
    assert_eq!(line, "dotnet exec bin/Release/net8.0/Shop.Tests.dll -class Shop.CartTests");
}
