//! What part.toml says, checked.

use super::glob::SpecGlob;
use super::source::Place;
use super::values::TimeLimit;
use part_core::{Algorithm, Expect, Lock, Millis, Parallel, Requirement, SetupStep, Threads};
use part_frameworks::Template;
use part_frameworks::table::{Catalogue, ReportTable};
use part_frameworks::xunit::CollectionBehavior;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunDefaults {
    /// Cancel what is left once so many specs have failed for good.
    pub max_failures: Option<u32>,
    /// Slots in local mode.
    pub workers: Option<u32>,
    /// Slots beyond those, for groups that may start more than there are CPUs.
    pub extra_slots: Option<u32>,
    /// Silence after which a worker's attempts are lost.
    pub lost_after: Option<Millis>,
    /// Workers that a spec may take down before it is stopped.
    pub worker_kills: Option<u32>,
    /// How long a run that others may join stays open after it has become quiet.
    pub completion_delay: Option<Millis>,
    /// The groups that a run waits for.
    pub expect: Option<Expect>,
    /// A run's share of the mesh.
    pub weight: Option<u32>,
    /// Runs of a higher priority go first.
    pub priority: Option<i32>,
    /// Retries of all specs of a run together.
    pub retry_budget: Option<u32>,
    /// How long what no worker can run waits for one that can.
    pub wait_for_workers: Option<Millis>,
    /// Specs that failed in the run before go first.
    pub failed_first: Option<bool>,
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
    /// What it says of some specs, in the order in which it counts.
    pub rules: Vec<SpecRule>,
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
    /// What it says of some specs, over what its suite says.
    pub rules: Vec<SpecRule>,
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
    /// Limit for one attempt; zero means none.
    pub timeout: Option<Millis>,
    /// Limit for one attempt in hundredths of its forecast; [`Settings::timeout`] stays the upper limit.
    pub timeout_percent: Option<u32>,
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
    /// What runs beside what.
    pub balance: Balance,
    /// Which classes of xUnit.net share a collection.
    pub collection_behavior: Option<CollectionBehavior>,
    /// What every spec holds while it runs, sorted by name; a group adds to its suite's.
    pub locks: Vec<Lock>,
}

/// What runs beside what, and in which processes; none where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What may run at the same time.
    pub parallel: Option<Parallel>,
    /// How many specs one worker runs at a time.
    pub threads: Option<Threads>,
    /// What [`Balance::threads`] limits.
    pub algorithm: Option<Algorithm>,
    /// Whether a spec far beyond its forecast may get a second attempt elsewhere.
    pub backups: Option<bool>,
    /// Whether short specs may share a process.
    pub batches: Option<bool>,
    /// Whether a spec may be split by its tests.
    pub split: Option<bool>,
}

/// Something that a suite or group says of some of its specs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecRule {
    /// Where it stands.
    pub place: Place,
    /// Which specs.
    pub specs: Vec<PlacedGlob>,
    /// Their collection.
    pub collection: Option<String>,
    /// Their assembly.
    pub assembly: Option<String>,
    /// Whether they may run beside others of the group.
    pub parallel: Option<bool>,
    /// What they hold while they run.
    pub locks: Vec<Lock>,
    /// Whether they run without failing the run.
    pub quarantine: Option<bool>,
    /// Whether they may be split.
    pub split: Option<bool>,
}

/// A glob and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedGlob {
    /// The glob.
    pub glob: SpecGlob,
    /// Where it stands.
    pub place: Place,
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

impl Balance {
    /// This with what a narrower section, or a flag, says over it.
    pub(crate) fn under(self, narrower: Balance) -> Balance {
        Balance {
            parallel: narrower.parallel.or(self.parallel),
            threads: narrower.threads.or(self.threads),
            algorithm: narrower.algorithm.or(self.algorithm),
            backups: narrower.backups.or(self.backups),
            batches: narrower.batches.or(self.batches),
            split: narrower.split.or(self.split),
        }
    }
}

impl SpecRule {
    /// A rule that says nothing yet.
    pub(crate) fn new(place: Place, specs: Vec<PlacedGlob>) -> Self {
        SpecRule {
            place,
            specs,
            collection: None,
            assembly: None,
            parallel: None,
            locks: Vec::new(),
            quarantine: None,
            split: None,
        }
    }

    /// True when it says nothing of its specs.
    pub(crate) fn is_empty(&self) -> bool {
        let SpecRule { place: _, specs: _, collection, assembly, parallel, locks, quarantine, split } = self;
        collection.is_none()
            && assembly.is_none()
            && parallel.is_none()
            && locks.is_empty()
            && quarantine.is_none()
            && split.is_none()
    }
}

impl Settings {
    /// Takes a limit for one attempt over. A multiple of the forecast leaves a limit that is there as the upper one; a
    /// length replaces both.
    pub(crate) fn limit(&mut self, limit: Option<TimeLimit>) {
        match limit {
            None => {}
            Some(TimeLimit::Length(length)) => (self.timeout, self.timeout_percent) = (Some(length), None),
            Some(TimeLimit::Times(hundredths)) => self.timeout_percent = Some(hundredths),
        }
    }

    /// These settings with those of a narrower section over them.
    pub(crate) fn under(&self, narrower: &Settings) -> Settings {
        let joined = |wide: &[String], narrow: &[String]| wide.iter().chain(narrow).cloned().collect();
        let mut env = self.env.clone();
        env.extend(narrower.env.clone());
        let (timeout, timeout_percent) = match (narrower.timeout, narrower.timeout_percent) {
            (None, None) => (self.timeout, self.timeout_percent),
            (None, times) => (self.timeout, times),
            (length, times) => (length, times),
        };
        Settings {
            requires: self.requires.iter().chain(&narrower.requires).cloned().collect(),
            env,
            args: joined(&self.args, &narrower.args),
            artifacts: joined(&self.artifacts, &narrower.artifacts),
            browser: narrower.browser.clone().or_else(|| self.browser.clone()),
            timeout,
            timeout_percent,
            idle_timeout: narrower.idle_timeout.or(self.idle_timeout),
            grace: narrower.grace.or(self.grace),
            retries: narrower.retries.or(self.retries),
            list_tests: narrower.list_tests.or(self.list_tests),
            copy_workspace: narrower.copy_workspace.or(self.copy_workspace),
            balance: self.balance.under(narrower.balance),
            collection_behavior: narrower.collection_behavior.or(self.collection_behavior),
            locks: with_locks(&self.locks, &narrower.locks),
        }
    }
}

/// Locks with more of them, sorted by name; of two with one name the later one's permits count.
pub(crate) fn with_locks(locks: &[Lock], more: &[Lock]) -> Vec<Lock> {
    let by_name: BTreeMap<&str, u32> =
        locks.iter().chain(more).map(|lock| (lock.name.as_str(), lock.permits)).collect();
    by_name.into_iter().map(|(name, permits)| Lock { name: name.to_owned(), permits }).collect()
}
