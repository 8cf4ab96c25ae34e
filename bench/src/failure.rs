//! What can go wrong in a benchmark.

use part_core::RequirementParseError;
use part_core::rehearse::RehearsalError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a benchmark has no result.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The core refused what it was given, or came to no end.
    #[error("the core could not run {suite}")]
    Rehearsal {
        /// What was run.
        suite: String,
        /// Why.
        source: Box<RehearsalError>,
    },
    /// A folder with traces cannot be read.
    #[error("cannot list {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A trace cannot be opened.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A trace is not what it should be.
    #[error("{} is no recorded suite", path.display())]
    Trace {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A condition cannot be read.
    #[error("{text:?} is no condition")]
    Requirement {
        /// The condition.
        text: String,
        /// Why.
        source: RequirementParseError,
    },
    /// No scene has that name.
    #[error("there is no scene {name:?}; there are {known}")]
    NoScene {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
}
