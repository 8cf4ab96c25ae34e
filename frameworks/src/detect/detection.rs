//! From the names in a workspace to a proposal.

use super::claims;
use super::evidence::{self, Evidence};
use super::tree::Tree;
use crate::table::{Catalogue, Framework, SpecSource};
use crate::walk::WalkError;
use std::collections::BTreeSet;
use std::path::Path;
use thiserror::Error;

/// A framework that a folder uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The framework's name in the tables.
    pub framework: String,
    /// Its name for people.
    pub title: String,
    /// The folder, relative to the workspace; empty for the workspace itself.
    pub folder: String,
    /// What proves it, each a fragment such as `has pytest.ini`.
    pub why: Vec<String>,
    /// Globs for its specs, relative to the folder; empty where a command lists them all.
    pub globs: Vec<String>,
    /// How many files they stand for; none where specs are no files.
    pub specs: Option<usize>,
    /// What could not be told.
    pub notes: Vec<String>,
}

/// Everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// The frameworks, by folder and name.
    pub found: Vec<Detection>,
    /// What could not be looked at.
    pub notes: Vec<String>,
}

/// Why a folder cannot be looked at.
#[derive(Debug, Error)]
pub enum DetectError {
    /// It cannot be looked through.
    #[error("looking for test frameworks")]
    Walk(#[from] WalkError),
    /// A table makes no sense.
    #[error(transparent)]
    Table(#[from] crate::table::TableError),
}

/// Looks for the frameworks of `catalogue` in the workspace `root`. Bounded: of a very large workspace only the
/// upper part is looked at, and a note says so.
///
/// # Errors
/// When `root` cannot be looked through.
pub fn detect(root: &Path, catalogue: &Catalogue) -> Result<Detected, DetectError> {
    let tree = Tree::read(root)?;
    let mut notes = tree.notes();
    let mut candidates = Vec::new();
    for name in catalogue.names() {
        let framework = catalogue.get(name)?;
        let found = evidence::find(&framework, &tree, &mut notes);
        candidates.extend(of_framework(&framework, found, &tree));
    }
    claims::settle(&mut candidates, &tree);
    let mut found: Vec<Detection> = candidates.into_iter().map(Candidate::into_detection).collect();
    found.sort_by(|a, b| (&a.folder, &a.framework).cmp(&(&b.folder, &b.framework)));
    notes.dedup();
    Ok(Detected { found, notes })
}

/// A find whose files may still be someone else's.
pub(super) struct Candidate {
    pub(super) framework: Framework,
    pub(super) folder: String,
    pub(super) why: Vec<String>,
    pub(super) globs: Vec<String>,
    /// The files that the globs stand for, relative to the workspace; none where specs are no files.
    pub(super) files: Option<BTreeSet<String>>,
    pub(super) notes: Vec<String>,
}

impl Candidate {
    fn into_detection(self) -> Detection {
        Detection {
            framework: self.framework.name,
            title: self.framework.title,
            folder: self.folder,
            why: self.why,
            globs: self.globs,
            specs: self.files.map(|files| files.len()),
            notes: self.notes,
        }
    }
}

/// The finds of one framework, those that another one stands for left out.
fn of_framework(framework: &Framework, mut found: Vec<Evidence>, tree: &Tree) -> Vec<Candidate> {
    if framework.detect.together == Some(true) {
        found = together(found);
    }
    found.sort_by(|a, b| a.folder.cmp(&b.folder));
    let mut kept: Vec<Evidence> = Vec::new();
    for evidence in found {
        if !kept.iter().any(|outer| outer.strong && is_below(&evidence.folder, &outer.folder)) {
            kept.push(evidence);
        }
    }
    let folders: Vec<String> = kept.iter().map(|evidence| evidence.folder.clone()).collect();
    let candidates = kept.into_iter().filter_map(|evidence| {
        let inner = folders.iter().filter(|folder| is_below(folder, &evidence.folder));
        let inner: Vec<&str> = inner.map(String::as_str).collect();
        let files = match &framework.specs {
            SpecSource::Listed { .. } => None,
            SpecSource::Files { globs, ignore, .. } => {
                Some(tree.matching(&evidence.folder, globs, ignore, &inner))
            }
        };
        // A dependency alone, without any spec, proves nothing worth proposing.
        let useless = !evidence.strong && files.as_ref().is_some_and(BTreeSet::is_empty);
        (!useless).then(|| Candidate {
            framework: framework.clone(),
            folder: evidence.folder,
            why: evidence.why,
            globs: framework.specs.default_globs().to_vec(),
            files,
            notes: Vec::new(),
        })
    });
    candidates.collect()
}

/// One find in the nearest folder above them all.
fn together(found: Vec<Evidence>) -> Vec<Evidence> {
    let mut found = found.into_iter();
    let Some(first) = found.next() else { return Vec::new() };
    vec![found.fold(first, |mut all, more| {
        let common = all.folder.split('/').zip(more.folder.split('/')).take_while(|(a, b)| a == b);
        all.folder = common.map(|(part, _)| part).collect::<Vec<_>>().join("/");
        all.strong |= more.strong;
        all.why.extend(more.why);
        all
    })]
}

/// True when `folder` is inside `outer` and not the same.
fn is_below(folder: &str, outer: &str) -> bool {
    match outer {
        "" => !folder.is_empty(),
        outer => folder.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn found(files: &[(&str, &str)]) -> Vec<(String, String, Vec<String>, Option<usize>)> {
        let root = tempfile::tempdir().expect("a folder");
        for (file, text) in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        let detected = detect(root.path(), &Catalogue::builtin()).expect("detects");
        assert_eq!(detected.notes, Vec::<String>::new());
        let short = |found: Detection| (found.framework, found.folder, found.globs, found.specs);
        detected.found.into_iter().map(short).collect()
    }

    fn names(files: &[(&str, &str)]) -> Vec<(String, String, Option<usize>)> {
        found(files).into_iter().map(|(framework, folder, _, specs)| (framework, folder, specs)).collect()
    }

    fn one(framework: &str, folder: &str, specs: Option<usize>) -> (String, String, Option<usize>) {
        (framework.to_owned(), folder.to_owned(), specs)
    }

    #[test]
    fn each_framework_is_recognised() {
        const JEST: &str = r#"{"devDependencies": {"jest": "30"}}"#;
        type Files = &'static [(&'static str, &'static str)];
        let table: [(Files, &str, Option<usize>); 13] = [
            (&[("pytest.ini", ""), ("tests/test_a.py", "")], "pytest", Some(1)),
            (&[("pyproject.toml", "[tool.pytest.ini_options]"), ("test_a.py", "")], "pytest", Some(1)),
            (&[("requirements-dev.txt", "pytest==9"), ("a_test.py", "")], "pytest", Some(1)),
            (&[("playwright.config.ts", ""), ("a.spec.ts", "")], "playwright", Some(1)),
            (&[("package.json", JEST), ("src/__tests__/a.js", ""), ("a.test.tsx", "")], "jest", Some(2)),
            (&[("vitest.config.mts", ""), ("a.test.ts", "")], "vitest", Some(1)),
            (&[(".mocharc.yml", ""), ("test/a.js", "")], "mocha", Some(1)),
            (&[("wdio.conf.ts", ""), ("test/specs/a.ts", "")], "webdriverio", Some(1)),
            (&[("cypress.config.js", ""), ("cypress/e2e/a.cy.ts", "")], "cypress", Some(1)),
            (
                &[("package.json", r#"{"scripts": {"test": "node --test"}}"#), ("a.test.mjs", "")],
                "node-test",
                Some(1),
            ),
            (&[("Cargo.toml", ""), ("sub/Cargo.toml", "")], "nextest", None),
            (&[("go.mod", ""), ("a_test.go", "")], "go", None),
            (&[("App.xcodeproj/project.pbxproj", "")], "xctest", None),
        ];
        for (files, framework, specs) in table {
            assert_eq!(names(files), [one(framework, "", specs)], "{files:?}");
        }
        let projects = [("t/A.Tests/A.Tests.csproj", "xunit.v3"), ("t/B.Tests/B.Tests.csproj", "xunit")];
        assert_eq!(names(&projects), [one("xunit", "t", Some(2))]);
        assert_eq!(names(&[("package.json", JEST), ("readme.md", "")]), []);
    }

    #[test]
    fn packages_below_are_found() {
        let root_only = r#"{"devDependencies": {"vitest": "4"}}"#;
        let files = [
            ("package.json", root_only),
            ("packages/a/vitest.config.ts", ""),
            ("packages/a/a.test.ts", ""),
            ("packages/b/package.json", root_only),
            ("packages/b/b.test.ts", ""),
            ("packages/b/c.test.ts", ""),
            ("node_modules/x/vitest.config.ts", ""),
            ("services/api/pytest.ini", ""),
            ("services/api/tests/conftest.py", ""),
            ("services/api/tests/test_a.py", ""),
        ];
        let wanted = [
            one("vitest", "packages/a", Some(1)),
            one("vitest", "packages/b", Some(2)),
            one("pytest", "services/api", Some(1)),
        ];
        assert_eq!(names(&files), wanted);
    }

    #[test]
    fn files_that_two_claim_go_to_the_one_they_import() {
        let files = [
            ("package.json", r#"{"devDependencies": {"vitest": "4", "@playwright/test": "1.65"}}"#),
            ("e2e/a.spec.ts", "import { test } from '@playwright/test';"),
            ("e2e/deep/b.spec.ts", "import { test } from '@playwright/test';"),
            ("src/a.test.ts", "import { test } from 'vitest';"),
            ("a.test.ts", "import { test } from \"vitest\";"),
        ];
        let all = "**/*.{spec,test}.{,c,m}[jt]s{,x}";
        let wanted = [
            ("playwright".to_owned(), String::new(), vec![format!("e2e/{all}")], Some(2)),
            (
                "vitest".to_owned(),
                String::new(),
                vec!["*.{spec,test}.{,c,m}[jt]s{,x}".to_owned(), format!("src/{all}")],
                Some(2),
            ),
        ];
        assert_eq!(found(&files), wanted);
    }

    #[test]
    fn what_stays_unclear_is_said() {
        let root = tempfile::tempdir().expect("a folder");
        let package = r#"{"devDependencies": {"jest": "30", "mocha": "12"}}"#;
        fs::write(root.path().join("package.json"), package).expect("a file");
        fs::write(root.path().join("a.test.js"), "it('x', () => {})").expect("a file");
        let detected = detect(root.path(), &Catalogue::builtin()).expect("detects");
        assert_eq!(detected.found.len(), 2);
        assert_eq!(detected.found[0].notes, ["1 of its files may be of Mocha, such as a.test.js"]);
        assert_eq!(detected.found[0].why, ["package.json depends on jest"]);
    }
}
