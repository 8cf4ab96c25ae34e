//! Which files become specs.

use super::*;

const PYTEST: &str = "[suites.api]\nframework = \"pytest\"\n";

#[test]
fn a_suite_without_globs_has_its_frameworks_specs() {
    let workshop =
        Workshop::new(PYTEST, &["tests/test_b.py", "tests/test_a.py", "tests/helper.py", "a_test.py"]);
    assert_eq!(workshop.only(""), ["a_test.py", "tests/test_a.py", "tests/test_b.py"]);
}

#[test]
fn what_is_ignored_is_no_spec_unless_it_is_named() {
    let files = [
        "tests/test_a.py",
        "build/test_b.py",
        "wip/test_c.py",
        "node_modules/x/test_d.py",
        ".venv/test_e.py",
    ];
    let workshop = Workshop::new(PYTEST, &files);
    workshop.write(".gitignore", "/build/\n");
    workshop.write(".partignore", "wip\n");
    assert_eq!(workshop.only(""), ["tests/test_a.py"]);
    assert_eq!(workshop.only("--group api --spec build/test_b.py"), ["build/test_b.py"]);
}

#[test]
fn globs_overlap_and_exclude() {
    let part_toml = r#"
        [suites.api]
        framework = "pytest"
        specs = ["api/test_*.py", "api/**/test_*.py", "./api/test_a.py"]
        exclude = ["api/wip", "**/test_slow*.py"]
    "#;
    let files = [
        "api/test_a.py",
        "api/test_b.py",
        "api/sub/test_c.py",
        "api/wip/test_d.py",
        "api/sub/test_slow_e.py",
    ];
    assert_eq!(
        Workshop::new(part_toml, &files).only(""),
        ["api/sub/test_c.py", "api/test_a.py", "api/test_b.py"]
    );
}

#[test]
fn a_folder_stands_for_the_specs_in_it() {
    let files = ["e2e/admin/a.spec.ts", "e2e/admin/helper.ts", "e2e/guest/b.spec.ts", "e2e/guest/c.smoke.ts"];
    let suites = |specs: &str| format!("[suites.e2e]\nframework = \"playwright\"\n{specs}");
    let table = [
        // The suite's globs name no files: the framework says what specs are called.
        ("specs = [\"e2e/**\"]", "", vec!["e2e/admin/a.spec.ts", "e2e/guest/b.spec.ts"]),
        ("specs = [\"e2e/admin/\"]", "", vec!["e2e/admin/a.spec.ts"]),
        ("specs = [\"e2e/admin\"]", "", vec!["e2e/admin/a.spec.ts"]),
        // The suite's globs name files: these are its specs, in other folders, too.
        ("specs = [\"e2e/*/*.smoke.ts\"]", "", vec!["e2e/guest/c.smoke.ts"]),
        ("specs = [\"smoke/*.smoke.ts\"]", "--group e2e --spec e2e/guest", vec!["e2e/guest/c.smoke.ts"]),
        // Some of each.
        (
            "specs = [\"e2e/admin/**\", \"e2e/guest/c.*\"]",
            "",
            vec!["e2e/admin/a.spec.ts", "e2e/guest/c.smoke.ts"],
        ),
    ];
    for (specs, flags, expected) in table {
        let workshop = Workshop::new(&suites(specs), &files);
        assert_eq!(workshop.only(flags), expected, "{specs} {flags}");
    }
}

#[test]
fn a_suites_folder_is_where_its_globs_begin() {
    let part_toml = r#"
        [suites.api]
        framework = "pytest"
        folder = "services/api"
        specs = ["tests/**"]
    "#;
    let workshop = Workshop::new(
        part_toml,
        &["services/api/tests/test_a.py", "services/api/tests/test_b.py", "tests/test_c.py"],
    );
    let resolved = workshop.resolve(&Selection::default(), &Overrides::default()).expect("resolves");
    assert_eq!(resolved.submission.groups[0].recipe.folder, "services/api");
    assert_eq!(workshop.only(""), ["tests/test_a.py", "tests/test_b.py"]);
    // On the command line paths from the root and from the current folder are understood as well.
    let absolute = format!("--group api --spec {}/services/api/tests/test_a.py", workshop.root().display());
    let table = [
        ("", "--group api --spec tests/test_a.py"),
        ("", "--group api --spec services/api/tests/test_a.py"),
        ("services", "--group api --spec api/tests/test_a.py"),
        ("services/api/tests", "--group api --spec ./test_a.py"),
        ("services/api/more", "--group api --spec ../tests/test_a.py"),
        ("", absolute.as_str()),
    ];
    for (cwd, flags) in table {
        let specs = workshop.specs_from(cwd, flags).expect(flags);
        assert_eq!(specs, [group("api", &["tests/test_a.py"])], "{cwd} {flags}");
    }
}

#[test]
fn names_are_kept_as_they_are() {
    let files = [
        "-dash/test_a.py",
        "with blank/test b.py",
        "größe/test_日本.py",
        "app/[id]/test_x.py",
        "it's/test_{y}.py",
    ];
    let part_toml = format!("{PYTEST}specs = [\"**/test*.py\"]\n");
    let workshop = Workshop::new(&part_toml, &files);
    let mut expected: Vec<&str> = files.to_vec();
    expected.sort_unstable();
    assert_eq!(workshop.only(""), expected);
    assert_eq!(workshop.only("--group api --spec app/[id]/test_x.py"), ["app/[id]/test_x.py"]);
    assert_eq!(workshop.only("--group api --spec it's/test_{y}.py"), ["it's/test_{y}.py"]);
}

#[test]
fn control_characters_are_refused_by_name() {
    let workshop = Workshop::new(PYTEST, &["test_a\nb.py", "test_c.py"]);
    let error = workshop.specs("").expect_err("a name with a line break");
    assert_eq!(
        told(&error, &workshop.root()),
        "suite \"api\" has a spec with control characters in its name: \"test_a\\nb.py\"\n  hint: rename it, or name it in `exclude`"
    );
    let excluding = format!("{PYTEST}exclude = [\"test_a*\"]\n");
    assert_eq!(Workshop::new(&excluding, &["test_a\nb.py", "test_c.py"]).only(""), ["test_c.py"]);
}

#[cfg(unix)]
#[test]
fn links_count_as_what_they_lead_to() {
    use std::os::unix::fs::symlink;
    let workshop = Workshop::new(PYTEST, &["tests/test_a.py"]);
    let at = |path: &str| workshop.root().join(path);
    symlink("test_a.py", at("tests/test_b.py")).expect("a link");
    symlink("nowhere.py", at("tests/test_gone.py")).expect("a link");
    symlink("..", at("tests/up")).expect("a link");
    assert_eq!(workshop.only(""), ["tests/test_a.py", "tests/test_b.py"]);
}

#[test]
fn sizes_are_told_and_every_file_is_any_file_for_a_generic_suite() {
    let part_toml =
        "[suites.checks]\nframework = \"generic\"\ncommand = [\"sh\", \"{spec}\"]\nspecs = [\"checks/**\"]\n";
    let workshop = Workshop::new(part_toml, &["checks/a.sh", "checks/b"]);
    let resolved = workshop.resolve(&Selection::default(), &Overrides::default()).expect("resolves");
    let specs: Vec<(&str, u64)> = resolved.submission.groups[0]
        .specs
        .iter()
        .map(|spec| (spec.name.as_str(), spec.size_bytes))
        .collect();
    assert_eq!(specs, [("checks/a.sh", 11), ("checks/b", 8)]);
}

#[test]
fn many_groups_share_one_look_at_the_workspace() {
    let mut part_toml = "[suites.unit]\nframework = \"pytest\"\nlist-tests = false\n".to_owned();
    let workshop = Workshop::new("", &[]);
    for package in 0..100 {
        part_toml
            .push_str(&format!("[groups.\"package/{package}\"]\nspecs = [\"packages/p{package}/**\"]\n"));
        for file in 0..10 {
            workshop.write(&format!("packages/p{package}/tests/test_{file}.py"), "");
        }
    }
    workshop.write("part.toml", &part_toml);
    let resolved = workshop.resolve(&Selection::default(), &Overrides::default()).expect("resolves");
    assert_eq!(resolved.submission.groups.len(), 100);
    assert!(resolved.submission.groups.iter().all(|group| group.specs.len() == 10));
}
