//! A framework, complete and checked.

use super::error::TableError;
use super::raw::{
    BrowserTable, DetectTable, EscapeTable, FrameworkTable, ListParser, ListTable, ReportTable, SelectTable,
    SpecsTable,
};
use crate::glob::Globs;
use crate::template::{Placeholder, Template};
use part_core::{ExitRule, Millis, ReportFormat, Requirement};
use std::collections::BTreeMap;

/// A framework as it is used in one folder: variants are decided, defaults filled in, everything checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// Its name in the tables.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The oldest version that works, for people; may be empty.
    pub minimum: String,
    /// How to install it, for people; may be empty.
    pub setup: String,
    /// Folders in which its programs are, relative to the suite's folder and those above it.
    pub program_folders: Vec<String>,
    /// An environment variable that, when set, sends the search for programs to `PATH` alone.
    pub program_unless_env: Option<String>,
    /// What proves that a folder uses it.
    pub detect: DetectTable,
    /// How to list specs.
    pub specs: SpecSource,
    /// How to list tests; none where it cannot.
    pub list_tests: Option<ListCall>,
    /// Program and arguments that run specs; none where each suite has to say it.
    pub command: Option<Vec<Template>>,
    /// Program and arguments that run several specs in one process; none where it cannot, or its report does not tell
    /// them apart.
    pub batch: Option<Vec<Template>>,
    /// The same for a person; empty where there is nothing better than `command`.
    pub reproduce: Vec<Template>,
    /// Limit for an attempt; none means no limit.
    pub timeout: Option<Millis>,
    /// Limit for silence; none means no limit.
    pub idle_timeout: Option<Millis>,
    /// From the polite stop to the kill.
    pub grace: Millis,
    /// How to run single tests of a spec; none where it cannot.
    pub select: Option<Select>,
    /// Environment for listing and running.
    pub env: BTreeMap<String, Template>,
    /// Environment for running, over `env`.
    pub run_env: BTreeMap<String, Template>,
    /// Where results are.
    pub report: Report,
    /// What exit codes mean.
    pub exit: ExitRule,
    /// Globs of files to keep.
    pub artifacts: Vec<Template>,
    /// What each browser adds, by name.
    pub browsers: BTreeMap<String, Browser>,
    /// The text for `{script}`.
    pub script: String,
}

/// How to list specs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecSource {
    /// They are files.
    Files {
        /// The globs for a suite that gives none.
        globs: Vec<String>,
        /// Globs of what is never a spec.
        ignore: Vec<String>,
        /// Leaves out what git ignores.
        gitignore: bool,
    },
    /// A command lists them.
    Listed {
        /// The command.
        call: ListCall,
        /// Globs of names for a suite that gives none; empty means all.
        globs: Vec<String>,
    },
}

/// A call that lists something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCall {
    /// Program and arguments.
    pub command: Vec<Template>,
    /// How to read what it writes.
    pub parser: ListParser,
    /// The file that it writes; its standard output without.
    pub file: Option<Template>,
    /// Whether it may be done before every run.
    pub cheap: bool,
    /// How long it may take.
    pub timeout: Millis,
    /// Exit codes that mean it worked.
    pub ok_codes: Vec<i32>,
    /// Environment for this call, over the framework's.
    pub env: BTreeMap<String, Template>,
}

/// Where results are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Their format.
    pub format: ReportFormat,
    /// Their place.
    pub place: Place,
}

/// The place of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// There is none: the exit code is the result.
    None,
    /// The spec's standard output.
    Stdout,
    /// A file, or a glob of files.
    File(Template),
}

/// How to run single tests of a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Arguments added for it.
    pub options: Vec<Template>,
    /// The texts of the tests come in place of the spec, each as its own argument.
    pub replaces_spec: bool,
    /// The text for a test.
    pub test: Template,
    /// What joins several tests into one argument.
    pub join: Option<String>,
    /// What separates the parts of a test's id; empty when it has none.
    pub id_separator: String,
    /// What separates them on the command line.
    pub separator: String,
    /// How the parts are escaped.
    pub escape: EscapeTable,
    /// Where an id ends for this purpose.
    pub cut: Option<String>,
    /// Leaves out a `[project] › ` in front of an id.
    pub drop_project: bool,
}

/// What a browser adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    /// The capability that a worker needs.
    pub requires: Option<Requirement>,
    /// Arguments.
    pub options: Vec<Template>,
    /// Environment.
    pub env: BTreeMap<String, Template>,
}

/// From the polite stop to the kill, where a table does not say.
const GRACE: Millis = Millis::seconds(10);
/// How long a listing may take, where a table does not say.
const LIST_TIMEOUT: Millis = Millis::seconds(120);

impl Framework {
    /// Checks a complete table and fills in the defaults.
    pub(super) fn new(name: &str, table: FrameworkTable) -> Result<Self, TableError> {
        let command = table.run.command.map(|command| check_run(name, "run.command", command)).transpose()?;
        let batch = table.run.batch.filter(|batch| !batch.is_empty());
        let batch = batch.map(|batch| check_batch(name, batch)).transpose()?;
        let browsers = table.browsers.into_iter();
        let browsers = browsers.map(|(key, browser)| Ok((key.clone(), check_browser(name, &key, browser)?)));
        let framework = Framework {
            name: name.to_owned(),
            title: table.title.unwrap_or_else(|| name.to_owned()),
            minimum: table.minimum.unwrap_or_default(),
            setup: table.setup.unwrap_or_default(),
            program_folders: table.programs.folders.unwrap_or_default(),
            program_unless_env: table.programs.unless_env,
            detect: table.detect,
            specs: check_specs(name, table.specs)?,
            list_tests: check_list(name, "list_tests", table.list_tests)?,
            command,
            batch,
            reproduce: table.run.reproduce.unwrap_or_default(),
            timeout: table.run.timeout.map(|span| span.0).filter(|limit| *limit > Millis::ZERO),
            idle_timeout: table.run.idle_timeout.map(|span| span.0).filter(|limit| *limit > Millis::ZERO),
            grace: table.run.grace.map_or(GRACE, |span| span.0),
            select: check_select(name, table.select)?,
            env: table.env,
            run_env: table.run.env,
            report: check_report(name, "report", table.report)?,
            exit: ExitRule {
                no_tests: table.exit.no_tests.unwrap_or_default(),
                tests_failed: table.exit.tests_failed.unwrap_or_default(),
            },
            artifacts: table.artifacts.unwrap_or_default(),
            browsers: browsers.collect::<Result<_, TableError>>()?,
            script: table.script.unwrap_or_default(),
        };
        framework.check_script()?;
        Ok(framework)
    }

    fn check_script(&self) -> Result<(), TableError> {
        let lists = [self.list_tests.as_ref(), self.specs.call()].into_iter().flatten();
        let runs = self.command.iter().chain(&self.batch).flatten();
        let mut parts = runs.chain(lists.flat_map(|call| &call.command));
        if self.script.is_empty() && parts.any(|part| part.mentions(&Placeholder::Script)) {
            return Err(TableError::invalid(
                &self.name,
                "script",
                "a command mentions {script}, but there is none",
            ));
        }
        Ok(())
    }
}

impl SpecSource {
    /// The command, where one lists them.
    pub fn call(&self) -> Option<&ListCall> {
        match self {
            SpecSource::Files { .. } => None,
            SpecSource::Listed { call, .. } => Some(call),
        }
    }

    /// The globs for a suite that gives none.
    pub fn default_globs(&self) -> &[String] {
        match self {
            SpecSource::Files { globs, .. } | SpecSource::Listed { globs, .. } => globs,
        }
    }
}

/// Checks that a command has a program and only placeholders that something fills in.
fn check_command(name: &str, key: &str, command: Vec<Template>) -> Result<Vec<Template>, TableError> {
    if command.first().is_none_or(|program| program.pieces().is_empty()) {
        return Err(TableError::invalid(name, key, "names no program"));
    }
    for part in &command {
        if let Some(wrong) = part.placeholders().find(|placeholder| placeholder.is_of_selection()) {
            return Err(TableError::invalid(name, key, format!("{{{wrong}}} belongs into `select`")));
        }
        if part.mentions(&Placeholder::Options) && !part.is(&Placeholder::Options) {
            return Err(TableError::invalid(name, key, "{options} has to be an argument of its own"));
        }
    }
    Ok(command)
}

/// Checks a command that runs specs.
pub(crate) fn check_run(name: &str, key: &str, command: Vec<Template>) -> Result<Vec<Template>, TableError> {
    let command = check_command(name, key, command)?;
    if !command.iter().any(|part| part.mentions(&Placeholder::Spec) || part.mentions(&Placeholder::Specs)) {
        let problem = "mentions neither {spec} nor {specs}: every spec would run the same";
        return Err(TableError::invalid(name, key, problem));
    }
    Ok(command)
}

/// Checks a command that runs several specs.
fn check_batch(name: &str, command: Vec<Template>) -> Result<Vec<Template>, TableError> {
    let key = "run.batch";
    let command = check_command(name, key, command)?;
    if command.iter().any(|part| part.mentions(&Placeholder::Spec)) {
        return Err(TableError::invalid(name, key, "{spec} is one spec: write {specs}"));
    }
    if !command.iter().any(|part| part.mentions(&Placeholder::Specs)) {
        return Err(TableError::invalid(name, key, "does not mention {specs}"));
    }
    Ok(command)
}

fn check_specs(name: &str, table: SpecsTable) -> Result<SpecSource, TableError> {
    let globs = table.globs.unwrap_or_default();
    let ignore = table.ignore.unwrap_or_default();
    for (key, list) in [("specs.globs", &globs), ("specs.ignore", &ignore)] {
        Globs::new(list).map_err(|error| TableError::invalid(name, key, error))?;
    }
    Ok(match check_list(name, "specs.list", table.list)? {
        Some(call) => SpecSource::Listed { call, globs },
        None => SpecSource::Files { globs, ignore, gitignore: table.gitignore.unwrap_or(true) },
    })
}

fn check_list(name: &str, key: &str, table: ListTable) -> Result<Option<ListCall>, TableError> {
    let Some(command) = table.command else { return Ok(None) };
    let parser = table.parser;
    let parser = parser.ok_or_else(|| TableError::invalid(name, &format!("{key}.parser"), "is missing"))?;
    Ok(Some(ListCall {
        command: check_command(name, &format!("{key}.command"), command)?,
        parser,
        file: table.file,
        cheap: table.cheap.unwrap_or(true),
        timeout: table.timeout.map_or(LIST_TIMEOUT, |span| span.0),
        ok_codes: table.ok_codes.unwrap_or_else(|| vec![0]),
        env: table.env,
    }))
}

fn check_select(name: &str, table: SelectTable) -> Result<Option<Select>, TableError> {
    let Some(test) = table.test else {
        let empty = SelectTable::default() == table;
        let problem = || TableError::invalid(name, "select.test", "is missing");
        return if empty { Ok(None) } else { Err(problem()) };
    };
    let options = table.options.unwrap_or_default();
    let replaces_spec = table.replaces_spec.unwrap_or(false);
    if options.is_empty() != replaces_spec {
        return Err(TableError::invalid(name, "select", "needs either `options` or `replaces_spec = true`"));
    }
    let id_separator = table.id_separator.unwrap_or_default();
    Ok(Some(Select {
        options,
        replaces_spec,
        test,
        join: table.join,
        separator: table.separator.unwrap_or_else(|| id_separator.clone()),
        id_separator,
        escape: table.escape.unwrap_or(EscapeTable::None),
        cut: table.cut,
        drop_project: table.drop_project.unwrap_or(false),
    }))
}

/// Checks that a report has a place if, and only if, its format has one.
pub(crate) fn check_report(name: &str, key: &str, table: ReportTable) -> Result<Report, TableError> {
    let format = table.format.unwrap_or(ReportFormat::ExitCode);
    let place = match (table.file, table.stdout.unwrap_or(false)) {
        (Some(_), true) => return Err(TableError::invalid(name, key, "has both `file` and `stdout`")),
        (Some(file), false) => Place::File(file),
        (None, true) => Place::Stdout,
        (None, false) => Place::None,
    };
    if (format == ReportFormat::ExitCode) != (place == Place::None) {
        let problem =
            if place == Place::None { "needs `file` or `stdout = true`" } else { "needs a `format`" };
        return Err(TableError::invalid(name, key, problem));
    }
    Ok(Report { format, place })
}

fn check_browser(name: &str, browser: &str, table: BrowserTable) -> Result<Browser, TableError> {
    let requires = table.requires.filter(|text| !text.is_empty());
    let requires = requires.map(|text| text.parse::<Requirement>()).transpose();
    let key = format!("browsers.{browser}.requires");
    Ok(Browser {
        requires: requires.map_err(|error| TableError::invalid(name, &key, error))?,
        options: table.options.unwrap_or_default(),
        env: table.env,
    })
}
