//! Why a submit cannot be resolved.

use super::process::CallError;
use crate::ci::IdentityError;
use crate::config::{EnvError, GlobError, NameError, Problems};
use part_core::{RequirementParseError, SubmissionError};
use part_frameworks::listing::{ListError, PlanError};
use part_frameworks::table::TableError;
use part_frameworks::{BuildError, ResolveError as FindError};
use std::fmt;
use std::io;
use thiserror::Error;

/// Why a submit cannot be resolved. [`ResolveError::NothingMatched`] has the exit code of an empty run, 4; all others
/// are the user's to mend and have 2.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// No spec is left of what was asked for.
    #[error("{0}")]
    NothingMatched(NothingMatched),
    /// A label that is nowhere.
    #[error("there is no group {label:?} in {file}")]
    UnknownGroup {
        /// The label.
        label: String,
        /// The part.toml.
        file: String,
        /// What there is.
        hints: Vec<String>,
    },
    /// A suite that is nowhere.
    #[error("there is no suite {name:?} in {file}")]
    UnknownSuite {
        /// The suite.
        name: String,
        /// The part.toml.
        file: String,
        /// What there is.
        hints: Vec<String>,
    },
    /// part.toml has no suite, so that nothing could ever run.
    #[error("{file} has no suite: nothing says what to run")]
    NoSuites {
        /// The part.toml.
        file: String,
    },
    /// A made-up group that could be of several suites.
    #[error("group {label:?} is not in part.toml, and --spec alone does not say of which suite it is")]
    WhichSuite {
        /// The label.
        label: String,
        /// The suites that there are.
        suites: Vec<String>,
    },
    /// A label that cannot be one, or a build id.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It cannot be said which build this belongs to.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A glob of `--spec` that is none.
    #[error("--spec: {0}")]
    Glob(GlobError),
    /// A variable of `--env` that cannot be set.
    #[error("--env: {0}")]
    Env(EnvError),
    /// A requirement of `--require` that is none.
    #[error("--require: {0}")]
    Requirement(RequirementParseError),
    /// The suite's folder is not there.
    #[error("the folder {folder:?} of suite {suite:?} is not there")]
    NoFolder {
        /// The suite.
        suite: String,
        /// Its folder.
        folder: String,
    },
    /// Neither the suite nor its framework says what a spec is.
    #[error(
        "suite {suite:?} does not say which files are its specs, and framework {framework:?} does not either"
    )]
    NoGlobs {
        /// The suite.
        suite: String,
        /// Its framework.
        framework: String,
    },
    /// The framework cannot be used as it is described.
    #[error("suite {suite:?}: framework {framework:?} cannot be used")]
    Framework {
        /// The suite.
        suite: String,
        /// Its framework.
        framework: String,
        /// Why.
        source: Box<TableError>,
    },
    /// The suite and its framework do not fit.
    #[error("suite {suite:?} does not fit its framework")]
    Build {
        /// The suite.
        suite: String,
        /// Why.
        source: Box<BuildError>,
    },
    /// The workspace cannot be looked through.
    #[error("cannot look for the specs of suite {suite:?}")]
    Find {
        /// The suite.
        suite: String,
        /// Why.
        source: Box<FindError>,
    },
    /// The command that lists the specs cannot be made up.
    #[error("cannot list the specs of suite {suite:?}")]
    Plan {
        /// The suite.
        suite: String,
        /// Why.
        source: Box<PlanError>,
    },
    /// The command that lists the specs did not come to its end.
    #[error("cannot list the specs of suite {suite:?}")]
    Call {
        /// The suite.
        suite: String,
        /// Why.
        source: CallError,
    },
    /// The command that lists the specs gave no list.
    #[error("cannot list the specs of suite {suite:?}")]
    List {
        /// The suite.
        suite: String,
        /// Why.
        source: Box<ListError>,
    },
    /// There is no folder for what listing commands write.
    #[error("cannot make a temporary folder")]
    Scratch {
        /// Why.
        source: io::Error,
    },
    /// A spec whose name nobody could type or show.
    #[error("suite {suite:?} has a spec with control characters in its name: {name:?}")]
    SpecName {
        /// The suite.
        suite: String,
        /// The spec, escaped where it is shown.
        name: String,
    },
    /// A settings file of xUnit.net is there but cannot be read.
    #[error("cannot read the settings of xUnit.net of suite {suite:?}")]
    Xunit {
        /// The suite.
        suite: String,
        /// Which file, and why.
        source: part_frameworks::xunit::XunitFileError,
    },
    /// What part.toml says of single specs does not go together.
    #[error("{problems}")]
    Rules {
        /// All of it.
        problems: Problems,
    },
    /// It is whole, but no mesh takes it.
    #[error("this cannot be submitted")]
    Submission {
        /// Why.
        source: SubmissionError,
    },
}

/// What was looked for, and what is near it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NothingMatched {
    /// The groups without a spec, at least one.
    pub groups: Vec<EmptyGroup>,
}

/// A group without a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptyGroup {
    /// Its label.
    pub label: String,
    /// What was looked for.
    pub globs: Vec<String>,
    /// Where: the suite's folder as it is shown.
    pub folder: String,
    /// What is near.
    pub hints: Vec<String>,
}

impl fmt::Display for NothingMatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.groups.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            let globs = match group.globs.as_slice() {
                [] => "nothing is listed".to_owned(),
                globs => format!("nothing matches {}", globs.join(", ")),
            };
            write!(f, "group {:?} has no spec: {globs} in {}", group.label, group.folder)?;
        }
        Ok(())
    }
}

impl ResolveError {
    /// True when everything is right except that there is nothing to run.
    pub fn nothing_to_run(&self) -> bool {
        matches!(self, ResolveError::NothingMatched(_))
    }

    /// What the user may do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            ResolveError::NothingMatched(nothing) => {
                let mut hints: Vec<String> = Vec::new();
                for hint in nothing.groups.iter().flat_map(|group| &group.hints) {
                    if !hints.contains(hint) {
                        hints.push(hint.clone());
                    }
                }
                hints
            }
            ResolveError::UnknownGroup { hints, .. } | ResolveError::UnknownSuite { hints, .. } => {
                hints.clone()
            }
            ResolveError::Identity(error) => error.hints(),
            ResolveError::NoSuites { .. } => {
                vec!["add a section [suites.NAME], or let `partctl init --force` write a new file".to_owned()]
            }
            ResolveError::WhichSuite { suites, .. } => {
                vec![format!("add --suite with one of {}", suites.join(", "))]
            }
            ResolveError::NoGlobs { suite, .. } => vec![format!("add specs = [\"…\"] to [suites.{suite}]")],
            ResolveError::Framework { .. } | ResolveError::Build { .. } => {
                vec!["docs/part-toml.md and docs/frameworks.md describe what a suite can say".to_owned()]
            }
            ResolveError::Rules { .. } => {
                vec!["docs/part-toml.md describes collections and rules".to_owned()]
            }
            ResolveError::SpecName { .. } => vec!["rename it, or name it in `exclude`".to_owned()],
            ResolveError::Call { source: CallError::Start { program, .. }, .. } => {
                vec![format!("is `{program}` installed, and found by PATH?")]
            }
            ResolveError::Name(_)
            | ResolveError::Glob(_)
            | ResolveError::Env(_)
            | ResolveError::Requirement(_)
            | ResolveError::NoFolder { .. }
            | ResolveError::Find { .. }
            | ResolveError::Plan { .. }
            | ResolveError::Call { .. }
            | ResolveError::List { .. }
            | ResolveError::Scratch { .. }
            | ResolveError::Xunit { .. }
            | ResolveError::Submission { .. } => Vec::new(),
        }
    }
}
