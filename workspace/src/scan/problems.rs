//! Why a workspace cannot travel.

use super::shares::{Bytes, Share};
use crate::names::Rule;
use std::fmt;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A name that is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The path relative to the root; what is not text in it is shown as `\u{fffd}`.
    pub path: String,
    /// Why.
    pub rule: Rule,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.path, self.rule)
    }
}

/// Why a workspace cannot travel.
#[derive(Debug, Error)]
pub enum ScanError {
    /// Something cannot be looked at.
    #[error("cannot look at {}", .path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A glob of `include` or `exclude` is none.
    #[error("{glob:?} is no glob of the workspace: {detail}")]
    Glob {
        /// The glob.
        glob: String,
        /// Why.
        detail: String,
    },
    /// Names that are refused.
    #[error("{}", names_text(.named, *.count))]
    Names {
        /// The first of them, sorted.
        named: Vec<Named>,
        /// How many there are.
        count: usize,
    },
    /// There are too many files.
    #[error("the workspace has {}{count} files and folders, allowed are {limit}: {}", or_more_text(*.or_more), shares_text(.shares))]
    TooMany {
        /// How many.
        count: usize,
        /// True when nobody counted to the end.
        or_more: bool,
        /// The most allowed.
        limit: u32,
        /// The folders with the most.
        shares: Vec<Share>,
    },
    /// The files are too large.
    #[error("the workspace has {}, allowed are {}: {}", Bytes(*.bytes), Bytes(*.limit), shares_text(.shares))]
    TooLarge {
        /// Bytes of all files.
        bytes: u64,
        /// The most allowed.
        limit: u64,
        /// The folders with the most.
        shares: Vec<Share>,
    },
}

fn names_text(named: &[Named], count: usize) -> String {
    let mut text = match named {
        [one] if count == 1 => return format!("{one}"),
        _ => format!("{count} names cannot be shipped:"),
    };
    for one in named {
        text.push_str(&format!("\n  {one}"));
    }
    if count > named.len() {
        text.push_str(&format!("\n  … and {} more", count - named.len()));
    }
    text
}

fn or_more_text(more: bool) -> &'static str {
    if more { "more than " } else { "" }
}

fn shares_text(shares: &[Share]) -> String {
    let named: Vec<String> = shares.iter().map(ToString::to_string).collect();
    if named.is_empty() {
        "nothing stands out".to_owned()
    } else {
        format!("most are in {}", named.join(", "))
    }
}
