//! Which groups a selection stands for.

use super::*;

const PART: &str = r#"
[suites.e2e]
framework = "playwright"
[suites.api]
framework = "pytest"
[groups."package/admin"]
suite = "e2e"
specs = ["e2e/admin/**"]
[groups."package/guest"]
suite = "e2e"
specs = ["e2e/guest/**"]
[groups.api]
suite = "api"
"#;
const FILES: [&str; 4] =
    ["e2e/admin/a.spec.ts", "e2e/guest/b.spec.ts", "e2e/loose.spec.ts", "tests/test_c.py"];

#[test]
fn labels_suites_and_specs_choose() {
    let workshop = Workshop::new(PART, &FILES);
    let admin = || group("package/admin", &["e2e/admin/a.spec.ts"]);
    let guest = || group("package/guest", &["e2e/guest/b.spec.ts"]);
    let api = || group("api", &["tests/test_c.py"]);
    let table = [
        ("", vec![admin(), guest(), api()]),
        ("--group package/guest", vec![guest()]),
        ("--group api --group package/admin --group api", vec![api(), admin()]),
        ("--suite e2e", vec![admin(), guest()]),
        // With one group, --spec comes in place of its specs.
        (
            "--group package/admin --spec e2e/loose.spec.ts",
            vec![group("package/admin", &["e2e/loose.spec.ts"])],
        ),
        // With several, it chooses among their own.
        ("--spec e2e/**", vec![admin(), guest()]),
        ("--spec **/b.spec.ts --spec tests", vec![guest(), api()]),
        // A group made up on the spot.
        ("--group try --suite api", vec![group("try", &["tests/test_c.py"])]),
        ("--group try --suite e2e --spec e2e/loose.spec.ts", vec![group("try", &["e2e/loose.spec.ts"])]),
        // Another suite for a group that is there.
        (
            "--group api --suite e2e",
            vec![group("api", &["e2e/admin/a.spec.ts", "e2e/guest/b.spec.ts", "e2e/loose.spec.ts"])],
        ),
    ];
    for (flags, expected) in table {
        assert_eq!(workshop.specs(flags).expect(flags), expected, "{flags}");
    }
}

#[test]
fn without_groups_each_suite_is_one() {
    let part_toml = "[suites.e2e]\nframework = \"playwright\"\n[suites.api]\nframework = \"pytest\"\n";
    let workshop = Workshop::new(part_toml, &FILES);
    let labels = |flags: &str| -> Vec<String> {
        workshop.specs(flags).expect(flags).into_iter().map(|(label, _)| label).collect()
    };
    assert_eq!(labels(""), ["e2e", "api"]);
    assert_eq!(labels("--group api"), ["api"]);
    assert_eq!(labels("--suite api"), ["api"]);
    assert_eq!(labels("--group nightly --suite api"), ["nightly"]);
}

#[test]
fn what_cannot_be_meant_is_said() {
    let workshop = Workshop::new(PART, &FILES);
    let told = |flags: &str| super::told(&workshop.specs(flags).expect_err(flags), &workshop.root());
    insta::assert_snapshot!(told("--group package/amdin"), @r#"
    there is no group "package/amdin" in part.toml
      hint: did you mean "package/admin"?
      hint: a group that is not in part.toml needs --suite or --spec
    "#);
    insta::assert_snapshot!(told("--group try --spec e2e/**"), @r#"
    group "try" is not in part.toml, and --spec alone does not say of which suite it is
      hint: add --suite with one of e2e, api
    "#);
    insta::assert_snapshot!(told("--suite e3e"), @r#"
    there is no suite "e3e" in part.toml
      hint: did you mean "e2e"?
    "#);
    insta::assert_snapshot!(told("--group a --group b --suite e2e"), @r#"
    there is no group "a" in part.toml
      hint: groups: package/admin, package/guest, api
      hint: a group that is not in part.toml needs --suite or --spec
    "#);
    insta::assert_snapshot!(told("--spec /etc/passwd"), @r#"--spec: "/etc/passwd" is an absolute path; globs are relative to the suite's folder"#);
    insta::assert_snapshot!(told("--spec ../x"), @r#"--spec: "../x" leads out of the suite's folder"#);
    let empty = Workshop::new("[project]\nname = \"x\"\n", &[]);
    insta::assert_snapshot!(super::told(&empty.specs("").expect_err("no suite"), &empty.root()), @"
    part.toml has no suite: nothing says what to run
      hint: add a section [suites.NAME], or let `partctl init --force` write a new file
    ");
}

#[test]
fn groups_that_specs_leave_nothing_of_are_left_out_and_said() {
    let workshop = Workshop::new(PART, &FILES);
    let resolved =
        workshop.resolve(&selection("--spec **/b.spec.ts --spec nowhere/*"), &Overrides::default());
    let resolved = resolved.expect("resolves");
    assert_eq!(resolved.submission.groups.len(), 1);
    insta::assert_snapshot!(resolved.notes.join("\n"), @r#"
    --spec "nowhere/*" matches nothing
    not submitted, since --spec leaves nothing of them: package/admin, api
    the tests of suite "e2e" are not known, so a test that silently does not run goes unnoticed: `playwright` exited with code 1
    "#);
}
