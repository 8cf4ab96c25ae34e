//! Calls that list.

use super::error::ListError;
use super::parse::{Listing, parse_listing};
use crate::bounds::{LIST_ARGUMENT_BYTES, LISTING_BYTES, LISTING_TAIL_BYTES};
use crate::build::{BuildError, Fitter, SuiteOptions};
use crate::fill::{FillError, Values, parse};
use crate::table::{Framework, ListCall, ListParser};
use crate::template::{Placeholder, Template};
use part_core::{ExitStatus, Millis};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A call that lists specs or tests: to be run by the caller, once, with nothing on its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPlan {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The folder to run in.
    pub folder: PathBuf,
    /// Environment, over the caller's own.
    pub env: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Millis,
    /// The file that it writes; its standard output without.
    pub file: Option<PathBuf>,
    scratch: PathBuf,
    parser: ListParser,
    ok_codes: Vec<i32>,
    specs: Vec<String>,
}

/// Why a listing cannot be planned.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The suite does not fit the framework.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A text cannot be filled in.
    #[error(transparent)]
    Fill(#[from] FillError),
}

/// Where to list, and for what.
#[derive(Clone, Copy, Debug)]
struct Surroundings<'a> {
    framework: &'a Framework,
    root: &'a Path,
    suite: &'a SuiteOptions,
}

/// The call that lists the specs of `framework`; none where they are files. `root` is the workspace, absolute;
/// `scratch` a folder of the call's own.
///
/// # Errors
/// When the suite does not fit the framework, or a text asks for what there is not.
pub fn plan_specs(
    framework: &Framework,
    root: &Path,
    suite: &SuiteOptions,
    scratch: &Path,
) -> Result<Option<ListPlan>, PlanError> {
    let Some(call) = framework.specs.call() else { return Ok(None) };
    Surroundings { framework, root, suite }.plan(call, &[], scratch).map(Some)
}

/// The calls that list the tests of `specs`: usually one, several where the command line would become too long, none
/// where the framework cannot list or not cheaply.
///
/// # Errors
/// As for [`plan_specs`].
pub fn plan_tests(
    framework: &Framework,
    root: &Path,
    suite: &SuiteOptions,
    scratch: &Path,
    specs: &[String],
) -> Result<Vec<ListPlan>, PlanError> {
    // A command of the suite's own runs something that the framework's listing knows nothing of.
    let usable = framework.list_tests.as_ref().filter(|call| call.cheap && suite.command.is_none());
    let Some(call) = usable else { return Ok(Vec::new()) };
    let surroundings = Surroundings { framework, root, suite };
    let several = call.command.iter().any(|part| part.mentions(&Placeholder::Specs));
    if specs.is_empty() || !several {
        return Ok(vec![surroundings.plan(call, specs, scratch)?]);
    }
    let chunks = chunks(specs).enumerate();
    chunks.map(|(number, specs)| surroundings.plan(call, specs, &scratch.join(number.to_string()))).collect()
}

/// `specs` in pieces that fit on a command line.
fn chunks(specs: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = specs;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|spec| {
            bytes += spec.len() + 1;
            bytes <= LIST_ARGUMENT_BYTES
        });
        let count = fitting.count().max(1).min(rest.len());
        let (chunk, after) = rest.split_at(count);
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    })
}

impl Surroundings<'_> {
    fn plan(&self, call: &ListCall, specs: &[String], scratch: &Path) -> Result<ListPlan, PlanError> {
        let fitter = Fitter::new(self.framework, self.root, self.suite, &[])?;
        let folder =
            if fitter.folder.is_empty() { self.root.to_owned() } else { self.root.join(&fitter.folder) };
        let values = Values {
            workspace: Some(self.root),
            folder: Some(&folder),
            scratch: Some(scratch),
            browser: Some(self.suite.browser.as_deref().unwrap_or_default()),
            specs,
            ..Values::default()
        };
        let argv = values.arguments(&self.fitted(&fitter, &call.command), "list command")?;
        let mut env = BTreeMap::new();
        for (name, text) in fitter.env(&call.env) {
            let text = parse(&text, &name)?;
            env.insert(name.clone(), values.text(&text, &name)?);
        }
        let file = call.file.as_ref().map(|file| values.text(file, "list file")).transpose()?;
        Ok(ListPlan {
            argv,
            env,
            timeout: call.timeout,
            file: file.map(|file| folder.join(file)),
            folder,
            scratch: scratch.to_owned(),
            parser: call.parser,
            ok_codes: call.ok_codes.clone(),
            specs: specs.to_vec(),
        })
    }

    /// Options reach a listing only where it asks for them: it is not always the same program that runs specs.
    fn fitted(&self, fitter: &Fitter<'_>, command: &[Template]) -> Vec<Template> {
        let asks = command.iter().any(|part| part.is(&Placeholder::Options));
        let mut fitted = fitter.fit_templates(command);
        if !asks {
            fitted.truncate(command.len());
        }
        fitted
    }
}

impl ListPlan {
    /// Makes the folder for what the call writes.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn prepare(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.scratch)
    }

    /// Reads what the call wrote.
    ///
    /// # Errors
    /// When it failed, or wrote nothing that makes sense. A listing is whole or an error.
    pub fn read(&self, exit: ExitStatus, stdout: &[u8], stderr: &[u8]) -> Result<Listing, ListError> {
        let program = self.argv.first().cloned().unwrap_or_default();
        let worked = match exit {
            ExitStatus::Code(code) => self.ok_codes.contains(&code),
            ExitStatus::Signal(_) => false,
        };
        if !worked {
            return Err(ListError::Failed { program, exit, tail: tail(&[stdout, stderr]) });
        }
        let written = match &self.file {
            None => None,
            Some(path) => {
                let wrong =
                    |source| ListError::Read { path: path.clone(), tail: tail(&[stdout, stderr]), source };
                Some(read_bounded(path).map_err(wrong)?)
            }
        };
        let bytes = written.as_deref().unwrap_or(stdout);
        if bytes.len() as u64 > LISTING_BYTES {
            return Err(ListError::TooLarge { program, limit: LISTING_BYTES });
        }
        let malformed = |what| ListError::Malformed { program, what, tail: tail(&[bytes, stderr]) };
        parse_listing(self.parser, bytes, &self.folder, &self.specs).map_err(malformed)
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LISTING_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The end of outputs, as text.
fn tail(outputs: &[&[u8]]) -> String {
    let ends = outputs.iter().map(|output| {
        let start = output.len().saturating_sub(LISTING_TAIL_BYTES / outputs.len().max(1));
        String::from_utf8_lossy(&output[start..]).trim().to_owned()
    });
    ends.filter(|end| !end.is_empty()).collect::<Vec<_>>().join("\n")
}
