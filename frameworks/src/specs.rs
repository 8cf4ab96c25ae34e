//! From globs to spec files.

use crate::bounds::SPECS;
use crate::glob::{GlobError, Globs, is_literal};
use crate::walk::{Walk, WalkError};
use std::collections::BTreeMap;
use std::path::Path;
use thiserror::Error;

/// A spec that is a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpecFile {
    /// Its path relative to the suite's folder, with `/`.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// The specs that globs stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The specs, sorted by name, each once.
    pub specs: Vec<SpecFile>,
    /// The globs that stand for no spec.
    pub unmatched: Vec<String>,
}

/// What globs to look for, and where.
#[derive(Clone, Copy, Debug)]
pub struct SpecQuery<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// The suite's folder, relative to the workspace; empty for the workspace itself.
    pub folder: &'a str,
    /// Globs relative to the suite's folder. One with `!` in front takes away what it stands for. One without any
    /// wildcard names a file, which counts even where git ignores it.
    pub globs: &'a [String],
    /// Globs of what is never a spec.
    pub ignore: &'a [String],
    /// Leaves out what git ignores.
    pub gitignore: bool,
}

/// Why globs cannot be resolved.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// One of the globs is none.
    #[error("finding specs in {folder:?}")]
    Glob {
        /// The suite's folder.
        folder: String,
        /// Which and why.
        #[source]
        source: GlobError,
    },
    /// The folder cannot be looked through.
    #[error("finding specs with {}", .globs.join(", "))]
    Walk {
        /// The globs.
        globs: Vec<String>,
        /// Why not.
        #[source]
        source: WalkError,
    },
    /// More specs than one group takes.
    #[error("{} stand for more than {limit} specs", .globs.join(", "))]
    TooMany {
        /// The globs.
        globs: Vec<String>,
        /// The most that there may be.
        limit: usize,
    },
}

/// Finds the spec files that `query` asks for.
///
/// # Errors
/// When a glob is malformed, or the folder cannot be looked through.
pub fn resolve_specs(query: SpecQuery<'_>) -> Result<Resolved, ResolveError> {
    let chosen = Chosen::new(query)?;
    let folder = query.root.join(query.folder);
    let walk_error = |source| ResolveError::Walk { globs: query.globs.to_vec(), source };
    let mut found = BTreeMap::new();
    let mut matched = vec![false; chosen.globs.len()];
    let walk = Walk { gitignore: query.gitignore, ..Walk::of(&folder) };
    let mut too_many = false;
    let mut take = |name: String, size_bytes: u64| {
        let which = chosen.which(&name);
        if !which.is_empty() && found.len() < SPECS {
            which.into_iter().for_each(|place| matched[place] = true);
            found.insert(name, size_bytes);
        } else if !which.is_empty() {
            too_many = true;
        }
    };
    for literal in chosen.literals() {
        if let Ok(metadata) = folder.join(literal).metadata()
            && metadata.is_file()
        {
            take(literal.to_owned(), metadata.len());
        }
    }
    let visit = |entry: &ignore::DirEntry, name: String| {
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            take(name, entry.metadata().map_or(0, |metadata| metadata.len()));
        }
        Ok(())
    };
    walk.run(visit).map_err(walk_error)?;
    if too_many {
        return Err(ResolveError::TooMany { globs: query.globs.to_vec(), limit: SPECS });
    }
    Ok(chosen.finish(found, matched))
}

/// Of the `names` that a command listed, those that the globs stand for, sorted; all of them where there is no glob.
///
/// # Errors
/// When a glob is malformed.
pub fn choose_listed(
    names: impl IntoIterator<Item = String>,
    globs: &[String],
) -> Result<Resolved, ResolveError> {
    let nothing = Path::new("");
    let query = SpecQuery { root: nothing, folder: "", globs, ignore: &[], gitignore: false };
    let chosen = Chosen::new(query)?;
    let mut matched = vec![false; chosen.globs.len()];
    let mut found = BTreeMap::new();
    for name in names {
        let which = chosen.which(&name);
        if !which.is_empty() || globs.is_empty() {
            which.into_iter().for_each(|place| matched[place] = true);
            found.insert(name, 0);
        }
    }
    Ok(chosen.finish(found, matched))
}

/// Globs that take and globs that take away.
struct Chosen {
    globs: Vec<String>,
    wanted: Globs,
    unwanted: Globs,
}

impl Chosen {
    fn new(query: SpecQuery<'_>) -> Result<Self, ResolveError> {
        let wrong = |source| ResolveError::Glob { folder: query.folder.to_owned(), source };
        let (negative, positive): (Vec<_>, Vec<_>) =
            query.globs.iter().partition(|glob| glob.starts_with('!'));
        let taken_away =
            negative.iter().map(|glob| &glob[1..]).chain(query.ignore.iter().map(String::as_str));
        let globs: Vec<String> = positive.into_iter().cloned().collect();
        Ok(Chosen {
            wanted: Globs::new(&globs).map_err(wrong)?,
            unwanted: Globs::new(&taken_away.collect::<Vec<_>>()).map_err(wrong)?,
            globs,
        })
    }

    /// The globs that stand for `name`, by their places in the list.
    fn which(&self, name: &str) -> Vec<usize> {
        if self.unwanted.matches(name) { Vec::new() } else { self.wanted.which(name) }
    }

    fn finish(self, found: BTreeMap<String, u64>, matched: Vec<bool>) -> Resolved {
        let unmatched = self.globs.into_iter().zip(matched).filter(|(_, matched)| !matched);
        Resolved {
            specs: found.into_iter().map(|(name, size_bytes)| SpecFile { name, size_bytes }).collect(),
            unmatched: unmatched.map(|(glob, _)| glob).collect(),
        }
    }

    fn literals(&self) -> impl Iterator<Item = &str> {
        let plain = self.globs.iter().filter(|glob| is_literal(glob));
        plain.map(|glob| glob.strip_prefix("./").unwrap_or(glob))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, file).expect("a file");
        }
        root
    }

    fn resolve(root: &Path, folder: &str, globs: &[&str]) -> Resolved {
        let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let ignore = ["**/node_modules/**".to_owned()];
        let query = SpecQuery { root, folder, globs: &globs, ignore: &ignore, gitignore: true };
        resolve_specs(query).expect("resolvable")
    }

    fn names(resolved: &Resolved) -> Vec<&str> {
        resolved.specs.iter().map(|spec| spec.name.as_str()).collect()
    }

    #[test]
    fn globs_are_relative_to_the_folder_and_git_is_heeded() {
        let root = tree(&[
            "app/b.test.js",
            "app/a.test.js",
            "app/größe/ä.test.js",
            "app/-dash.test.js",
            "app/node_modules/x/a.test.js",
            "app/build/a.test.js",
            "app/secret/a.test.js",
            "other/a.test.js",
            ".git/a.test.js",
        ]);
        fs::write(root.path().join(".gitignore"), "build/\n").expect("ignore file");
        fs::write(root.path().join("app/.partignore"), "secret\n").expect("ignore file");
        let all = resolve(root.path(), "app", &["**/*.test.js"]);
        assert_eq!(names(&all), ["-dash.test.js", "a.test.js", "b.test.js", "größe/ä.test.js"]);
        assert_eq!(all.specs[1].size_bytes, 13);
        let some = resolve(root.path(), "app", &["*.test.js", "!b*", "nothing/*.js", "build/a.test.js"]);
        assert_eq!(names(&some), ["-dash.test.js", "a.test.js", "build/a.test.js"]);
        assert_eq!(some.unmatched, ["nothing/*.js"]);
        assert_eq!(names(&resolve(root.path(), "app", &["./a.test.js", "a.test.js"])), ["a.test.js"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        let root = tree(&["a/x.test.js"]);
        std::os::unix::fs::symlink(root.path(), root.path().join("a/up")).expect("a link");
        std::os::unix::fs::symlink("nowhere", root.path().join("a/y.test.js")).expect("a link");
        std::os::unix::fs::symlink("x.test.js", root.path().join("a/z.test.js")).expect("a link");
        let found = resolve(root.path(), "", &["**/*.test.js"]);
        assert_eq!(names(&found), ["a/x.test.js", "a/z.test.js"]);
    }

    #[test]
    fn errors_name_globs_and_folders() {
        let root = tree(&["a"]);
        let query =
            |folder, globs| SpecQuery { root: root.path(), folder, globs, ignore: &[], gitignore: true };
        let bad = ["a[".to_owned()];
        let error = resolve_specs(query("sub", &bad)).expect_err("bad glob");
        assert!(error.to_string().contains("\"sub\""), "{error}");
        let good = ["*.x".to_owned()];
        let error = resolve_specs(query("gone", &good)).expect_err("no folder");
        assert_eq!(error.to_string(), "finding specs with *.x");
        assert!(
            std::error::Error::source(&error)
                .expect("a source")
                .to_string()
                .ends_with("gone is not a folder")
        );
    }

    #[test]
    fn listed_specs_are_chosen_by_name() {
        let listed = || ["example.com/shop/cart".to_owned(), "example.com/shop/price".to_owned()];
        let all = choose_listed(listed(), &[]).expect("no globs");
        assert_eq!(all.specs.len(), 2);
        let globs = ["**/cart".to_owned(), "x".to_owned()];
        let some = choose_listed(listed(), &globs).expect("globs");
        assert_eq!((names(&some), some.unmatched.as_slice()), (vec!["example.com/shop/cart"], &globs[1..]));
    }
}
