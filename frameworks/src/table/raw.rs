//! A framework as it is written: the same shape in the built-in tables and as `[frameworks.NAME]` in `part.toml`.
//!
//! Everything is optional here, so that a table can build on another; [`super::Framework`] is the result.
//! docs/frameworks.md describes each key. To add one: here, in `merge`, in `model.rs` and in that document.

use super::duration::Span;
use crate::template::Template;
use part_core::ReportFormat;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A framework's table. Unknown keys are left to the reader's `serde_ignored`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FrameworkTable {
    /// The table that this one builds on: what is not said here is as there.
    pub extends: Option<String>,
    /// Name for people.
    pub title: Option<String>,
    /// The oldest version that works, for people.
    pub minimum: Option<String>,
    /// How to install it, for people.
    pub setup: Option<String>,
    /// Where programs are.
    pub programs: ProgramsTable,
    /// What proves that a folder uses it.
    pub detect: DetectTable,
    /// How to list specs.
    pub specs: SpecsTable,
    /// How to list the tests of all specs in one call.
    pub list_tests: ListTable,
    /// How to run specs.
    pub run: RunTable,
    /// How to run single tests of a spec.
    pub select: SelectTable,
    /// Environment for listing and running.
    pub env: BTreeMap<String, Template>,
    /// Where results are.
    pub report: ReportTable,
    /// What exit codes mean.
    pub exit: ExitTable,
    /// Globs of files to keep, relative to the artifact folder.
    pub artifacts: Option<Vec<Template>>,
    /// What each browser adds.
    pub browsers: BTreeMap<String, BrowserTable>,
    /// The text for `{script}`.
    pub script: Option<String>,
    /// Changes under conditions, applied in order.
    pub variants: Vec<VariantTable>,
}

/// Where `{bin:NAME}` is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ProgramsTable {
    /// Folders, relative to the suite's folder and every folder above it up to the workspace.
    pub folders: Option<Vec<String>>,
    /// An environment variable that, when set, sends the search to `PATH` alone.
    pub unless_env: Option<String>,
}

/// What proves that a folder uses a framework: any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DetectTable {
    /// Names (or globs of names) of files in the folder that belong to this framework alone.
    pub files: Option<Vec<String>>,
    /// Packages among the dependencies of the folder's `package.json`.
    pub packages: Option<Vec<String>>,
    /// Keys of a TOML or JSON file.
    pub keys: Option<Vec<KeyTable>>,
    /// Words inside a file.
    pub contains: Option<Vec<WordTable>>,
    /// Words in a spec file that tell whose it is, where several frameworks claim it.
    pub spec_words: Option<Vec<String>>,
    /// Makes one find of several folders: the nearest folder above them all.
    pub together: Option<bool>,
}

/// A key of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeyTable {
    /// The file's name.
    pub file: String,
    /// The dotted key.
    pub key: String,
}

/// Words inside a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WordTable {
    /// The file's name or a glob of names.
    pub file: String,
    /// Any of these, as they stand.
    pub words: Vec<String>,
}

/// How to list specs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SpecsTable {
    /// Globs of spec files, or of names where a command lists them; a suite's own come in their place.
    pub globs: Option<Vec<String>>,
    /// Globs of what is never a spec.
    pub ignore: Option<Vec<String>>,
    /// Leaves out what git ignores; true unless said otherwise.
    pub gitignore: Option<bool>,
    /// The command that lists specs which are not files.
    pub list: ListTable,
}

/// A call that lists something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ListTable {
    /// Program and arguments.
    pub command: Option<Vec<Template>>,
    /// How to read what it writes.
    pub parser: Option<ListParser>,
    /// The file that it writes; its standard output without.
    pub file: Option<Template>,
    /// Whether it may be done before every run.
    pub cheap: Option<bool>,
    /// How long it may take.
    pub timeout: Option<Span>,
    /// Exit codes that mean it worked.
    pub ok_codes: Option<Vec<i32>>,
    /// Environment for this call.
    pub env: BTreeMap<String, Template>,
}

/// The outputs of listings that are understood.
///
/// Adding one: its reader in `listing/`, its line in `listing/parse.rs`, its row in docs/frameworks.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListParser {
    /// A spec per line; or spec and test, with a tab between.
    Lines,
    /// `pytest --collect-only -q`: a node id per line.
    Pytest,
    /// `playwright test --list --reporter=json`.
    PlaywrightJson,
    /// The shape of Jest's `--json`.
    JestJson,
    /// `vitest list --json`.
    VitestJson,
    /// `go test -list . -json`.
    GoJson,
    /// `cargo nextest list --message-format json`.
    Nextest,
    /// `dotnet test --list-tests`, of both platforms.
    Dotnet,
    /// `xcodebuild -enumerate-tests` in the flat JSON style.
    Xcode,
    /// Classes of xUnit.net, by their projects: `dotnet test --list-tests` of both platforms, a test program's own
    /// `--list-tests`, and `-list full/json`.
    XunitClasses,
    /// The same, by the paths of their assemblies.
    XunitConsoleClasses,
}

/// How to run specs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RunTable {
    /// Program and arguments.
    pub command: Option<Vec<Template>>,
    /// The same for several specs in one process, where the report tells them apart.
    pub batch: Option<Vec<Template>>,
    /// The same for a person: without reports.
    pub reproduce: Option<Vec<Template>>,
    /// Limit for an attempt.
    pub timeout: Option<Span>,
    /// Limit for silence.
    pub idle_timeout: Option<Span>,
    /// From the polite stop to the kill.
    pub grace: Option<Span>,
    /// Environment for running.
    pub env: BTreeMap<String, Template>,
}

/// How to run single tests of a spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SelectTable {
    /// Arguments added for it: once for each test, or once for all where `join` is set.
    pub options: Option<Vec<Template>>,
    /// The texts of the tests come in place of the spec, each as its own argument.
    pub replaces_spec: Option<bool>,
    /// The text for a test.
    pub test: Option<Template>,
    /// What joins several tests into one argument.
    pub join: Option<String>,
    /// What separates the parts of a test's id.
    pub id_separator: Option<String>,
    /// What separates them on the command line; the parts are escaped, this is not.
    pub separator: Option<String>,
    /// How the parts are escaped.
    pub escape: Option<EscapeTable>,
    /// Where an id ends for this purpose: what follows the first of these is left out.
    pub cut: Option<String>,
    /// Leaves out a `[project] › ` in front of an id.
    pub drop_project: Option<bool>,
}

/// How the parts of a test's id are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EscapeTable {
    /// As they are.
    None,
    /// For a regular expression.
    Regex,
}

/// Where results are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ReportTable {
    /// Their format.
    pub format: Option<ReportFormat>,
    /// The file, or a glob of files.
    pub file: Option<Template>,
    /// They are on the standard output.
    pub stdout: Option<bool>,
}

/// What exit codes mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ExitTable {
    /// No test was selected or found.
    pub no_tests: Option<Vec<i32>>,
    /// Tests ran, and at least one failed.
    pub tests_failed: Option<Vec<i32>>,
}

/// What a browser adds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BrowserTable {
    /// The capability that a worker needs, as `part_core::Requirement` writes it.
    pub requires: Option<String>,
    /// Arguments.
    pub options: Option<Vec<Template>>,
    /// Environment.
    pub env: BTreeMap<String, Template>,
}

/// Changes under a condition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VariantTable {
    /// When they apply: all that is said must hold.
    pub when: WhenTable,
    /// What changes.
    pub then: Box<FrameworkTable>,
}

/// A condition on a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WhenTable {
    /// An installed npm package.
    pub package: Option<String>,
    /// Its version is this one or later.
    pub at_least: Option<String>,
    /// Its version is before this one.
    pub below: Option<String>,
    /// A file (name or glob of names) in the folder or, where there is none, the nearest one above it.
    pub file: Option<String>,
    /// The file contains any of these words.
    pub contains: Option<Vec<String>>,
}

impl FrameworkTable {
    /// This table with everything that `over` says instead. Environments and browsers merge by key, variants
    /// append, everything else is replaced whole.
    pub(super) fn merge(self, over: FrameworkTable) -> FrameworkTable {
        FrameworkTable {
            extends: self.extends,
            title: over.title.or(self.title),
            minimum: over.minimum.or(self.minimum),
            setup: over.setup.or(self.setup),
            programs: self.programs.merge(over.programs),
            detect: self.detect.merge(over.detect),
            specs: self.specs.merge(over.specs),
            list_tests: self.list_tests.merge(over.list_tests),
            run: self.run.merge(over.run),
            select: self.select.merge(over.select),
            env: merge_maps(self.env, over.env, |_, new| new),
            report: self.report.merge(over.report),
            exit: self.exit.merge(over.exit),
            artifacts: over.artifacts.or(self.artifacts),
            browsers: merge_maps(self.browsers, over.browsers, BrowserTable::merge),
            script: over.script.or(self.script),
            variants: [self.variants, over.variants].concat(),
        }
    }
}

impl ProgramsTable {
    fn merge(self, over: Self) -> Self {
        ProgramsTable {
            folders: over.folders.or(self.folders),
            unless_env: over.unless_env.or(self.unless_env),
        }
    }
}

impl DetectTable {
    fn merge(self, over: Self) -> Self {
        DetectTable {
            files: over.files.or(self.files),
            packages: over.packages.or(self.packages),
            keys: over.keys.or(self.keys),
            contains: over.contains.or(self.contains),
            spec_words: over.spec_words.or(self.spec_words),
            together: over.together.or(self.together),
        }
    }
}

impl SpecsTable {
    fn merge(self, over: Self) -> Self {
        SpecsTable {
            globs: over.globs.or(self.globs),
            ignore: over.ignore.or(self.ignore),
            gitignore: over.gitignore.or(self.gitignore),
            list: self.list.merge(over.list),
        }
    }
}

impl ListTable {
    fn merge(self, over: Self) -> Self {
        ListTable {
            command: over.command.or(self.command),
            parser: over.parser.or(self.parser),
            file: over.file.or(self.file),
            cheap: over.cheap.or(self.cheap),
            timeout: over.timeout.or(self.timeout),
            ok_codes: over.ok_codes.or(self.ok_codes),
            env: merge_maps(self.env, over.env, |_, new| new),
        }
    }
}

impl RunTable {
    /// Another command has nothing to do with how the first one ran several specs.
    fn merge(self, over: Self) -> Self {
        RunTable {
            batch: if over.command.is_some() { over.batch } else { over.batch.or(self.batch) },
            command: over.command.or(self.command),
            reproduce: over.reproduce.or(self.reproduce),
            timeout: over.timeout.or(self.timeout),
            idle_timeout: over.idle_timeout.or(self.idle_timeout),
            grace: over.grace.or(self.grace),
            env: merge_maps(self.env, over.env, |_, new| new),
        }
    }
}

impl SelectTable {
    fn merge(self, over: Self) -> Self {
        SelectTable {
            options: over.options.or(self.options),
            replaces_spec: over.replaces_spec.or(self.replaces_spec),
            test: over.test.or(self.test),
            join: over.join.or(self.join),
            id_separator: over.id_separator.or(self.id_separator),
            separator: over.separator.or(self.separator),
            escape: over.escape.or(self.escape),
            cut: over.cut.or(self.cut),
            drop_project: over.drop_project.or(self.drop_project),
        }
    }
}

impl ReportTable {
    /// A place is part of its format: a table that gives either replaces both.
    pub(crate) fn merge(self, over: Self) -> Self {
        if over == ReportTable::default() {
            return self;
        }
        ReportTable { format: over.format.or(self.format), file: over.file, stdout: over.stdout }
    }
}

impl ExitTable {
    fn merge(self, over: Self) -> Self {
        ExitTable {
            no_tests: over.no_tests.or(self.no_tests),
            tests_failed: over.tests_failed.or(self.tests_failed),
        }
    }
}

impl BrowserTable {
    fn merge(self, over: Self) -> Self {
        BrowserTable {
            requires: over.requires.or(self.requires),
            options: over.options.or(self.options),
            env: merge_maps(self.env, over.env, |_, new| new),
        }
    }
}

fn merge_maps<V>(
    mut base: BTreeMap<String, V>,
    over: BTreeMap<String, V>,
    merge: impl Fn(V, V) -> V,
) -> BTreeMap<String, V> {
    for (key, new) in over {
        let value = match base.remove(&key) {
            Some(old) => merge(old, new),
            None => new,
        };
        base.insert(key, value);
    }
    base
}
