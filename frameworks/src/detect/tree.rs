//! The names of a workspace's files, read once.

use crate::bounds::{CONFIG_BYTES, DETECT_DEPTH, DETECT_ENTRIES};
use crate::files::read_text;
use crate::glob::Globs;
use crate::walk::{Walk, WalkError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) struct Tree {
    root: PathBuf,
    /// Names of files and folders, by the folder they are in.
    folders: BTreeMap<String, Vec<String>>,
    /// Files, relative to the root.
    files: BTreeSet<String>,
    whole: bool,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Self, WalkError> {
        let mut tree =
            Tree { root: root.to_owned(), folders: BTreeMap::new(), files: BTreeSet::new(), whole: true };
        tree.folders.insert(String::new(), Vec::new());
        let walk = Walk { depth: Some(DETECT_DEPTH), limit: DETECT_ENTRIES, ..Walk::of(root) };
        let ended = walk.run(|entry, path| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            tree.folders.entry(folder.to_owned()).or_default().push(name.to_owned());
            if entry.file_type().is_some_and(|kind| kind.is_file()) {
                tree.files.insert(path);
            } else {
                tree.folders.entry(path).or_default();
            }
            Ok(())
        });
        match ended {
            Ok(()) => Ok(tree),
            Err(WalkError::TooLarge { .. }) => {
                tree.whole = false;
                Ok(tree)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let note = || format!("only the first {DETECT_ENTRIES} files and folders were looked at");
        if self.whole { Vec::new() } else { vec![note()] }
    }

    /// Folders with the names in them.
    pub(super) fn folders(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.folders.iter().map(|(folder, names)| (folder.as_str(), names.as_slice()))
    }

    pub(super) fn has_file(&self, folder: &str, name: &str) -> bool {
        self.files.contains(&join(folder, name))
    }

    /// The text of a file, cut at our bound; none where it cannot be read, with a note.
    pub(super) fn text(&self, path: &str, bound: u64, notes: &mut Vec<String>) -> Option<String> {
        match read_text(&self.root.join(path), bound) {
            Ok(text) => text,
            Err(error) => {
                notes.push(format!("{path} cannot be read: {error}"));
                None
            }
        }
    }

    /// The text of a configuration file.
    pub(super) fn config(&self, folder: &str, name: &str, notes: &mut Vec<String>) -> Option<String> {
        self.text(&join(folder, name), CONFIG_BYTES, notes)
    }

    /// Files of `folder` that the globs stand for, without those in `inner` folders. Relative to the root.
    pub(super) fn matching(
        &self,
        folder: &str,
        globs: &[String],
        ignore: &[String],
        inner: &[&str],
    ) -> BTreeSet<String> {
        // The tables' globs are checked when they are read, so that nothing is lost here.
        let (Ok(wanted), Ok(unwanted)) = (Globs::new(globs), Globs::new(ignore)) else {
            return BTreeSet::new();
        };
        let files = self.files.iter().filter(|path| {
            let Some(below) = below(path, folder) else { return false };
            let elsewhere = inner.iter().any(|inner| self::below(path, inner).is_some());
            !elsewhere && wanted.matches(below) && !unwanted.matches(below)
        });
        files.cloned().collect()
    }
}

/// `path` relative to `folder`, if it is inside.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
