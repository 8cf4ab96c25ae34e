//! What a submit asks for, as it was typed.

use crate::config::{Balance, TimeLimit};
use part_core::{Expect, Lock, Millis, SubmissionId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Which groups and specs are wanted.
///
/// - No group and no suite: all groups of part.toml, or one for each suite where it has none.
/// - A suite without a group: the groups of that suite, or one called like it.
/// - A group that is not in part.toml, together with a suite or specs: a group made up for this submit.
/// - Specs with one group: in place of the group's own. With several groups: each keeps those of its own that match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Labels of groups; none means all.
    pub groups: Vec<String>,
    /// A suite.
    pub suite: Option<String>,
    /// Globs of specs, relative to the suite's folder, to the workspace root or to the current folder: the first of
    /// these by which a glob matches anything.
    pub specs: Vec<String>,
}

/// What the command line sets over part.toml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Browser to run in.
    pub browser: Option<String>,
    /// Environment of the specs; may hold secrets, so it is in no command that people are shown.
    pub env: Vec<(String, String)>,
    /// Limit for one attempt; a length of zero means none.
    pub timeout: Option<TimeLimit>,
    /// Limit for silence; zero means none.
    pub idle_timeout: Option<Millis>,
    /// How often an attempt that did not pass is tried again.
    pub retries: Option<u32>,
    /// Cancel what is left once so many specs have failed for good.
    pub max_failures: Option<u32>,
    /// The CI build id.
    pub build_id: Option<String>,
    /// The attempt of that build.
    pub attempt: Option<u32>,
    /// More requirements, as they are written.
    pub require: Vec<String>,
    /// Whether frameworks are asked for their tests.
    pub list_tests: Option<bool>,
    /// Silence after which a worker's attempts are lost.
    pub lost_after: Option<Millis>,
    /// What runs beside what.
    pub balance: Balance,
    /// Locks that every spec holds while it runs, beside those of part.toml.
    pub locks: Vec<Lock>,
    /// How long a run that others may join stays open after it has become quiet.
    pub completion_delay: Option<Millis>,
    /// The groups that the run waits for.
    pub expect: Option<Expect>,
    /// The run's share of the mesh.
    pub weight: Option<u32>,
    /// Runs of a higher priority go first.
    pub priority: Option<i32>,
    /// Retries of all specs together.
    pub retry_budget: Option<u32>,
    /// How long what no worker can run waits for one that can.
    pub wait_for_workers: Option<Millis>,
    /// Specs that failed in the run before go first.
    pub failed_first: Option<bool>,
}

/// Where and by whom something is submitted.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The current folder, absolute.
    pub cwd: PathBuf,
    /// This process's environment, as far as it is text.
    pub env: BTreeMap<String, String>,
    /// Whether specs inherit this process's environment, as they do in local mode.
    pub inherits: bool,
    /// Name of this host.
    pub host: String,
    /// The submission's number.
    pub submission: SubmissionId,
    /// For a build id that has to be made up.
    pub random: u128,
}

impl Surroundings {
    /// Those of this process, with new random numbers. `inherits`: whether specs will run with its environment.
    pub fn of_this_process(cwd: PathBuf, inherits: bool) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Surroundings {
            cwd,
            env: std::env::vars_os().filter_map(text).collect(),
            inherits,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            submission: SubmissionId(uuid::Uuid::now_v7().as_u128()),
            random: uuid::Uuid::new_v4().as_u128(),
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.env.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// Names of the variables that specs inherit.
    pub(crate) fn inherited(&self) -> BTreeSet<String> {
        if self.inherits { self.env.keys().cloned().collect() } else { BTreeSet::new() }
    }
}
