//! Classes of xUnit.net test assemblies: from the listings of both platforms and of xUnit.net's own runner.
//!
//! No listing says which collection a class belongs to. That is read from the assembly, whose path each of them names.

use super::parse::Listing;
use crate::bounds::ASSEMBLY_BYTES;
use crate::xunit::{AssemblyError, Declared, ListedAssembly, ListedClass, declared};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// What a listing says of one assembly.
#[derive(Debug, PartialEq)]
struct Listed<'a> {
    path: String,
    tests: Vec<Test<'a>>,
}

/// A test as it is listed.
#[derive(Debug, PartialEq)]
struct Test<'a> {
    class: Option<std::borrow::Cow<'a, str>>,
    name: std::borrow::Cow<'a, str>,
}

/// An entry of `-list full/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    assembly: String,
    display_name: String,
    #[serde(default)]
    class: Option<String>,
}

/// What stands between a spec's project (or assembly) and its class.
const SEPARATOR: &str = "::";

/// Reads any of the listings. `folder` is where the call ran. Specs are named by the project that they belong to, as
/// `dotnet test` runs them, or by the path of their assembly.
pub(super) fn classes(
    text: &str,
    folder: &Path,
    by_project: bool,
    listing: &mut Listing,
) -> Result<(), String> {
    let all = match json(text) {
        Some(all) => all?,
        None => lines(text),
    };
    if all.is_empty() {
        return Err("it names no assembly".to_owned());
    }
    for listed in all {
        assembly(&listed, folder, by_project, listing)?;
    }
    Ok(())
}

fn assembly(
    listed: &Listed<'_>,
    folder: &Path,
    by_project: bool,
    listing: &mut Listing,
) -> Result<(), String> {
    let path = folder.join(listed.path.replace('\\', "/"));
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let shown = below(folder, &path).unwrap_or_else(|| listed.path.clone());
    let declared = match read(&path)
        .map_err(|error| error.to_string())
        .and_then(|bytes| declared(&shown, &bytes).map_err(|error: AssemblyError| error.to_string()))
    {
        Ok(declared) => Some(declared),
        Err(error) => {
            let note = format!("the collections that {shown} declares are not known: {error}");
            listing.notes.push(note);
            None
        }
    };
    if declared.as_ref().is_some_and(|declared| declared.own_factory) {
        listing.notes.push(format!(
            "{name} makes its collections by a factory of its own, which Part does not follow: declare them in part.toml"
        ));
    }
    let project = project(&shown);
    if by_project && project.is_none() {
        listing.notes.push(format!(
            "the project of {shown} cannot be told from its place: its classes run by that path, which VSTest alone takes"
        ));
    }
    let owner = project.clone().filter(|_| by_project).unwrap_or_else(|| shown.clone());
    let mut unknown = Vec::new();
    for test in &listed.tests {
        let class = test.class.as_deref().or_else(|| class_of(&test.name, declared.as_ref()));
        let Some(class) = class else {
            unknown.push(&test.name);
            continue;
        };
        let spec = format!("{owner}{SEPARATOR}{class}");
        listing.test(&spec, &test.name);
        let collection = declared.as_ref().and_then(|declared| declared.collections.get(class)).cloned();
        let serial = collection.as_ref().is_some_and(|collection| {
            declared.as_ref().is_some_and(|declared| declared.serial.contains(collection))
        });
        listing.classes.insert(spec, ListedClass { assembly: name.clone(), collection, serial });
    }
    if let Some(example) = unknown.first() {
        return Err(format!(
            "{} tests of {name} do not tell their class, such as {example:?}: classes can be specs where tests have no \
             display names of their own and methodDisplay is classAndMethod; else use framework = \"xunit\"",
            unknown.len()
        ));
    }
    let own = || shown.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned());
    let about = ListedAssembly::new(project.unwrap_or_else(own), declared);
    listing.assemblies.entry(name).or_insert(about);
    Ok(())
}

/// The class in a display name such as `Shop.CartTests.Adds(count: 1)`: of all that may be one, that which the
/// assembly has.
fn class_of<'n>(name: &'n str, declared: Option<&Declared>) -> Option<&'n str> {
    let method = name.split(['(', '<']).next().unwrap_or(name);
    let mut candidates =
        method.rmatch_indices('.').map(|(at, _)| &method[..at]).filter(|class| !class.is_empty());
    match declared {
        Some(declared) => candidates.find(|class| declared.classes.contains(*class)),
        None if method.contains(char::is_whitespace) => None,
        None => candidates.next(),
    }
}

/// The project that an assembly below `bin` was built from; none for layouts that keep all output in one place.
fn project(path: &str) -> Option<String> {
    let (before, after) = match path.strip_prefix("bin/") {
        Some(after) => ("", after),
        None => path.split_once("/bin/")?,
    };
    let stem = path.rsplit('/').next()?.rsplit_once('.')?.0;
    if before.rsplit('/').next() == Some("artifacts") && after.starts_with(&format!("{stem}/")) {
        return None;
    }
    Some(if before.is_empty() { ".".to_owned() } else { before.to_owned() })
}

/// `path` relative to `folder`, or to what that is without symbolic links.
fn below(folder: &Path, path: &Path) -> Option<String> {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let rest = path.strip_prefix(&real).or_else(|_| path.strip_prefix(folder)).ok()?;
    let parts: Option<Vec<&str>> = rest
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| part.as_os_str().to_str())
        .collect();
    Some(parts?.join("/"))
}

fn read(path: &PathBuf) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(ASSEMBLY_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `-list full/json`: an array, perhaps behind lines that something else printed. None where there is none.
fn json(text: &str) -> Option<Result<Vec<Listed<'_>>, String>> {
    let start = text.lines().position(|line| line.starts_with("[{") || line.trim_end() == "[]")?;
    let rest: String = text.lines().skip(start).collect::<Vec<_>>().join("\n");
    let entries = serde_json::Deserializer::from_str(&rest).into_iter::<Vec<Entry>>().next()?;
    Some(entries.map_err(|error| error.to_string()).map(|entries| {
        let mut all: BTreeMap<String, Vec<Test<'_>>> = BTreeMap::new();
        for entry in entries {
            let test = Test { class: entry.class.map(Into::into), name: entry.display_name.into() };
            all.entry(entry.assembly).or_default().push(test);
        }
        all.into_iter().map(|(path, tests)| Listed { path, tests }).collect()
    }))
}

const VSTEST: &str = "Test run for ";
const DISCOVERED: &str = "Discovered ";
const SUMMARY: &str = "Test discovery summary: found ";

/// What `dotnet test --list-tests` writes by either platform, and what a test program of Microsoft.Testing.Platform
/// writes by itself.
fn lines(text: &str) -> Vec<Listed<'_>> {
    let mut all: Vec<Listed<'_>> = Vec::new();
    // Indented lines that belong to no assembly yet.
    let mut loose: Vec<&str> = Vec::new();
    let mut in_list = false;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix(VSTEST).map(without_framework) {
            all.push(Listed { path: path.to_owned(), tests: Vec::new() });
            in_list = false;
        } else if let Some((_, path)) =
            line.strip_prefix(DISCOVERED).and_then(|rest| rest.split_once(" in assembly - "))
        {
            let path = without_framework(path).to_owned();
            all.push(Listed { path, tests: Vec::new() });
            in_list = true;
        } else if line.starts_with("The following Tests are available") {
            in_list = true;
        } else if let Some((count, path)) = line.strip_prefix(SUMMARY).and_then(|rest| rest.split_once(" - "))
        {
            // Something else may have printed indented lines before.
            let count = count.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            let tests = loose.split_off(loose.len().saturating_sub(count));
            let tests = tests.into_iter().map(|name| Test { class: None, name: name.into() }).collect();
            all.push(Listed { path: without_framework(path).to_owned(), tests });
            in_list = false;
        } else if line.starts_with("  ") {
            match all.last_mut().filter(|_| in_list) {
                Some(listed) => listed.tests.push(Test { class: None, name: line.trim().into() }),
                None => loose.push(line.trim()),
            }
        } else if !line.is_empty() {
            in_list = false;
        }
    }
    all
}

/// A path without the ` (net8.0|x64)` behind it.
fn without_framework(path: &str) -> &str {
    path.trim_end().rsplit_once(" (").map_or(path, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::parse_listing;
    use crate::table::ListParser;
    use crate::xunit::{CollectionBehavior, DiscoveredSpec};

    const SHOP: &[u8] = include_bytes!("../../tests/assemblies/Shop.Tests.dll");
    const OTHER: &[u8] = include_bytes!("../../tests/assemblies/Other.Tests.dll");

    /// A folder with built assemblies.
    fn built(assemblies: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, bytes) in assemblies {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, bytes).expect("a file");
        }
        root
    }

    fn list(root: &Path, text: &str) -> Listing {
        let text = text.replace("ROOT", root.to_str().expect("unicode"));
        parse_listing(ListParser::XunitClasses, text.as_bytes(), root, &[]).expect("readable")
    }

    fn names(listing: &Listing) -> Vec<&str> {
        listing.specs.keys().map(String::as_str).collect()
    }

    const DLL: &str = "tests/Shop.Tests/bin/Debug/net8.0/Shop.Tests.dll";
    const TESTS: [&str; 4] = [
        "Shop.Tests.CartTests.Adds",
        "Shop.Tests.CartTests.Removes(count: 1, name: \"a.b (c)\")",
        "Shop.Tests.InvoiceTests.Sums",
        "Shop.Tests.RefundTests+Partial.Rounds",
    ];

    #[test]
    fn every_listing_comes_to_the_same_classes() {
        let root = built(&[(DLL, SHOP)]);
        let tests = |indent: &str| TESTS.map(|test| format!("{indent}{test}\n")).concat();
        let vstest = format!(
            "Test run for ROOT/{DLL} (.NETCoreApp,Version=v8.0)\nVSTest version 17.11.1 (x64)\n\n\
             The following Tests are available:\n{}",
            tests("    ")
        );
        let sdk = format!(
            "Discovered 4 tests in assembly - ROOT/{DLL} (net8.0|x64)\r\n{}\r\n\
             Test discovery summary: found 4 test(s) in 1 assemblies.\r\n  duration: 500ms\r\n",
            tests("  ")
        );
        let own = format!(
            "xUnit.net v3 Microsoft.Testing.Platform Runner v3.2.2 (64-bit .NET 8.0.9)\n\nTelemetry\n  says this\n\n{}\n\
             Test discovery summary: found 4 test(s) - ROOT/{DLL} (net8.0|x64)\n  duration: 140ms\n",
            tests("  ")
        );
        let entries = TESTS.map(|test| {
            let class = test.split('(').next().and_then(|name| name.rsplit_once('.')).expect("a class").0;
            serde_json::json!({"Assembly": format!("ROOT/{DLL}"), "DisplayName": test, "Class": class, "Method": "x"})
        });
        let json = format!("something else\n{}\n", serde_json::to_string(&entries).expect("JSON"));
        use ListParser::{XunitClasses, XunitConsoleClasses};
        for (parser, text, owner) in [
            (XunitClasses, vstest, "tests/Shop.Tests"),
            (XunitClasses, sdk, "tests/Shop.Tests"),
            (XunitClasses, own.clone(), "tests/Shop.Tests"),
            (XunitConsoleClasses, own, DLL),
            (XunitConsoleClasses, json, DLL),
        ] {
            let text = text.replace("ROOT", root.path().to_str().expect("unicode"));
            let listing = parse_listing(parser, text.as_bytes(), root.path(), &[]).expect("readable");
            let wanted = ["CartTests", "InvoiceTests", "RefundTests+Partial"]
                .map(|class| format!("{owner}::Shop.Tests.{class}"));
            assert_eq!(names(&listing), wanted, "{text}");
            assert_eq!(listing.specs[&wanted[0]], &TESTS[..2]);
            assert_eq!(listing.notes, Vec::<String>::new());
            assert_eq!(listing.classes[&wanted[1]].collection.as_deref(), Some("Billing sandbox"));
            assert!(listing.classes[&wanted[1]].serial);
            assert_eq!(listing.classes[&wanted[2]].collection, None);
        }
    }

    #[test]
    fn collections_follow_what_is_asked_for() {
        let other = "tests/Other.Tests/bin/Debug/net8.0/Other.Tests.dll";
        let root = built(&[(DLL, SHOP), (other, OTHER)]);
        let text = format!(
            "Test run for ROOT/{DLL} (x)\nThe following Tests are available:\n    Shop.Tests.CartTests.Adds\n    \
             Shop.Tests.InvoiceTests.Sums\n    Shop.Tests.OrderTests.Saves\n\
             Test run for ROOT/{other} (x)\nThe following Tests are available:\n    Other.A.X\n"
        );
        let listing = list(root.path(), &text);
        let collections = |behavior| {
            let specs = listing.discovered(behavior).into_iter();
            specs.map(|spec| (spec.collection.unwrap_or_default(), spec.serial)).collect::<Vec<_>>()
        };
        let billing = ("Shop.Tests: Billing sandbox".to_owned(), true);
        let database = ("Shop.Tests: Database".to_owned(), false);
        let own = || (String::new(), false);
        let all = |name: &str| (name.to_owned(), false);
        let named = [all("Other.Tests"), own(), billing.clone(), database.clone()];
        assert_eq!(collections(CollectionBehavior::Named), named);
        let class = [own(), own(), billing.clone(), database.clone()];
        assert_eq!(collections(CollectionBehavior::Class), class);
        let assembly = [all("Other.Tests"), all("Shop.Tests"), billing, database];
        assert_eq!(collections(CollectionBehavior::Assembly), assembly);
        let spec = listing.discovered(CollectionBehavior::Named).remove(0);
        let wanted = DiscoveredSpec {
            name: "tests/Other.Tests::Other.A".to_owned(),
            assembly: Some("Other.Tests".to_owned()),
            collection: Some("Other.Tests".to_owned()),
            serial: false,
            tests: vec!["Other.A.X".to_owned()],
        };
        assert_eq!(spec, wanted);
    }

    #[test]
    fn an_assembly_that_cannot_be_read_is_a_note() {
        let root = built(&[]);
        let text = format!(
            "Test run for ROOT/{DLL} (x)\nThe following Tests are available:\n    Shop.Tests.InvoiceTests.Sums\n"
        );
        let listing = list(root.path(), &text);
        assert_eq!(names(&listing), ["tests/Shop.Tests::Shop.Tests.InvoiceTests"]);
        assert!(listing.notes[0].contains(DLL), "{:?}", listing.notes);
        assert_eq!(listing.discovered(CollectionBehavior::Named)[0].collection, None);
    }

    #[test]
    fn a_test_that_does_not_tell_its_class_is_never_dropped() {
        for (assemblies, test) in [
            (&[(DLL, SHOP)][..], "Adds two things"),
            (&[(DLL, SHOP)], "Adds"),
            (&[(DLL, SHOP)], "Shop.Tests.NoSuchClass.Adds"),
            (&[], "Adds two things. And more"),
        ] {
            let root = built(assemblies);
            let text = format!(
                "Test run for {}/{DLL} (x)\nThe following Tests are available:\n    {test}\n",
                root.path().display()
            );
            let error = parse_listing(ListParser::XunitClasses, text.as_bytes(), root.path(), &[])
                .expect_err("no class");
            assert!(error.contains("1 tests of Shop.Tests do not tell their class"), "{error}");
        }
    }

    #[test]
    fn projects_are_told_from_the_place_of_their_output() {
        let table = [
            ("tests/Shop.Tests/bin/Debug/net8.0/Shop.Tests.dll", Some("tests/Shop.Tests")),
            ("bin/Debug/net8.0/Shop.Tests.dll", Some(".")),
            ("artifacts/bin/Shop.Tests/debug/Shop.Tests.dll", None),
            ("x/artifacts/bin/Shop.Tests/release_net8.0/Shop.Tests.dll", None),
            ("artifacts/bin/Debug/net8.0/Shop.Tests.dll", Some("artifacts")),
            ("out/Shop.Tests.dll", None),
        ];
        for (path, wanted) in table {
            assert_eq!(project(path).as_deref(), wanted, "{path}");
        }
    }
}
