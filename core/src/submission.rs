//! What a client asks to be run, and the checks it must pass before anything is recorded.

use crate::bounds::CONDITIONS;
use crate::{AttemptId, Bounds, Millis, Recipe, Requirements, Sample, SubmissionId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;

/// Everything submitted at once: it becomes one run, whole or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// The client's number for it: sending it twice makes one run.
    pub id: SubmissionId,
    /// The project of `part.toml`.
    pub project: String,
    /// The CI build id (the lineage, over all its attempts); together with the project it identifies the build to
    /// people.
    pub build: String,
    /// Which run of the build it becomes part of.
    pub joining: Joining,
    /// The attempts of the build that the store knows, in any order; the daemon fills them in.
    pub past: Vec<PastAttempt>,
    /// Everything runs, whatever passed in earlier attempts of the build; the core does not look at it.
    pub run_all: bool,
    /// Where it came from.
    pub source: Source,
    /// The files to run in.
    pub workspace: Workspace,
    /// Rules over all groups.
    pub policy: RunPolicy,
    /// Digest of everything that the client chose, made by whoever took the submission in: one number with two
    /// contents is refused. None where that is not checked.
    pub content: Option<String>,
    /// The groups, at least one.
    pub groups: Vec<GroupSubmission>,
}

/// Which run of its build a submission becomes part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joining {
    /// A run of its own, that nobody joins.
    #[default]
    Never,
    /// The build's unfinished run where there is one, else its next attempt.
    Current,
    /// This attempt of the build, from 1: joined while it is unfinished, begun where it is new.
    Attempt(u32),
}

/// An attempt of a build that was made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastAttempt {
    /// Its number, from 1.
    pub number: u32,
    /// Its run.
    pub run: crate::RunId,
    /// When the run ended; none while it had not.
    pub finished_at: Option<Timestamp>,
}

/// Where a submission came from; shown, never acted upon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// User who submitted.
    #[serde(default)]
    pub user: String,
    /// Host they submitted from.
    #[serde(default)]
    pub host: String,
    /// Commit of the workspace, where it is a repository.
    #[serde(default)]
    pub commit: String,
    /// Branch of the workspace.
    #[serde(default)]
    pub branch: String,
    /// The run that this one runs again.
    #[serde(default)]
    pub rerun_of: Option<crate::RunId>,
    /// Address of the CI build, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The CI system, and the variables that the build id came from; empty where none is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ci: String,
}

/// The files that specs run in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workspace {
    /// This folder of the worker's own host, used in place.
    InPlace(String),
    /// What was shipped to the mesh; each host lays it out once per run.
    Shipped(Box<Shipped>),
}

/// A workspace that was shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// BLAKE3 digest, in hex, of the manifest: the blob that names every file with its own digest.
    pub manifest: String,
    /// How many files, links and folders it names; for display.
    pub files: u32,
    /// Bytes of all files; for display.
    pub bytes: u64,
    /// What is to be done in it once per host before specs run, in this order.
    #[serde(default)]
    pub setup: Vec<SetupStep>,
}

/// Something that is done once per host and key before specs run, such as `npm ci`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupStep {
    /// Its name, for people.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where it runs, relative to the workspace's root; empty for the root itself.
    #[serde(default)]
    pub folder: String,
    /// Files, relative to that folder, whose content decides whether an earlier result may be used again.
    #[serde(default)]
    pub key: Vec<String>,
    /// Files and folders, relative to that folder, that it makes and that are kept for later runs with the same key.
    #[serde(default)]
    pub keep: Vec<String>,
    /// Variables of its own.
    #[serde(default)]
    pub env: std::collections::BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Millis,
}

/// Rules over all groups of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPolicy {
    /// Cancel what is left once this many specs have failed for good; none means never.
    #[serde(default)]
    pub max_failures: Option<u32>,
    /// Silence after which a worker's attempts are lost; none means the mesh's default.
    #[serde(default)]
    pub lost_after: Option<Millis>,
    /// Workers that attempts of one spec may take down before it is decided as crashed; none means the mesh's default.
    #[serde(default)]
    pub worker_kills: Option<u32>,
    /// How long a run that others may join stays open after it has become quiet. Without meaning where
    /// [`RunPolicy::expect`] says which groups come.
    #[serde(default)]
    pub completion_delay: Millis,
    /// The groups that the run waits for; none to go by [`RunPolicy::completion_delay`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// Its share of the mesh beside other projects' runs; none means 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Runs of a higher priority go first, but for the share that everybody is guaranteed.
    #[serde(default)]
    pub priority: i32,
    /// Retries of all its specs together; none means that only each spec's own number counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_budget: Option<u32>,
    /// How long what no worker can run waits for one that can. None: such a group is refused where workers are known,
    /// and waits as long as the mesh lets it where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for_workers: Option<Millis>,
    /// Specs that failed in the run before go first.
    #[serde(default)]
    pub failed_first: bool,
}

/// The groups that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// So many.
    Count(u32),
    /// Those with these labels.
    Labels(Vec<String>),
}

/// One group of a submission.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSubmission {
    /// Its label, unique in the run.
    pub label: String,
    /// The suite of `part.toml` it is made of; part of the key of its history.
    pub suite: String,
    /// What its workers must be able to do.
    pub requirements: Requirements,
    /// Rules of this group.
    pub policy: GroupPolicy,
    /// How to run its specs.
    pub recipe: Recipe,
    /// What a process of its recipe costs beside the tests, by the history; the daemon fills it in.
    pub overhead: Option<Millis>,
    /// The specs, at least one.
    pub specs: Vec<SpecSubmission>,
}

/// Rules of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPolicy {
    /// How often an attempt that did not pass is tried again.
    pub retries: u32,
    /// What may run at the same time.
    #[serde(default)]
    pub parallel: Parallel,
    /// How many specs of the group one worker runs at a time.
    #[serde(default)]
    pub threads: Threads,
    /// What [`GroupPolicy::threads`] limits.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// The time limit of a spec as hundredths of its forecast: 500 is five times. It applies where there is a forecast,
    /// and never raises the recipe's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_percent: Option<u32>,
    /// A spec that runs far beyond its forecast when nothing else waits may get a second attempt on another worker.
    #[serde(default)]
    pub backups: bool,
    /// Every spec has a process of its own, however short it is.
    #[serde(default)]
    pub no_batches: bool,
    /// A spec that alone decides how long the run takes may be split by its tests.
    #[serde(default)]
    pub split: bool,
}

/// What of a group may run at the same time, named like xUnit.net's runner levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parallel {
    /// Nothing: one spec at a time.
    None,
    /// Collections; one assembly after the other where there are several.
    #[default]
    Collections,
    /// Assemblies; in each, one spec at a time.
    Assemblies,
    /// Collections of all assemblies.
    All,
}

/// How many specs of a group one worker runs at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threads {
    /// As many as it has slots.
    #[default]
    Default,
    /// As many as it has slots, the extra ones included.
    Unlimited,
    /// So many, at least 1.
    Count(u32),
    /// So many for each 100 of its CPUs, rounded down; where that gives 0, as [`Threads::Default`].
    PerHundredCpus(u32),
}

/// What a limit on threads limits, named like xUnit.net's algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// How many specs are started: durations are those of the specs alone.
    #[default]
    Conservative,
    /// How many CPUs they use: more are started, so that one that waits leaves no CPU idle.
    Aggressive,
}

/// A permit that is held while a spec runs, anywhere in the mesh and over all runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lock {
    /// Its name, one per mesh.
    pub name: String,
    /// How many specs may hold it at a time. Where unfinished runs disagree, the smallest number counts.
    pub permits: u32,
}

/// One spec of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpecSubmission {
    /// Its name: a path relative to the folder that its recipe runs in, or what the framework calls it.
    pub name: String,
    /// Size of its file in bytes, 0 where there is none: orders specs that nothing is known about.
    pub size_bytes: u64,
    /// Earlier durations, oldest first; the daemon fills them in from the history.
    pub history: Vec<Sample>,
    /// The tests that the framework listed for it; none where it was not asked.
    pub expected_tests: Option<Vec<String>>,
    /// A pass of an earlier run that stands for this spec, which then does not run.
    pub carried: Option<Carried>,
    /// Its collection: specs of one collection of a group never run at the same time.
    pub collection: Option<String>,
    /// Its collection runs beside nothing of its group: after everything else, one spec at a time.
    pub serial: bool,
    /// The assembly that it belongs to; none where the whole group is one.
    pub assembly: Option<String>,
    /// What it holds while it runs.
    pub locks: Vec<Lock>,
    /// It is known to be unreliable: it runs and is reported, but does not fail the run.
    pub quarantined: bool,
    /// It is never split.
    pub whole: bool,
    /// Its last decided attempt did not pass; the daemon fills it in from the history.
    pub failed_last: bool,
    /// How long each of its tests took when it last passed, in order; the daemon fills it in where the spec might be
    /// split.
    pub tests: Vec<(String, Millis)>,
}

/// A pass that is carried forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The attempt that passed.
    pub attempt: AttemptId,
    /// How long it took.
    pub duration: Millis,
}

/// Why a submission cannot become a run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmissionError {
    /// There is no group.
    #[error("the submission has no group")]
    NoGroups,
    /// A group has no spec.
    #[error("group {label:?} has no spec")]
    NoSpecs {
        /// The group.
        label: String,
    },
    /// Two groups have one label.
    #[error("group {label:?} is submitted twice; labels are unique in a run")]
    LabelTwice {
        /// The label.
        label: String,
    },
    /// A group names one spec twice.
    #[error("group {label:?} names spec {spec:?} twice")]
    SpecTwice {
        /// The group.
        label: String,
        /// The spec.
        spec: String,
    },
    /// Something is empty, too long or too many.
    #[error("{what} is {size}, allowed are {least} to {limit}")]
    OutOfBounds {
        /// What was measured.
        what: String,
        /// Its size.
        size: usize,
        /// The smallest allowed.
        least: usize,
        /// The largest allowed.
        limit: usize,
    },
    /// A group's command is empty.
    #[error("group {label:?} has no command to run")]
    NoCommand {
        /// The group.
        label: String,
    },
}

impl Submission {
    /// Checks shape and bounds; nothing is recorded of a submission that fails here.
    pub fn check(&self, bounds: &Bounds) -> Result<(), SubmissionError> {
        within("the project's name in bytes", self.project.len(), bounds.label_bytes)?;
        within("the build id in bytes", self.build.len(), bounds.label_bytes)?;
        if self.groups.is_empty() {
            return Err(SubmissionError::NoGroups);
        }
        within("the number of groups", self.groups.len(), bounds.groups_per_run)?;
        if let Some(kills) = self.policy.worker_kills {
            within(
                "the number of workers that a spec may take down",
                kills as usize,
                bounds.retries as usize,
            )?;
        }
        let specs = self.groups.iter().map(|group| group.specs.len()).sum();
        let mut labels = BTreeSet::new();
        for group in &self.groups {
            if !labels.insert(group.label.as_str()) {
                return Err(SubmissionError::LabelTwice { label: group.label.clone() });
            }
            group.check(bounds)?;
        }
        within("the number of specs", specs, bounds.specs_per_run)
    }
}

impl GroupSubmission {
    fn check(&self, bounds: &Bounds) -> Result<(), SubmissionError> {
        let label = || self.label.clone();
        within("a group label's length in bytes", self.label.len(), bounds.label_bytes)?;
        if self.recipe.command.is_empty() {
            return Err(SubmissionError::NoCommand { label: label() });
        }
        if self.specs.is_empty() {
            return Err(SubmissionError::NoSpecs { label: label() });
        }
        if self.policy.retries > bounds.retries {
            let what = format!("the number of retries of group {:?}", self.label);
            return Err(SubmissionError::OutOfBounds {
                what,
                size: self.policy.retries as usize,
                least: 0,
                limit: bounds.retries as usize,
            });
        }
        if self.requirements.iter().len() > CONDITIONS {
            return Err(SubmissionError::OutOfBounds {
                what: format!("the number of requirements of group {:?}", self.label),
                size: self.requirements.iter().len(),
                least: 0,
                limit: CONDITIONS,
            });
        }
        let mut names = BTreeSet::new();
        for spec in &self.specs {
            within("a spec name's length in bytes", spec.name.len(), bounds.spec_name_bytes)?;
            if !names.insert(spec.name.as_str()) {
                return Err(SubmissionError::SpecTwice { label: label(), spec: spec.name.clone() });
            }
            spec.check(bounds)?;
        }
        Ok(())
    }
}

impl SpecSubmission {
    fn check(&self, bounds: &Bounds) -> Result<(), SubmissionError> {
        if let Some(collection) = &self.collection {
            within("a collection's name in bytes", collection.len(), bounds.label_bytes)?;
        }
        if let Some(assembly) = &self.assembly {
            within("an assembly's name in bytes", assembly.len(), bounds.label_bytes)?;
        }
        if !self.locks.is_empty() {
            let what = format!("the number of locks of spec {:?}", self.name);
            within(&what, self.locks.len(), bounds.locks_per_spec)?;
        }
        for lock in &self.locks {
            within("a lock's name in bytes", lock.name.len(), bounds.label_bytes)?;
            let what = format!("the number of permits of lock {:?}", lock.name);
            within(&what, lock.permits as usize, bounds.permits)?;
        }
        Ok(())
    }
}

fn within(what: &str, size: usize, limit: usize) -> Result<(), SubmissionError> {
    if (1..=limit).contains(&size) {
        return Ok(());
    }
    Err(SubmissionError::OutOfBounds { what: what.to_owned(), size, least: 1, limit })
}
