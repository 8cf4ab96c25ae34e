//! What can be wrong with a framework's table.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a table cannot be used.
#[derive(Debug, Error)]
pub enum TableError {
    /// It is not TOML, or a value has the wrong form.
    #[error("line {line}, column {column}: {message}")]
    Parse {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It is readable but makes no sense.
    #[error("frameworks.{framework}.{key}: {problem}")]
    Invalid {
        /// The framework's name.
        framework: String,
        /// The dotted key inside its table.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A suite or `extends` names a framework that is not there.
    #[error("there is no framework {name:?} (there are {})", .known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// `extends` goes in a circle.
    #[error("frameworks.{name}.extends: builds on itself")]
    Circle {
        /// A member of the circle.
        name: String,
    },
    /// A file that decides about a variant cannot be read.
    #[error("reading {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl TableError {
    pub(crate) fn invalid(framework: &str, key: &str, problem: impl ToString) -> Self {
        TableError::Invalid {
            framework: framework.to_owned(),
            key: key.to_owned(),
            problem: problem.to_string(),
        }
    }

    /// An error of the TOML reader, with its place in `text`.
    pub(super) fn parse(text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start).min(text.len());
        let before = &text.as_bytes()[..offset];
        let before = String::from_utf8_lossy(before);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        TableError::Parse {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: error.message().trim_end().to_owned(),
        }
    }
}
