//! The one entry: which reader for which format.

use super::{
    collect::{Collector, Parsed, Split},
    ctrf,
    error::ReportError,
    gojson, jest, junit, mocha, nextest, playwright, pytest_reportlog,
    source::{Source, check_size},
    tap, trx, xcresult,
};
use part_core::ReportFormat;
use std::path::Path;

/// One file of a report.
#[derive(Clone, Copy, Debug)]
pub struct ReportFile<'a> {
    /// Where it is; only used to name it in errors and notes.
    pub path: &'a Path,
    /// Its content.
    pub bytes: &'a [u8],
}

/// Reads the report of one attempt of `spec`: all its files together, in the order given.
///
/// Everything that the files hold is returned, also where they hold tests of other specs. `spec` (the spec's path,
/// package or binary; may be empty) only serves to leave it out of ids and to write places relative to it.
///
/// [`ReportFormat::ExitCode`] has no report and gives an empty answer.
///
/// # Errors
/// When there is no file, or one of them is empty, above a bound, cut off, or not well-formed: then the attempt
/// has no result, and above all has not passed.
pub fn parse(format: ReportFormat, files: &[ReportFile<'_>], spec: &str) -> Result<Parsed, ReportError> {
    let mut split = parse_split(format, files, &[spec.to_owned()])?;
    Ok(split.specs.pop().unwrap_or_default())
}

/// Reads the report of a process that ran several specs, and tells them apart. Of a format that cannot
/// ([`tells_specs_apart`]) everything is in [`Split::rest`].
///
/// # Errors
/// As for [`parse`].
pub fn parse_split(
    format: ReportFormat,
    files: &[ReportFile<'_>],
    specs: &[String],
) -> Result<Split, ReportError> {
    let read: Reader = match format {
        ReportFormat::ExitCode => return Ok(Collector::new(specs).finish()),
        ReportFormat::Junit => junit::read,
        ReportFormat::Trx => trx::read,
        ReportFormat::Ctrf => ctrf::read,
        ReportFormat::Tap => tap::read,
        ReportFormat::NextestJson => nextest::read,
        ReportFormat::GoJson => gojson::read,
        ReportFormat::PlaywrightJson => playwright::read,
        ReportFormat::JestJson => jest::read,
        ReportFormat::MochaJson => mocha::read,
        ReportFormat::PytestReportLog => pytest_reportlog::read,
        ReportFormat::XcresultJson => xcresult::read,
    };
    if files.is_empty() {
        return Err(ReportError::Missing { format });
    }
    check_size(files)?;
    let mut all = Collector::new(specs);
    let spec = if let [spec] = specs { spec } else { "" };
    for file in files {
        let source = Source::read(file)?;
        if let Some(remark) = source.remark() {
            all.note(remark);
        }
        all.leave();
        read(&source, spec, &mut all)?;
    }
    Ok(all.finish())
}

/// True for formats whose reports say which spec a test belongs to.
pub fn tells_specs_apart(format: ReportFormat) -> bool {
    match format {
        ReportFormat::Junit
        | ReportFormat::Ctrf
        | ReportFormat::NextestJson
        | ReportFormat::GoJson
        | ReportFormat::PlaywrightJson
        | ReportFormat::JestJson
        | ReportFormat::MochaJson
        | ReportFormat::PytestReportLog => true,
        ReportFormat::ExitCode | ReportFormat::Trx | ReportFormat::Tap | ReportFormat::XcresultJson => false,
    }
}

/// Reads one file; the spec's name is given where there is one spec.
type Reader = fn(&Source<'_>, &str, &mut Collector) -> Result<(), ReportError>;
