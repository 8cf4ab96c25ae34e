//! What the projects of xUnit.net say themselves, below part.toml and flags.

use super::*;
use crate::config::Balance;
use part_core::{Algorithm, GroupPolicy, Parallel, Threads};
use std::path::PathBuf;

const PROJECTS: [&str; 2] = ["tests/Shop.Tests/Shop.Tests.csproj", "tests/Other.Tests/Other.Tests.csproj"];
const RUNNER: &str = r#"{"maxParallelThreads": "2.0x", "parallelAlgorithm": "aggressive",
    "parallelizeTestCollections": false, "maxParalelThreads": 3}"#;

/// The recorded assemblies of the frameworks crate, where a build puts them.
fn built(workshop: &Workshop) {
    let recorded = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../frameworks/tests/assemblies");
    for name in ["Shop.Tests", "Other.Tests"] {
        let bin = workshop.root().join(format!("tests/{name}/bin/Debug/net8.0"));
        std::fs::create_dir_all(&bin).expect("folders");
        let file = format!("{name}.dll");
        std::fs::copy(recorded.join(&file), bin.join(&file)).expect("an assembly");
    }
}

/// `dotnet test --list-tests` of both projects.
fn listing(workshop: &Workshop) -> Script {
    let root = workshop.root().display().to_string();
    let of = |name: &str, tests: &str| {
        let path = format!("{root}/tests/{name}/bin/Debug/net8.0/{name}.dll");
        format!("Test run for {path} (.NETCoreApp,Version=v8.0)\nThe following Tests are available:\n{tests}")
    };
    let shop =
        "    Shop.Tests.CartTests.Adds\n    Shop.Tests.InvoiceTests.Sums\n    Shop.Tests.OrderTests.Saves\n";
    let text = of("Shop.Tests", shop) + &of("Other.Tests", "    Other.A.X\n");
    Script::new(&[("--list-tests", 0, String::leak(text))])
}

#[test]
fn projects_have_their_files_settings_below_part_toml_and_flags() {
    let policy = |part_toml: &str, overrides: &Overrides| {
        let workshop =
            Workshop::new(&format!("[suites.unit]\nframework = \"xunit\"\n{part_toml}"), &PROJECTS);
        for name in ["Shop.Tests", "Other.Tests"] {
            workshop.write(&format!("tests/{name}/xunit.runner.json"), RUNNER);
        }
        workshop.resolve(&Selection::default(), overrides).expect("resolves")
    };
    let of = |resolved: &Resolved| resolved.submission.groups[0].policy.clone();
    let assemblies = |resolved: &Resolved| -> usize {
        resolved.submission.groups[0].specs.iter().filter(|spec| spec.assembly.is_some()).count()
    };
    let plain = policy("", &Overrides::default());
    let files = GroupPolicy {
        threads: Threads::PerHundredCpus(200),
        algorithm: Algorithm::Aggressive,
        ..GroupPolicy::default()
    };
    assert_eq!((of(&plain), assemblies(&plain)), (files.clone(), 0));
    let warned = plain.notes.iter().filter(|note| note.contains("maxParalelThreads")).count();
    assert!(warned == 2 && plain.notes[0].contains("/xunit.runner.json: "), "{:?}", plain.notes);

    let toml = policy("max-threads = 5\nparallel = \"assemblies\"\n", &Overrides::default());
    let wanted = GroupPolicy { threads: Threads::Count(5), parallel: Parallel::Assemblies, ..files.clone() };
    assert_eq!((of(&toml), assemblies(&toml)), (wanted, 2));
    let balance = Balance {
        threads: Some(Threads::Unlimited),
        algorithm: Some(Algorithm::Conservative),
        ..Balance::default()
    };
    let flagged = policy("max-threads = 5\n", &Overrides { balance, ..Overrides::default() });
    let wanted = GroupPolicy { threads: Threads::Unlimited, algorithm: Algorithm::Conservative, ..files };
    assert_eq!(of(&flagged), wanted);
}

#[test]
fn classes_have_the_collections_of_their_assemblies() {
    let part_toml = r#"
[suites.unit]
framework = "xunit-classes"
[groups.shop]
specs = ["tests/Shop.Tests::*"]
[groups.all]
[groups.all.collections]
mine = ["**/*::Shop.Tests.InvoiceTests", "**/*::Other.A"]
[groups.own]
collection-behavior = "class"
"#;
    let workshop = Workshop::new(part_toml, &PROJECTS);
    built(&workshop);
    workshop.write("tests/Shop.Tests/xunit.runner.json", r#"{"maxParallelThreads": 8}"#);
    let script = listing(&workshop);
    let resolved =
        workshop.resolve_from("", &Selection::default(), &Overrides::default(), &script).expect("resolves");
    let said: Vec<String> = resolved
        .submission
        .groups
        .iter()
        .flat_map(|group| group.specs.iter().map(move |spec| (group, spec)))
        .map(|(group, spec)| {
            let or = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
            let serial = if spec.serial { " serial" } else { "" };
            let (collection, assembly) = (or(&spec.collection), or(&spec.assembly));
            format!("{}: {} [{assembly}] {collection}{serial}", group.label, spec.name)
        })
        .collect();
    insta::assert_debug_snapshot!(said, @r#"
    [
        "shop: tests/Shop.Tests::Shop.Tests.CartTests [-] -",
        "shop: tests/Shop.Tests::Shop.Tests.InvoiceTests [-] Billing sandbox serial",
        "shop: tests/Shop.Tests::Shop.Tests.OrderTests [-] Database",
        "all: tests/Other.Tests::Other.A [Other.Tests] mine",
        "all: tests/Shop.Tests::Shop.Tests.CartTests [Shop.Tests] -",
        "all: tests/Shop.Tests::Shop.Tests.InvoiceTests [Shop.Tests] mine",
        "all: tests/Shop.Tests::Shop.Tests.OrderTests [Shop.Tests] Shop.Tests: Database",
        "own: tests/Other.Tests::Other.A [Other.Tests] -",
        "own: tests/Shop.Tests::Shop.Tests.CartTests [Shop.Tests] -",
        "own: tests/Shop.Tests::Shop.Tests.InvoiceTests [Shop.Tests] Shop.Tests: Billing sandbox serial",
        "own: tests/Shop.Tests::Shop.Tests.OrderTests [Shop.Tests] Shop.Tests: Database",
    ]
    "#);
    let policies: Vec<_> = resolved.submission.groups.iter().map(|group| &group.policy).collect();
    let levels: Vec<_> = policies.iter().map(|policy| (policy.parallel, policy.threads)).collect();
    let eight = Threads::Count(8);
    // `Other.Tests` says `DisableTestParallelization`, and the most careful of a group counts.
    assert_eq!(levels, [(Parallel::Collections, eight), (Parallel::None, eight), (Parallel::None, eight)]);
    let notes = resolved.notes.join("\n").replace(&workshop.root().display().to_string(), "ROOT");
    insta::assert_snapshot!(notes, @r#"
    suite "unit": tests/Other.Tests/bin/Debug/net8.0/Other.Tests.dll: [assembly: CollectionBehavior(DisableTestParallelization)]: Other.Tests differs in this from other assemblies of its group (Shop.Tests); the most careful setting holds for all. Make suites of their own for them
    suite "unit": tests/Shop.Tests/xunit.runner.json: maxParallelThreads: Shop.Tests differs in this from other assemblies of its group (Other.Tests); the most careful setting holds for all. Make suites of their own for them
    suite "unit": tests/Shop.Tests/bin/Debug/net8.0/Shop.Tests.dll: [assembly: CollectionBehavior(ParallelAlgorithm)]: Shop.Tests differs in this from other assemblies of its group (Other.Tests); the most careful setting holds for all. Make suites of their own for them
    "#);
    assert_eq!(script.calls().len(), 1);
}
