//! One walk over a workspace, the same for everybody: what git ignores is left out, also without a repository, and
//! so is what `.partignore` says; symbolic links are followed, but never in a circle; the order is always the same.

use crate::bounds::WALK_ENTRIES;
use ignore::{DirEntry, WalkBuilder};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Name of Part's own ignore file, in the form of `.gitignore`.
pub const IGNORE_FILE: &str = ".partignore";

/// Folders that are never looked into, whatever is ignored: what is in them is not the project's own.
const PRUNED: [&str; 2] = [".git", "node_modules"];

/// Why a folder cannot be walked.
#[derive(Debug, Error)]
pub enum WalkError {
    /// It is not there, or not a folder.
    #[error("{} is not a folder", .path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Something below cannot be read.
    #[error("looking through {}", .path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ignore::Error,
    },
    /// A name that is not Unicode: it could not be written into a plan, a report or a command.
    #[error("{} is not a Unicode name", .path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// There is more than we are willing to look at.
    #[error("{} holds more than {limit} files and folders", .path.display())]
    TooLarge {
        /// The folder.
        path: PathBuf,
        /// How many we look at.
        limit: usize,
    },
}

/// Which files to see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) gitignore: bool,
    pub(crate) depth: Option<usize>,
    pub(crate) limit: usize,
}

impl<'a> Walk<'a> {
    /// Everything below `folder` that is not ignored.
    pub(crate) fn of(folder: &'a Path) -> Self {
        Walk { folder, gitignore: true, depth: None, limit: WALK_ENTRIES }
    }

    /// Calls `visit` with each entry and its path relative to the folder, with `/`.
    pub(crate) fn run(
        self,
        mut visit: impl FnMut(&DirEntry, String) -> Result<(), WalkError>,
    ) -> Result<(), WalkError> {
        if !self.folder.is_dir() {
            return Err(WalkError::NoFolder { path: self.folder.to_owned() });
        }
        for (seen, entry) in self.builder().build().enumerate() {
            if seen > self.limit {
                return Err(WalkError::TooLarge { path: self.folder.to_owned(), limit: self.limit });
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if is_harmless(&error) => continue,
                Err(source) => return Err(WalkError::Read { path: self.folder.to_owned(), source }),
            };
            if entry.depth() > 0 {
                visit(&entry, relative(self.folder, entry.path())?)?;
            }
        }
        Ok(())
    }

    fn builder(&self) -> WalkBuilder {
        let mut builder = WalkBuilder::new(self.folder);
        builder
            .standard_filters(false)
            .git_ignore(self.gitignore)
            // The files above the folder count only where they belong to the same repository: a stray .gitignore in
            // a home folder is no reason to find no tests.
            .parents(self.gitignore && in_repository(self.folder))
            .require_git(false)
            .follow_links(true)
            .max_depth(self.depth)
            .add_custom_ignore_filename(IGNORE_FILE)
            .filter_entry(|entry| !PRUNED.iter().any(|name| entry.file_name() == *name))
            .sort_by_file_name(Ord::cmp);
        builder
    }
}

/// Links in a circle, links to nothing, and files that went away while we looked are no reason to give up.
fn is_harmless(error: &ignore::Error) -> bool {
    fn inner(error: &ignore::Error) -> &ignore::Error {
        match error {
            ignore::Error::WithPath { err, .. }
            | ignore::Error::WithDepth { err, .. }
            | ignore::Error::WithLineNumber { err, .. } => inner(err),
            ignore::Error::Partial(_)
            | ignore::Error::Loop { .. }
            | ignore::Error::Io(_)
            | ignore::Error::Glob { .. }
            | ignore::Error::UnrecognizedFileType(_)
            | ignore::Error::InvalidDefinition => error,
        }
    }
    let inner = inner(error);
    let gone = inner.io_error().is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound);
    gone || matches!(inner, ignore::Error::Loop { .. })
}

fn in_repository(folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.ancestors().any(|place| place.join(".git").exists())
}

/// `path` relative to `folder`, with `/`.
pub(crate) fn relative(folder: &Path, path: &Path) -> Result<String, WalkError> {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let parts = below.components().map(|part| part.as_os_str().to_str());
    let parts: Option<Vec<&str>> = parts.collect();
    Ok(parts.ok_or_else(|| WalkError::Name { path: path.to_owned() })?.join("/"))
}
