//! Patterns of files that an attempt leaves behind: reports and artifacts.

use crate::bounds::FOUND_FILES;
use crate::fill::{FillError, Values, unicode};
use crate::glob::{Globs, is_literal};
use crate::template::{Piece, Placeholder, Template};
use ignore::WalkBuilder;
use std::io;
use std::path::{Component, Path, PathBuf};
use thiserror::Error;

/// A glob below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePattern {
    /// The folder.
    pub base: PathBuf,
    /// The glob, relative to it.
    pub glob: String,
}

/// Files that a pattern found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The files, sorted.
    pub files: Vec<PathBuf>,
    /// There are more than [`FOUND_FILES`].
    pub more: bool,
    /// Files that were left out because their names are not Unicode.
    pub nameless: usize,
}

/// Why files cannot be looked for.
#[derive(Debug, Error)]
pub enum FindError {
    /// The pattern is not a glob.
    #[error(transparent)]
    Glob(#[from] crate::glob::GlobError),
    /// The folder cannot be looked through.
    #[error("looking for {glob:?} in {}", .base.display())]
    Read {
        /// The folder.
        base: PathBuf,
        /// The glob.
        glob: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl FilePattern {
    /// The pattern that `template` stands for; relative to `base` where it does not begin with a folder of its own.
    /// Values inside it match only themselves.
    pub(crate) fn new(
        template: &Template,
        base: &Path,
        values: &Values<'_>,
        place: &str,
    ) -> Result<Self, FillError> {
        let mut base = base.to_owned();
        let mut glob = String::new();
        for (number, piece) in template.pieces().iter().enumerate() {
            match piece {
                Piece::Text(text) => glob.push_str(text),
                Piece::Slot { placeholder, .. } => {
                    let value = values.value(placeholder, place)?;
                    if number == 0 && *placeholder == Placeholder::Report {
                        let path = Path::new(&value);
                        base = path.parent().unwrap_or(path).to_owned();
                        let name = path.file_name().map(Path::new).map(unicode).transpose()?;
                        glob.push_str(&globset::escape(name.unwrap_or_default()));
                    } else if number == 0 && placeholder.is_folder() {
                        base = PathBuf::from(value);
                    } else {
                        glob.push_str(&globset::escape(&value));
                    }
                }
            }
        }
        let glob = glob.trim_start_matches('/').to_owned();
        let inside = Path::new(&glob)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside {
            return Err(FillError::Outside { place: place.to_owned(), text: template.to_string() });
        }
        Ok(FilePattern { base, glob })
    }

    /// The regular files that it stands for. Symbolic links are not followed: a test could point one anywhere.
    ///
    /// # Errors
    /// When the glob is malformed or the folder cannot be read. A folder that is not there holds no files.
    pub fn find(&self) -> Result<Found, FindError> {
        let globs = Globs::new(&[&self.glob])?;
        let start = self.literal_start();
        let mut found = Found::default();
        let walk = WalkBuilder::new(&start).standard_filters(false).sort_by_file_name(Ord::cmp).build();
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => match error.io_error().map(io::Error::kind) {
                    Some(io::ErrorKind::NotFound) => continue,
                    Some(_) | None => return Err(self.unreadable(error)),
                },
            };
            let Ok(below) = entry.path().strip_prefix(&self.base) else { continue };
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let Some(name) = below.to_str() else {
                found.nameless += 1;
                continue;
            };
            if !globs.matches(name) {
                continue;
            }
            if found.files.len() == FOUND_FILES {
                found.more = true;
                break;
            }
            found.files.push(entry.into_path());
        }
        Ok(found)
    }

    /// The deepest folder (or the file) in which everything is that the glob can stand for.
    fn literal_start(&self) -> PathBuf {
        let literal = self.glob.split('/').take_while(|part| is_literal(part));
        literal.fold(self.base.clone(), |path, part| path.join(part))
    }

    fn unreadable(&self, error: ignore::Error) -> FindError {
        let message = error.to_string();
        let source = error.into_io_error().unwrap_or_else(|| io::Error::other(message));
        FindError::Read { base: self.base.clone(), glob: self.glob.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn patterns_find_files_and_nothing_outside() {
        let root = tempfile::tempdir().expect("a folder");
        let base = root.path().join("with [brackets]");
        for name in ["r.json", "wdio-1.json", "sub/wdio-2.json", "wdio-3.txt", "[x].xml"] {
            let path = base.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, "").expect("a file");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", base.join("wdio-4.json")).expect("a link");
        let report = base.join("[x].xml");
        let values =
            Values { report_dir: Some(&base), report: Some(&report), attempt: Some(1), ..Values::default() };
        let table = [
            ("{report_dir}/wdio-*.json", vec!["wdio-1.json"]),
            ("{report_dir}/**/wdio-*.json", vec!["sub/wdio-2.json", "wdio-1.json"]),
            ("{report}", vec!["[x].xml"]),
            ("sub/wdio-*", vec!["sub/wdio-2.json"]),
            ("wdio-{attempt}.json", vec!["wdio-1.json"]),
            ("gone/*", vec![]),
            ("gone.xml", vec![]),
        ];
        for (text, wanted) in table {
            let template: Template = text.parse().expect(text);
            let pattern = FilePattern::new(&template, &base, &values, "report").expect(text);
            let found = pattern.find().expect(text);
            let names: Vec<_> =
                found.files.iter().map(|path| path.strip_prefix(&base).expect("inside")).collect();
            assert_eq!(names, wanted.iter().map(Path::new).collect::<Vec<_>>(), "{text}");
        }
        for text in ["../x", "{report_dir}/../../etc/*"] {
            let template: Template = text.parse().expect(text);
            let error = FilePattern::new(&template, &base, &values, "report").expect_err(text);
            assert!(error.to_string().contains("leads out of its folder"), "{error}");
        }
    }
}
