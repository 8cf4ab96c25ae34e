//! What part.toml says, checked.

use super::glob::SpecGlob;
use part_core::{Millis, Requirement, SetupStep};
use part_frameworks::Template;
use part_frameworks::table::{Catalogue, ReportTable};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A project: one part.toml and the folder it is in.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder of part.toml, absolute and without links: the workspace root, to which suites' folders are relative.
    pub root: PathBuf,
    /// The file itself.
    pub file: PathBuf,
    /// `[project] name`, by default the folder's name.
    pub name: String,
    /// `[run]`.
    pub run: RunDefaults,
    /// `[workspace]`.
    pub workspace: WorkspaceRules,
    /// `[[setup]]`, in the order of the file.
    pub setup: Vec<Setup>,
    /// The frameworks: built in, and of `[frameworks]`.
    pub catalogue: Catalogue,
    /// `[suites]`, in the order of the file.
    pub suites: Vec<Suite>,
    /// `[groups]`, in the order of the file. Empty: each suite is one group of the same name.
    pub groups: Vec<Group>,
}

/// `[run]`: defaults that flags override.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunDefaults {
    /// Cancel what is left once so many specs have failed for good.
    pub max_failures: Option<u32>,
    /// Slots in local mode.
    pub workers: Option<u32>,
    /// Silence after which a worker's attempts are lost.
    pub lost_after: Option<Millis>,
    /// Workers that a spec may take down before it is stopped.
    pub worker_kills: Option<u32>,
}

/// `[workspace]`: what travels to a mesh beyond what git does not ignore, and how much it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceRules {
    /// Globs of what travels although it is ignored.
    pub include: Vec<String>,
    /// Globs of what does not travel.
    pub exclude: Vec<String>,
    /// Most files, links and folders.
    pub max_files: Option<u32>,
    /// Most bytes.
    pub max_bytes: Option<u64>,
}

/// `[[setup]]`: something that is done once per worker before specs run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What.
    pub step: SetupStep,
    /// Only when one of these suites is submitted; none means always.
    pub suites: Vec<String>,
}

/// `[suites.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Name of its framework; it is in the project's catalogue.
    pub framework: String,
    /// Folder that the framework runs in, relative to the workspace root; empty for the root. Globs and the names of
    /// specs are relative to it.
    pub folder: String,
    /// Globs of its specs; none means the framework's own.
    pub specs: Option<Vec<SpecGlob>>,
    /// Globs of what is not a spec.
    pub exclude: Vec<SpecGlob>,
    /// Program and arguments, for frameworks that have none of their own.
    pub command: Option<Vec<Template>>,
    /// Where results are, for frameworks that do not say so themselves.
    pub report: Option<ReportTable>,
    /// Everything that groups may set too.
    pub settings: Settings,
}

/// `[groups.LABEL]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its label.
    pub label: String,
    /// Name of its suite; it is in the project.
    pub suite: String,
    /// Globs of its specs, in place of the suite's.
    pub specs: Option<Vec<SpecGlob>>,
    /// Globs of what is not a spec, added to the suite's.
    pub exclude: Vec<SpecGlob>,
    /// What it sets over its suite.
    pub settings: Settings,
}

/// What suites and groups may both set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What workers must be able to do; a group adds to its suite's.
    pub requires: Vec<Requirement>,
    /// Environment of the specs; a group adds to its suite's, and wins.
    pub env: BTreeMap<String, String>,
    /// Arguments for the framework's command; a group's follow its suite's.
    pub args: Vec<String>,
    /// Globs of files to keep; a group adds to its suite's.
    pub artifacts: Vec<String>,
    /// Browser to run in.
    pub browser: Option<String>,
    /// Limit for one attempt.
    pub timeout: Option<Millis>,
    /// Limit for silence.
    pub idle_timeout: Option<Millis>,
    /// From the polite stop to the kill.
    pub grace: Option<Millis>,
    /// How often an attempt that did not pass is tried again.
    pub retries: Option<u32>,
    /// Whether the framework is asked for its tests before the run.
    pub list_tests: Option<bool>,
    /// Whether each attempt gets its own copy of the workspace.
    pub copy_workspace: Option<bool>,
}

impl Project {
    /// A suite by name.
    pub fn suite(&self, name: &str) -> Option<&Suite> {
        self.suites.iter().find(|suite| suite.name == name)
    }

    /// The setup steps for a submit of these suites.
    pub fn setup_of<'s>(&self, suites: impl IntoIterator<Item = &'s str>) -> Vec<SetupStep> {
        let wanted: std::collections::BTreeSet<&str> = suites.into_iter().collect();
        let applies = |setup: &&Setup| {
            setup.suites.is_empty() || setup.suites.iter().any(|suite| wanted.contains(suite.as_str()))
        };
        self.setup.iter().filter(applies).map(|setup| setup.step.clone()).collect()
    }

    /// A group by label.
    pub fn group(&self, label: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.label == label)
    }
}

impl Settings {
    /// These settings with those of a narrower section over them.
    pub(crate) fn under(&self, narrower: &Settings) -> Settings {
        let joined = |wide: &[String], narrow: &[String]| wide.iter().chain(narrow).cloned().collect();
        let mut env = self.env.clone();
        env.extend(narrower.env.clone());
        Settings {
            requires: self.requires.iter().chain(&narrower.requires).cloned().collect(),
            env,
            args: joined(&self.args, &narrower.args),
            artifacts: joined(&self.artifacts, &narrower.artifacts),
            browser: narrower.browser.clone().or_else(|| self.browser.clone()),
            timeout: narrower.timeout.or(self.timeout),
            idle_timeout: narrower.idle_timeout.or(self.idle_timeout),
            grace: narrower.grace.or(self.grace),
            retries: narrower.retries.or(self.retries),
            list_tests: narrower.list_tests.or(self.list_tests),
            copy_workspace: narrower.copy_workspace.or(self.copy_workspace),
        }
    }
}
