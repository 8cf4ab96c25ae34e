//! The one way from a listing's bytes to specs and tests.

use super::owner::Owners;
use super::{dotnet, json, lines, xunit};
use crate::report::{bounds::NAME_BYTES, clip};
use crate::table::ListParser;
use crate::xunit::{ListedAssembly, ListedClass};
use std::collections::BTreeMap;
use std::path::Path;

/// Specs and their tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The ids of each spec's tests, in the order of the listing; an id may occur more than once. A spec without an
    /// entry was not listed: nothing is known about its tests.
    pub specs: BTreeMap<String, Vec<String>>,
    /// Of specs that are classes of xUnit.net: their assemblies and collections.
    pub classes: BTreeMap<String, ListedClass>,
    /// The assemblies of those, by name.
    pub assemblies: BTreeMap<String, ListedAssembly>,
    /// What could not be told, worth showing.
    pub notes: Vec<String>,
}

impl Listing {
    /// Adds what another call listed.
    pub fn merge(&mut self, other: Listing) {
        for (spec, tests) in other.specs {
            self.specs.entry(spec).or_default().extend(tests);
        }
        self.classes.extend(other.classes);
        self.assemblies.extend(other.assemblies);
        self.notes.extend(other.notes);
    }

    /// Takes a test in. The id is cut as the report readers cut theirs.
    pub(super) fn test(&mut self, spec: &str, id: &str) {
        self.specs.entry(spec.to_owned()).or_default().push(clip(id, NAME_BYTES));
    }

    /// Takes a spec in, perhaps without tests.
    pub(super) fn spec(&mut self, spec: &str) {
        self.specs.entry(spec.to_owned()).or_default();
    }
}

/// Reads a listing. `folder` is where the call ran; `specs` are those that it was for, or none where it was to find
/// them. Tests of other files are left out.
///
/// # Errors
/// What is wrong with it, as a fragment.
pub fn parse_listing(
    parser: ListParser,
    bytes: &[u8],
    folder: &Path,
    specs: &[String],
) -> Result<Listing, String> {
    let text = String::from_utf8_lossy(bytes);
    let owners = Owners::new(folder, specs);
    let mut listing = Listing::default();
    match parser {
        ListParser::Lines => lines::plain(&text, &mut listing),
        ListParser::Pytest => lines::pytest(&text, &owners, &mut listing),
        ListParser::PlaywrightJson => json::playwright(&text, &owners, &mut listing)?,
        ListParser::JestJson => json::jest(&text, &owners, &mut listing)?,
        ListParser::VitestJson => json::vitest(&text, &owners, &mut listing)?,
        ListParser::GoJson => json::go(&text, &mut listing)?,
        ListParser::Nextest => json::nextest(&text, &mut listing)?,
        ListParser::Dotnet => dotnet::tests(&text, &owners, &mut listing)?,
        ListParser::Xcode => json::xcode(&text, &mut listing)?,
        ListParser::XunitClasses => xunit::classes(&text, folder, true, &mut listing)?,
        ListParser::XunitConsoleClasses => xunit::classes(&text, folder, false, &mut listing)?,
    }
    if !specs.is_empty() {
        listing.specs.retain(|spec, _| owners.knows(spec));
        listing.classes.retain(|spec, _| owners.knows(spec));
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(parser: ListParser, text: &str, specs: &[&str]) -> Vec<(String, Vec<String>)> {
        let specs: Vec<String> = specs.iter().map(|spec| (*spec).to_owned()).collect();
        let listing = parse_listing(parser, text.as_bytes(), Path::new("/w/app"), &specs).expect("readable");
        listing.specs.into_iter().collect()
    }

    fn entry(spec: &str, tests: &[&str]) -> (String, Vec<String>) {
        (spec.to_owned(), tests.iter().map(|test| (*test).to_owned()).collect())
    }

    #[test]
    fn lines_are_specs_or_specs_with_tests() {
        let text = "a\r\n\nb\tone\nb\ttwo words\n";
        assert_eq!(
            listing(ListParser::Lines, text, &[]),
            [entry("a", &[]), entry("b", &["one", "two words"])]
        );
    }

    #[test]
    fn pytest_lists_node_ids() {
        let text = "tests/test_a.py::test_x[a::b c]\ntests/test_a.py::TestC::test_y\ntests/test_b.py::test_x\n\
                    \n3 tests collected in 0.01s\n";
        let wanted = [entry("tests/test_a.py", &["test_x[a::b c]", "TestC::test_y"])];
        assert_eq!(listing(ListParser::Pytest, text, &["tests/test_a.py"]), wanted);
        // The root that pytest chose may be above the folder or below it.
        let above = "app/tests/test_a.py::test_x\n";
        assert_eq!(
            listing(ListParser::Pytest, above, &["tests/test_a.py"]),
            [entry("tests/test_a.py", &["test_x"])]
        );
        let below = "test_a.py::test_x\n";
        assert_eq!(
            listing(ListParser::Pytest, below, &["tests/test_a.py"]),
            [entry("tests/test_a.py", &["test_x"])]
        );
        // Where that is not clear, nothing is expected rather than the wrong thing.
        assert_eq!(listing(ListParser::Pytest, below, &["tests/test_a.py", "more/test_a.py"]), []);
    }

    #[test]
    fn playwright_lists_projects_and_titles() {
        let text = r#"Something printed by the configuration
        {"config": {"rootDir": "/w/app/tests"}, "errors": [], "suites": [{"title": "a.spec.ts", "file": "a.spec.ts",
          "specs": [{"title": "top", "tests": [{"projectName": ""}]}],
          "suites": [{"title": "cart", "file": "a.spec.ts", "suites": [],
            "specs": [{"title": "adds › more", "tests": [{"projectName": "phone"}, {"projectName": "desk"}]}]}]},
          {"title": "b.spec.ts", "file": "b.spec.ts", "specs": [{"title": "x", "tests": [{"projectName": ""}]}]}]}"#;
        let wanted = ["top", "[phone] › cart › adds › more", "[desk] › cart › adds › more"];
        assert_eq!(
            listing(ListParser::PlaywrightJson, text, &["tests/a.spec.ts"]),
            [entry("tests/a.spec.ts", &wanted)]
        );
    }

    #[test]
    fn the_shape_of_jest_lists_titles() {
        let text = r#"{"testResults": [
          {"name": "/w/app/a.test.js", "assertionResults": [
            {"ancestorTitles": ["cart", "empty"], "title": "adds", "status": "passed"},
            {"ancestorTitles": [], "title": "todo", "status": "todo"}]},
          {"name": "file:///w/app/b.test.js", "assertionResults": [{"ancestorTitles": [], "title": "x"}]},
          {"name": "/elsewhere/a.test.js", "assertionResults": [{"ancestorTitles": [], "title": "y"}]}]}"#;
        let wanted = [entry("a.test.js", &["cart > empty > adds", "todo"]), entry("b.test.js", &["x"])];
        assert_eq!(listing(ListParser::JestJson, text, &["a.test.js", "b.test.js"]), wanted);
    }

    #[test]
    fn vitest_lists_full_names() {
        let text = r#"[{"name": "cart > adds", "file": "/w/app/a.test.js"},
                       {"name": "cart > adds", "file": "/w/app/a.test.js", "projectName": "two"},
                       {"name": "x", "file": "/w/app/sub/a.test.js"}]"#;
        let wanted = [entry("a.test.js", &["cart > adds", "cart > adds"])];
        assert_eq!(listing(ListParser::VitestJson, text, &["a.test.js"]), wanted);
    }

    #[test]
    fn go_lists_top_level_tests_by_package() {
        let text = r#"{"Action":"start","Package":"e.com/s/cart"}
{"Action":"output","Package":"e.com/s/cart","Output":"TestGröße\n"}
{"Action":"output","Package":"e.com/s/cart","Output":"BenchmarkX\n"}
{"Action":"output","Package":"e.com/s/cart","Output":"ExampleX\n"}
{"Action":"output","Package":"e.com/s/cart","Output":"ok  \te.com/s/cart\t0.004s\n"}
{"Action":"output","Package":"e.com/s/none","Output":"?   \te.com/s/none\t[no test files]\n"}
{"Action":"skip","Package":"e.com/s/none","Elapsed":0}
"#;
        assert_eq!(
            listing(ListParser::GoJson, text, &[]),
            [entry("e.com/s/cart", &["TestGröße", "ExampleX"])]
        );
    }

    #[test]
    fn nextest_lists_binaries_and_what_will_run() {
        let text = r#"info: building
{"test-count": 3, "rust-suites": {
  "shop": {"binary-id": "shop", "status": "listed", "testcases": {
    "a::b": {"ignored": false, "filter-match": {"status": "matches"}},
    "a::c": {"ignored": true, "filter-match": {"status": "mismatch", "reason": "ignored"}}}},
  "shop::it": {"binary-id": "shop::it", "status": "listed", "testcases": {}},
  "shop::skipped": {"binary-id": "shop::skipped", "status": "skipped", "testcases": {}}}}"#;
        assert_eq!(listing(ListParser::Nextest, text, &[]), [entry("shop", &["a::b"])]);
    }

    #[test]
    fn dotnet_lists_display_names_by_assembly() {
        let vstest = "Test run for /w/app/tests/Shop.Tests/bin/Debug/net8.0/Shop.Tests.dll (.NETCoreApp,Version=v8.0)\n\
             VSTest version 17.11.1 (x64)\n\nThe following Tests are available:\n    Shop.CartTests.Adds\n    \
             Shop.CartTests.Sums(a: 1, b: 2)\nTest run for /w/app/Other.Tests.dll (.NETCoreApp,Version=v8.0)\n\
             The following Tests are available:\n    Other.T.X\n";
        let wanted = [entry(
            "tests/Shop.Tests/Shop.Tests.csproj",
            &["Shop.CartTests.Adds", "Shop.CartTests.Sums(a: 1, b: 2)"],
        )];
        assert_eq!(listing(ListParser::Dotnet, vstest, &["tests/Shop.Tests/Shop.Tests.csproj"]), wanted);
        let platform = "Discovered 1 tests in assembly - /w/app/bin/Shop.Tests.dll (net10.0|x64)\n  Shop.CartTests.Adds\n\n\
             Test discovery summary: found 1 test(s) in 1 assemblies.\n  duration: 500ms\n";
        let wanted = [entry("Shop.Tests.csproj", &["Shop.CartTests.Adds"])];
        assert_eq!(listing(ListParser::Dotnet, platform, &["Shop.Tests.csproj"]), wanted);
    }

    #[test]
    fn xcode_lists_classes_and_tests() {
        let text = r#"{"errors": [], "values": [{"testPlan": "Shop", "disabledTests": [{"identifier": "T/Cart/testOff()"}],
            "enabledTests": [{"identifier": "T/Cart/testAdds()"}, {"identifier": "T/Cart/testOld"},
                             {"identifier": "T/free()"}]}]}"#;
        let wanted = [entry("T/Cart", &["T/Cart/testAdds", "T/Cart/testOld"]), entry("T/free", &["T/free"])];
        assert_eq!(listing(ListParser::Xcode, text, &[]), wanted);
        let failed = r#"{"errors": ["no such destination"], "values": []}"#;
        let error =
            parse_listing(ListParser::Xcode, failed.as_bytes(), Path::new("/"), &[]).expect_err("errors");
        assert!(error.contains("no such destination"), "{error}");
    }

    #[test]
    fn what_is_not_a_listing_is_an_error() {
        let parsers = [
            ListParser::PlaywrightJson,
            ListParser::JestJson,
            ListParser::VitestJson,
            ListParser::Nextest,
            ListParser::Dotnet,
            ListParser::Xcode,
            ListParser::XunitClasses,
        ];
        for parser in parsers {
            for text in ["", "{", "[1, 2", "{}", "Segmentation fault"] {
                assert!(
                    parse_listing(parser, text.as_bytes(), Path::new("/"), &[]).is_err(),
                    "{parser:?} {text:?}"
                );
            }
        }
    }
}
