//! How a worker runs a spec: plain data that the client resolves once per group from the framework tables.

use crate::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How to run one spec (or several) of a group.
///
/// Texts may hold placeholders in braces, filled in by the worker for each attempt: `{spec}`, `{specs}` (each
/// spec as its own argument), `{workspace}`, `{report}` (report file), `{report_dir}`, `{artifacts}`,
/// `{scratch}`, `{attempt}`, `{slot}`, `{browser}`. `{{` and `}}` are literal braces; docs/frameworks.md lists the
/// filters, such as `{spec|regex}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The framework's name in the tables, for display and error texts.
    pub framework: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Folder to run in, relative to the workspace root; empty for the root itself.
    #[serde(default)]
    pub folder: String,
    /// Environment set for the spec, over what the worker provides.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The value for `{browser}`; empty when the group asks for none.
    #[serde(default)]
    pub browser: String,
    /// Where results are read from.
    pub report: ReportSource,
    /// What exit codes mean beyond 0 and not 0.
    #[serde(default)]
    pub exit: ExitRule,
    /// Globs of files to keep, relative to the attempt's artifact folder or, with a leading `{workspace}/`, to the workspace.
    #[serde(default)]
    pub artifacts: Vec<String>,
    /// Limit for one attempt's run; none means no limit.
    #[serde(default)]
    pub timeout: Option<Millis>,
    /// Limit for silence on the output; none means no limit.
    #[serde(default)]
    pub idle_timeout: Option<Millis>,
    /// From the polite stop to the kill.
    pub grace: Millis,
    /// Gives each attempt its own copy of the workspace.
    #[serde(default)]
    pub copy_workspace: bool,
    /// Program and arguments that run a spec by hand in [`Recipe::folder`], without the report: shown to people.
    /// Empty: `command` is shown.
    #[serde(default)]
    pub reproduce: Vec<String>,
    /// Program and arguments that run several specs in one process, where the framework can and its report tells the
    /// specs apart: an argument that is just `{specs}` stands for all of them. Empty: it cannot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batch: Vec<String>,
    /// Program and arguments that run only some tests of one spec, by the ids of the framework's listing; none where it
    /// cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Selection>,
}

/// How a framework is told to run only some tests of a spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Program and arguments. `{tests}` in an argument stands for all tests in the shape of [`Selection::join`], an
    /// argument that is just `{tests...}` for one argument per test, `{tests_file}` for a file with one test a line.
    pub command: Vec<String>,
    /// What stands between two tests in `{tests}`.
    #[serde(default)]
    pub join: String,
    /// How a test's id becomes what the framework wants, as a template with `{test}` and its filters; empty for the id
    /// itself.
    #[serde(default)]
    pub each: String,
}

impl Recipe {
    /// Runs a command in the workspace root; its exit code is the result.
    pub fn of_command(command: Vec<String>) -> Self {
        Recipe {
            framework: "generic".to_owned(),
            command,
            folder: String::new(),
            env: BTreeMap::new(),
            browser: String::new(),
            report: ReportSource { format: ReportFormat::ExitCode, place: ReportPlace::None },
            exit: ExitRule::default(),
            artifacts: Vec::new(),
            timeout: None,
            idle_timeout: None,
            grace: Millis::seconds(5),
            copy_workspace: false,
            reproduce: Vec::new(),
            batch: Vec::new(),
            select: None,
        }
    }
}

/// Where a spec's results are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSource {
    /// The format.
    pub format: ReportFormat,
    /// The place.
    pub place: ReportPlace,
}

/// The place of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportPlace {
    /// No report: the exit code is the result.
    None,
    /// The spec's standard output.
    Stdout,
    /// A file, or a glob when a framework writes several; with placeholders.
    File(String),
}

/// The formats that are understood.
///
/// Adding one: the parser and its dispatch in `frameworks/src/report`, its name in the framework tables, and
/// the enum in `proto/part/v1/recipe.proto` with both conversions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    /// None: the exit code is the only result, and the spec is its own single test.
    ExitCode,
    /// JUnit XML in any of its dialects.
    Junit,
    /// Visual Studio test results.
    Trx,
    /// Common Test Report Format, JSON.
    Ctrf,
    /// Test Anything Protocol, versions 12 to 14.
    Tap,
    /// cargo-nextest's `libtest-json` and `libtest-json-plus` lines.
    NextestJson,
    /// `go test -json` lines.
    GoJson,
    /// Playwright Test's JSON reporter.
    PlaywrightJson,
    /// Jest's `--json`, which Vitest's JSON reporter also speaks.
    JestJson,
    /// Mocha's JSON reporter.
    MochaJson,
    /// pytest-reportlog's JSON lines.
    PytestReportLog,
    /// `xcresulttool get test-results tests`.
    XcresultJson,
}

/// What a framework's exit codes mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRule {
    /// Codes that say no test was selected or found.
    #[serde(default)]
    pub no_tests: Vec<i32>,
    /// Codes that say tests ran and at least one failed. Empty: any code but 0 may mean that.
    #[serde(default)]
    pub tests_failed: Vec<i32>,
}
