//! What can be wrong with a report as a whole.

use super::{bounds, text::clip};
use part_core::ReportFormat;
use std::path::{Path, PathBuf};

/// Why a report cannot be read. None of these may be taken for a pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// There is no file at all.
    #[error("no report was written, expected {}", format_name(*.format))]
    Missing {
        /// What was expected.
        format: ReportFormat,
    },
    /// The file has no content.
    #[error("report {} is empty", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The report is above one of our bounds.
    #[error("report {} is too large: {what} exceed the limit of {limit}", .path.display())]
    TooLarge {
        /// The file at which the limit was exceeded.
        path: PathBuf,
        /// What there is too much of.
        what: &'static str,
        /// The most that is accepted.
        limit: u64,
    },
    /// The file is cut off, or not what its format demands.
    #[error("report {} is malformed at byte {offset} (line {line}, column {column}): {what}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Bytes before the place, in the file as it is on disk.
        offset: u64,
        /// Line of the place, from 1.
        line: u64,
        /// Character in that line, from 1.
        column: u64,
        /// What is wrong there.
        what: String,
    },
}

impl ReportError {
    pub(super) fn too_large(path: &Path, what: &'static str, limit: u64) -> Self {
        ReportError::TooLarge { path: path.to_owned(), what, limit }
    }

    pub(super) fn malformed(path: &Path, place: Place, what: impl AsRef<str>) -> Self {
        let Place { offset, line, column } = place;
        let what = clip(what.as_ref(), bounds::NOTE_BYTES);
        ReportError::Malformed { path: path.to_owned(), offset, line, column, what }
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// The format's name for people.
pub(super) fn format_name(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::ExitCode => "an exit code",
        ReportFormat::Junit => "JUnit XML",
        ReportFormat::Trx => "Visual Studio test results",
        ReportFormat::Ctrf => "a CTRF report",
        ReportFormat::Tap => "TAP",
        ReportFormat::NextestJson => "nextest's JSON lines",
        ReportFormat::GoJson => "`go test -json` lines",
        ReportFormat::PlaywrightJson => "Playwright's JSON report",
        ReportFormat::JestJson => "Jest's JSON report",
        ReportFormat::MochaJson => "Mocha's JSON report",
        ReportFormat::PytestReportLog => "pytest-reportlog lines",
        ReportFormat::XcresultJson => "xcresulttool's JSON",
    }
}
