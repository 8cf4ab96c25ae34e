//! Why it cannot be said which build a submit belongs to.

use thiserror::Error;

/// Why it cannot be said which build a submit belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The CI system is known by a variable, but those that name its build are not set.
    #[error("this is {provider} ({sign} is set), but {missing} is not set, which names the build")]
    Incomplete {
        /// The CI system.
        provider: &'static str,
        /// The variable that it is known by.
        sign: String,
        /// What is missing, for people: alternatives with `or` between them.
        missing: String,
    },
    /// A variable that counts attempts does not hold a number.
    #[error("{variable} is {value:?}, which is no number of an attempt")]
    NoNumber {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
    /// An attempt was named, but not of what.
    #[error("--attempt {attempt} says which attempt of a build, but no build is known")]
    AttemptOfNothing {
        /// The attempt.
        attempt: u32,
    },
}

impl IdentityError {
    /// What the user may do about it.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            IdentityError::Incomplete { .. } => {
                "name the build with --ci-build-id ID (or PART_CI_BUILD_ID=ID): the same ID in all jobs that belong \
                 together, another one for each pipeline"
            }
            IdentityError::NoNumber { .. } => "give the number with --attempt N, from 1",
            IdentityError::AttemptOfNothing { .. } => "name the build with --ci-build-id ID",
        };
        vec![hint.to_owned()]
    }
}
