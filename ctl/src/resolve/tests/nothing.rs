//! What is said where nothing matches.

use super::*;

fn told(part_toml: &str, files: &[&str], flags: &str) -> String {
    let workshop = Workshop::new(part_toml, files);
    workshop.write(".gitignore", "generated/\n");
    let error = workshop.specs(flags).expect_err("nothing matches");
    assert!(error.nothing_to_run(), "{error}");
    super::told(&error, &workshop.root())
}

const E2E: &str = "[suites.e2e]\nframework = \"playwright\"\n";
const FILES: [&str; 4] =
    ["e2e/admin/login.spec.ts", "e2e/admin/helper.ts", "e2e/guest/cart.spec.ts", "README.md"];

#[test]
fn slips_of_the_hand() {
    insta::assert_snapshot!(told(E2E, &FILES, "--group e2e --spec e2e/admin/logni.spec.ts"), @r#"
    group "e2e" has no spec: nothing matches e2e/admin/logni.spec.ts in the workspace
      hint: there is no e2e/admin/logni.spec.ts; did you mean e2e/admin/login.spec.ts?
    "#);
    insta::assert_snapshot!(told(E2E, &FILES, "--group e2e --spec cart.spec.ts"), @r#"
    group "e2e" has no spec: nothing matches cart.spec.ts in the workspace
      hint: there is no cart.spec.ts; did you mean e2e/guest/cart.spec.ts?
    "#);
    insta::assert_snapshot!(told(E2E, &FILES, "--group e2e --spec e2e/amdin/**"), @r#"
    group "e2e" has no spec: nothing matches e2e/amdin/** in the workspace
      hint: there is no folder e2e/amdin/; did you mean e2e/admin/?
    "#);
    insta::assert_snapshot!(told(E2E, &FILES, "--group e2e --spec *.spec.ts"), @r#"
    group "e2e" has no spec: nothing matches *.spec.ts in the workspace
      hint: in the folders below, 2 files match "**/*.spec.ts"
    "#);
}

#[test]
fn files_that_match_but_do_not_count() {
    let ignored = ["generated/a.spec.ts", "generated/b.spec.ts", "x"];
    insta::assert_snapshot!(told(E2E, &ignored, ""), @r#"
    group "e2e" has no spec: nothing matches **/*.{spec,test}.{,c,m}[jt]s{,x} in the workspace
      hint: ignored by git: generated/a.spec.ts and 1 more
    "#);
    insta::assert_snapshot!(told(&format!("{E2E}exclude = [\"**\"]\n"), &FILES, ""), @r#"
    group "e2e" has no spec: nothing matches **/*.{spec,test}.{,c,m}[jt]s{,x} in the workspace
      hint: left out by `exclude`: e2e/admin/login.spec.ts and 1 more
    "#);
    insta::assert_snapshot!(told(E2E, &["e2e/helper.ts", "e2e/data.json"], "--group e2e --spec e2e"), @r#"
    group "e2e" has no spec: nothing matches e2e in the workspace
      hint: not called like specs (**/*.{spec,test}.{,c,m}[jt]s{,x}): e2e/data.json and 1 more
    "#);
    let two =
        format!("{E2E}[groups.a]\nspecs = [\"e2e/admin/**\"]\n[groups.b]\nspecs = [\"e2e/admin/login*\"]\n");
    insta::assert_snapshot!(told(&two, &FILES, "--spec e2e/guest/cart.spec.ts"), @r#"
    group "a" has no spec: nothing matches e2e/guest/cart.spec.ts in the workspace
    group "b" has no spec: nothing matches e2e/guest/cart.spec.ts in the workspace
      hint: not among the group's own specs: e2e/guest/cart.spec.ts
    "#);
}

#[test]
fn folders_of_suites() {
    let api = "[suites.api]\nframework = \"pytest\"\nfolder = \"api\"\nspecs = [\"api/tests/test_*.py\"]\n";
    insta::assert_snapshot!(told(api, &["api/tests/test_a.py"], ""), @r#"
    group "api" has no spec: nothing matches api/tests/test_*.py in api/
      hint: globs are relative to the suite's folder: write "tests/test_*.py"
    "#);
    let workshop = Workshop::new("[suites.api]\nframework = \"pytest\"\nfolder = \"gone\"\n", &[]);
    insta::assert_snapshot!(super::told(&workshop.specs("").expect_err("no folder"), &workshop.root()), @r#"the folder "gone" of suite "api" is not there"#);
}

#[test]
fn an_empty_group_is_an_error_even_where_others_have_specs() {
    let groups =
        format!("{E2E}[groups.a]\nspecs = [\"e2e/admin/**\"]\n[groups.b]\nspecs = [\"e2e/customer/**\"]\n");
    insta::assert_snapshot!(told(&groups, &FILES, ""), @r#"
    group "b" has no spec: nothing matches e2e/customer/** in the workspace
      hint: there is no folder e2e/customer/
    "#);
}

#[test]
fn a_generic_suite_has_to_say_what_its_specs_are() {
    let workshop =
        Workshop::new("[suites.x]\nframework = \"generic\"\ncommand = [\"sh\", \"{spec}\"]\n", &["a.sh"]);
    insta::assert_snapshot!(super::told(&workshop.specs("").expect_err("no globs"), &workshop.root()), @r#"
    suite "x" does not say which files are its specs, and framework "generic" does not either
      hint: add specs = ["…"] to [suites.x]
    "#);
}
