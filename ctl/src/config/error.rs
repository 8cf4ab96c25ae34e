//! Why there is no usable part.toml.

use super::locate::FILE_NAME;
use super::source::Problem;
use part_frameworks::detect;
use part_frameworks::table::Catalogue;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why there is no usable part.toml. All of these are the user's to mend: exit code 2.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// There is none in the folder or above.
    #[error("{}", not_found(.folder, .detected))]
    NotFound {
        /// Where the search began.
        folder: PathBuf,
        /// The frameworks that the folder seems to use, for which `partctl init` would write one.
        detected: Vec<String>,
    },
    /// It cannot be read.
    #[error("cannot read {}", .file.display())]
    Read {
        /// The file, or its folder.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is far larger than anything people write.
    #[error("{} has {size} bytes, allowed are {limit}", .file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The largest allowed.
        limit: u64,
    },
    /// It is not UTF-8.
    #[error("{} is not UTF-8 text: the byte at offset {offset} is wrong", .file.display())]
    NotText {
        /// The file.
        file: PathBuf,
        /// Offset of the first byte that does not fit.
        offset: usize,
    },
    /// The folder's own path is not UTF-8, so that no worker could be told of it.
    #[error("the path of the workspace, {}, is not UTF-8 text", .root.display())]
    RootNotText {
        /// The folder.
        root: PathBuf,
    },
    /// It says things that cannot be.
    #[error("{problems}")]
    Invalid {
        /// All of them.
        problems: Problems,
    },
}

impl ConfigError {
    /// What the user may do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            ConfigError::NotFound { .. } => {
                vec!["`partctl init` writes a first one; docs/part-toml.md describes it".to_owned()]
            }
            ConfigError::Invalid { .. } => vec!["docs/part-toml.md describes every key".to_owned()],
            ConfigError::Read { .. }
            | ConfigError::TooLarge { .. }
            | ConfigError::NotText { .. }
            | ConfigError::RootNotText { .. } => Vec::new(),
        }
    }

    /// Nothing was found from `folder` upwards.
    pub(crate) fn none_found(folder: &Path) -> Self {
        // A folder that cannot be looked through has nothing to offer: the error is about the file all the same.
        let detected = detect(folder, &Catalogue::builtin()).unwrap_or_default();
        let titles: BTreeSet<String> = detected.found.into_iter().map(|found| found.title).collect();
        ConfigError::NotFound { folder: folder.to_owned(), detected: titles.into_iter().collect() }
    }
}

/// All that is wrong with a file, at least one problem, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts them by place.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Problems(problems)
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.0.len() {
            0 | 1 => Ok(()),
            many => write!(f, "\n\n{many} problems"),
        }
    }
}

fn not_found(folder: &Path, detected: &[String]) -> String {
    let folder = folder.display();
    if detected.is_empty() {
        return format!("there is no {FILE_NAME} in {folder} or above");
    }
    format!(
        "there is no {FILE_NAME} in {folder} or above; the folder seems to use {}, which `partctl init` would set up",
        detected.join(", ")
    )
}
