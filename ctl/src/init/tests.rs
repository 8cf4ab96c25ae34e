//! Proposals for small folders, and for every suite of the repository.

use super::*;
use crate::config::load;
use std::fs;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("shop-").tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }
    folder
}

/// What is proposed, with the folder's own name cut out.
fn proposed(folder: &tempfile::TempDir) -> Proposal {
    let mut proposal = propose(folder.path()).expect("a proposal");
    let name = folder.path().file_name().expect("a name").to_string_lossy().into_owned();
    proposal.text = proposal.text.replace(&name, "shop");
    proposal
}

#[test]
fn one_framework_at_the_root() {
    let folder = folder(&[
        ("pytest.ini", "[pytest]\n"),
        ("tests/test_a.py", "def test_a(): pass\n"),
        ("tests/test_b.py", "def test_b(): pass\n"),
    ]);
    insta::assert_snapshot!(proposed(&folder).text, @r#"
    # What `partctl submit` runs here. Written by `partctl init`, to be changed at will;
    # docs/part-toml.md describes every key.

    [project]
    name = "shop"

    # Defaults of a run.
    # [run]
    # max-failures = 10      # cancel what is left once so many specs have failed
    # workers = 2            # slots in local mode; one per CPU unless said otherwise

    # pytest: has pytest.ini. 2 specs.
    [suites.pytest]
    framework = "pytest"
    # specs = ["**/test_*.py", "**/*_test.py"]
    # timeout = "5m"         # longest time for one attempt of a spec
    # retries = 1            # how often a spec that did not pass is tried again

    # A group is what `partctl submit --group LABEL` runs; without --group all of them run.
    # A group may have its own specs, requirements and settings.

    [groups.pytest]
    suite = "pytest"
    "#);
}

#[test]
fn what_a_mesh_has_to_install_is_proposed_too() {
    let jest = r#"{"devDependencies": {"jest": "30.0.0"}}"#;
    let test = "import { test } from '@jest/globals';\n";
    let folder = folder(&[
        ("package-lock.json", "{}"),
        ("web/package.json", jest),
        ("web/jest.config.js", ""),
        ("web/a.test.js", test),
        ("admin/package.json", jest),
        ("admin/package-lock.json", "{}"),
        ("admin/jest.config.js", ""),
        ("admin/a.test.js", test),
        ("api/pytest.ini", "[pytest]\n"),
        ("api/test_a.py", ""),
        ("api/requirements.txt", "pytest\n"),
    ]);
    let proposal = proposed(&folder);
    let begin = proposal.text.find("# What each worker").expect("a section");
    let end = proposal.text.find("# A group is").expect("groups");
    insta::assert_snapshot!(&proposal.text[begin..end], @r#"
    # What each worker of a mesh does once before specs run. Local runs take no notice of it.
    [[setup]]
    name = "npm ci in admin"
    run = "npm ci"
    folder = "admin"
    key = ["package-lock.json"]
    keep = ["node_modules"]

    [[setup]]
    name = "pip install in api"
    run = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
    folder = "api"
    key = ["requirements.txt"]
    keep = [".venv"]

    [[setup]]
    name = "npm ci"
    run = "npm ci"
    key = ["package-lock.json"]
    keep = ["node_modules"]
    "#);
    proposal.write(false).expect("written");
    let (project, warnings) = load(None, folder.path()).expect("it loads");
    assert_eq!((warnings, project.setup.len()), (Vec::new(), 3));
}

#[test]
fn packages_of_a_monorepo_are_groups() {
    let playwright = r#"{"devDependencies": {"@playwright/test": "1.50.0"}}"#;
    let both = r#"{"devDependencies": {"@playwright/test": "1.50.0", "jest": "30.0.0"}}"#;
    let spec = "import { test } from '@playwright/test';\n";
    let folder = folder(&[
        ("packages/admin/package.json", playwright),
        ("packages/admin/playwright.config.js", ""),
        ("packages/admin/e2e/a.spec.js", spec),
        ("packages/guest/package.json", both),
        ("packages/guest/playwright.config.js", ""),
        ("packages/guest/jest.config.js", ""),
        ("packages/guest/e2e/a.spec.js", spec),
        ("packages/guest/src/b.test.js", "import { test } from '@jest/globals';\n"),
        ("services/admin/pytest.ini", "[pytest]\n"),
        ("services/admin/test_a.py", ""),
        ("tools/pytest.ini", "[pytest]\n"),
    ]);
    let proposal = proposed(&folder);
    let names: Vec<(&str, &str)> =
        proposal.suites.iter().map(|suite| (suite.name.as_str(), suite.group.as_str())).collect();
    assert_eq!(
        names,
        [
            ("packages/admin", "packages/admin"),
            ("guest-jest", "package/guest/jest"),
            ("guest-playwright", "package/guest/playwright"),
            ("services/admin", "services/admin"),
        ]
    );
    assert!(
        proposal.notes.iter().any(|note| note.contains("left out pytest in tools")),
        "{:?}",
        proposal.notes
    );
    proposal.write(false).expect("written");
    let (project, warnings) = load(None, folder.path()).expect("it loads");
    assert_eq!((warnings, project.groups.len(), project.suites.len()), (Vec::new(), 4, 4));
}

#[test]
fn nothing_is_written_over_unless_forced() {
    let folder = folder(&[("pytest.ini", ""), ("test_a.py", ""), ("part.toml", "mine")]);
    let proposal = proposed(&folder);
    let error = proposal.write(false).expect_err("it is there");
    assert!(error.to_string().ends_with("part.toml is there already"), "{error}");
    assert_eq!(error.hints(), ["--force replaces it"]);
    assert_eq!(fs::read_to_string(folder.path().join("part.toml")).expect("the file"), "mine");
    proposal.write(true).expect("written");
    assert_eq!(fs::read_to_string(folder.path().join("part.toml")).expect("the file"), proposal.text);
}

#[test]
fn nothing_found_is_explained() {
    let empty = folder(&[("README.md", "")]);
    let error = propose(empty.path()).expect_err("nothing");
    assert!(matches!(error, InitError::NothingFound { .. }), "{error}");
    assert!(error.hints().iter().any(|hint| hint.contains("generic")));
    let without_specs = folder(&[("pytest.ini", "")]);
    let hints = propose(without_specs.path()).expect_err("no specs").hints();
    assert_eq!(hints[0], "left out pytest: has pytest.ini, but no spec was found");
    assert!(matches!(propose(Path::new("/no/such/folder")), Err(InitError::Folder { .. })));
}

#[test]
fn odd_names_are_written_so_that_they_load() {
    let folder = folder(&[("pack \"ages\"/ü [x]/pytest.ini", ""), ("pack \"ages\"/ü [x]/test_a.py", "")]);
    let proposal = proposed(&folder);
    proposal.write(false).expect("written");
    let (project, warnings) = load(None, folder.path()).expect("it loads");
    assert_eq!(warnings, []);
    assert_eq!(project.suites[0].folder, "pack \"ages\"/ü [x]");
    assert_eq!(project.groups[0].label, "package/ü [x]");
}

/// Each suite of the repository, without its part.toml, gets one that finds its specs.
#[test]
fn every_suite_of_the_repository_is_recognised() {
    let suites = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/suites"));
    let mut checked = 0;
    for entry in fs::read_dir(suites).expect("the suites") {
        let suite = entry.expect("an entry").path();
        if !suite.join("part.toml").is_file() {
            continue;
        }
        let (wanted, _) = load(Some(&suite), Path::new("/")).expect("its part.toml");
        let wanted = wanted.suites[0].framework.as_str();
        // Nothing shows that a folder uses commands of its own.
        if wanted == "generic" {
            continue;
        }
        let copy = tempfile::tempdir().expect("a folder");
        copy_files(&suite, copy.path());
        let proposal = propose(copy.path()).unwrap_or_else(|error| panic!("{}: {error}", suite.display()));
        let frameworks: Vec<&str> = proposal.suites.iter().map(|suite| suite.framework.as_str()).collect();
        assert_eq!(frameworks, [wanted], "{}", suite.display());
        assert_ne!(proposal.suites[0].specs, Some(0), "{}", suite.display());
        proposal.write(false).expect("written");
        let (_, warnings) = load(None, copy.path()).expect("it loads");
        assert_eq!(warnings, [], "{}", suite.display());
        checked += 1;
    }
    assert!(checked >= 9, "only {checked} suites");
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        let skipped = ["part.toml", "node_modules", "target", ".part"].iter().any(|skip| name == *skip);
        if skipped {
            continue;
        }
        let kind = entry.file_type().expect("a kind");
        let copy = to.join(&name);
        if kind.is_dir() {
            fs::create_dir(&copy).expect("a folder");
            copy_files(&entry.path(), &copy);
        } else if kind.is_file() {
            fs::copy(entry.path(), copy).expect("a copy");
        }
    }
}
