//! Specs and tests that commands list.

use super::*;

const GO: &str = r#"
[suites.unit]
framework = "go"
[groups.all]
[groups.cart]
specs = ["**/cart"]
"#;
const PACKAGES: (&str, i32, &str) = ("go list", 0, "e.com/shop/cart\ne.com/shop/price\n");
const TESTS: (&str, i32, &str) = (
    "go test -list",
    0,
    "{\"Action\":\"output\",\"Package\":\"e.com/shop/cart\",\"Output\":\"TestAdds\\n\"}\n\
     {\"Action\":\"output\",\"Package\":\"e.com/shop/cart\",\"Output\":\"ok  \\te.com/shop/cart\\t0.004s\\n\"}\n",
);

fn expected(resolved: &Resolved) -> Vec<(&str, &str, Option<Vec<String>>)> {
    let groups = resolved.submission.groups.iter();
    let specs = groups.flat_map(|group| group.specs.iter().map(|spec| (group.label.as_str(), spec)));
    specs.map(|(label, spec)| (label, spec.name.as_str(), spec.expected_tests.clone())).collect()
}

#[test]
fn specs_and_their_tests_are_asked_for_once_per_suite() {
    let workshop = Workshop::new(GO, &[]);
    let script = Script::new(&[PACKAGES, TESTS]);
    let resolved =
        workshop.resolve_from("", &Selection::default(), &Overrides::default(), &script).expect("resolves");
    let adds = || Some(vec!["TestAdds".to_owned()]);
    let wanted = [
        ("all", "e.com/shop/cart", adds()),
        // What the listing does not speak of is not known; it is not known to have no tests.
        ("all", "e.com/shop/price", None),
        ("cart", "e.com/shop/cart", adds()),
    ];
    assert_eq!(expected(&resolved), wanted);
    assert_eq!(script.calls().len(), 2, "{:?}", script.calls());
    assert_eq!(resolved.notes, [] as [String; 0]);
}

#[test]
fn specs_that_cannot_be_listed_are_an_error() {
    let workshop = Workshop::new(GO, &[]);
    let script = Script::new(&[("go list", 1, "go: cannot find main module")]);
    let error =
        workshop.resolve_from("", &Selection::default(), &Overrides::default(), &script).expect_err("fails");
    insta::assert_snapshot!(told(&error, &workshop.root()), @r#"
    cannot list the specs of suite "unit"
      caused by: `go` exited with code 1; it wrote:
    go: cannot find main module
    "#);
    assert!(!error.nothing_to_run());
}

#[test]
fn tests_that_cannot_be_listed_are_a_note() {
    let workshop = Workshop::new(GO, &[]);
    let script = Script::new(&[PACKAGES]);
    let resolved =
        workshop.resolve_from("", &Selection::default(), &Overrides::default(), &script).expect("resolves");
    assert!(expected(&resolved).iter().all(|(_, _, tests)| tests.is_none()));
    insta::assert_snapshot!(resolved.notes.join("\n"), @r#"
    the tests of suite "unit" are not known, so a test that silently does not run goes unnoticed: `go` exited with code 1; it wrote:
    nothing to say
    "#);
}

#[test]
fn listing_tests_can_be_switched_off() {
    let workshop =
        Workshop::new("[suites.api]\nframework = \"pytest\"\nlist-tests = false\n", &["test_a.py"]);
    let calls = |overrides: &Overrides| {
        let script = Script::default();
        workshop.resolve_from("", &Selection::default(), overrides, &script).expect("resolves");
        script.calls().len()
    };
    assert_eq!(calls(&Overrides::default()), 0);
    assert_eq!(calls(&Overrides { list_tests: Some(true), ..Overrides::default() }), 1);
}

#[test]
fn a_name_that_is_not_listed_says_what_is() {
    let workshop = Workshop::new(GO, &[]);
    let script = Script::new(&[PACKAGES]);
    let error = workshop
        .resolve_from("", &selection("--group all --spec e.com/shop/crat"), &Overrides::default(), &script)
        .expect_err("nothing matches");
    insta::assert_snapshot!(told(&error, &workshop.root()), @r#"
    group "all" has no spec: nothing matches e.com/shop/crat in the workspace
      hint: there is no e.com/shop/crat; did you mean e.com/shop/cart?
      hint: go test lists e.com/shop/cart, e.com/shop/price
    "#);
}

#[test]
fn a_listing_in_a_file_is_read() {
    let workshop = Workshop::new("[suites.e2e]\nframework = \"playwright\"\n", &["tests/a.spec.ts"]);
    let listing = r#"{"config": {"rootDir": "ROOT"}, "errors": [], "suites": [{"title": "a.spec.ts",
        "file": "tests/a.spec.ts", "specs": [{"title": "adds", "tests": [{"projectName": ""}]}]}]}"#;
    let listing = listing.replace("ROOT", &workshop.root().display().to_string());
    let script = Script::new(&[("test --list", 0, String::leak(listing))]);
    let resolved =
        workshop.resolve_from("", &Selection::default(), &Overrides::default(), &script).expect("resolves");
    assert_eq!(expected(&resolved), [("e2e", "tests/a.spec.ts", Some(vec!["adds".to_owned()]))]);
}
