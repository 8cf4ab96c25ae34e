//! What a client asks to be run, and the checks it must pass before anything is recorded.

use crate::{AttemptId, Bounds, Millis, Recipe, Requirements, Sample, SubmissionId};
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
    /// The CI build id; together with the project it identifies the run to people.
    pub build: String,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The specs, at least one.
    pub specs: Vec<SpecSubmission>,
}

/// Rules of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPolicy {
    /// How often an attempt that did not pass is tried again.
    pub retries: u32,
}

/// One spec of a group.
#[derive(Clone, Debug, PartialEq)]
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
        let mut names = BTreeSet::new();
        for spec in &self.specs {
            within("a spec name's length in bytes", spec.name.len(), bounds.spec_name_bytes)?;
            if !names.insert(spec.name.as_str()) {
                return Err(SubmissionError::SpecTwice { label: label(), spec: spec.name.clone() });
            }
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
