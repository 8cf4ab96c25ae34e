//! The identity of a build.

use super::env::Env;
use super::error::IdentityError;
use super::provider::{Counter, Facts, Provider};
use super::table::PROVIDERS;
use crate::env::PART_CI_BUILD_ID;

/// Which build a submit belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The lineage: one id over all attempts of the pipeline.
    pub build: String,
    /// Where that came from.
    pub origin: Origin,
    /// Which attempt it is; none where the leader counts.
    pub attempt: Option<Attempt>,
    /// What the CI system says besides; none where there is none.
    pub(crate) facts: Option<Facts>,
}

/// Where a build id came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Named by the user: the flag or variable.
    Asked(&'static str),
    /// A CI system's variables.
    Ci {
        /// The system.
        provider: &'static str,
        /// The variables.
        variables: Vec<&'static str>,
    },
    /// Made up for this submit, at random.
    MadeUp,
}

/// An attempt of a build, as it is known before anybody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// What it counts.
    pub counted: Counted,
    /// The flag or variable that says it.
    pub by: &'static str,
}

/// What an attempt's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Tries of the whole pipeline: all its jobs have the same number.
    Build,
    /// Tries of this job or stage: others may have got further, or not as far.
    Job,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// `--ci-build-id`.
    pub(crate) build: Option<&'a str>,
    /// `--attempt`.
    pub(crate) attempt: Option<u32>,
}

/// Finds out which build a submit belongs to: what was asked for, else the variable, else the CI system's, else one
/// made up of `random`.
///
/// # Errors
/// The CI system is known and its build is not, an attempt is no number, or one was asked for of no known build.
pub(crate) fn identify(asked: Asked<'_>, env: Env<'_>, random: u128) -> Result<Identity, IdentityError> {
    let found = PROVIDERS.iter().find_map(|provider| Some((provider, provider.sign.found(env)?)));
    let facts = found.map(|(provider, _)| provider.facts(env));
    let named = asked.build.map(|id| (id, "--ci-build-id"));
    if let Some((id, by)) = named.or_else(|| Some((env.get(PART_CI_BUILD_ID)?, PART_CI_BUILD_ID))) {
        let attempt = asked.attempt.map(Attempt::asked);
        return Ok(Identity { build: id.to_owned(), origin: Origin::Asked(by), attempt, facts });
    }
    let Some((provider, sign)) = found else {
        if let Some(attempt) = asked.attempt {
            return Err(IdentityError::AttemptOfNothing { attempt });
        }
        let build = format!("local-{:010x}", random & 0xff_ffff_ffff);
        return Ok(Identity { build, origin: Origin::MadeUp, attempt: None, facts });
    };
    let (build, variables) = provider.lineage(env, sign)?;
    let attempt = match asked.attempt {
        Some(number) => Some(Attempt::asked(number)),
        None => counted(provider, env)?,
    };
    Ok(Identity { build, origin: Origin::Ci { provider: provider.name, variables }, attempt, facts })
}

/// The attempt that a CI system's variables tell.
fn counted(provider: &Provider, env: Env<'_>) -> Result<Option<Attempt>, IdentityError> {
    let (variables, from, counted): (&[&'static str], u32, Counted) = match &provider.counter {
        Counter::Leader => return Ok(None),
        Counter::Build(variable) => (std::slice::from_ref(variable), 1, Counted::Build),
        Counter::Job { variables, from } => (variables, *from, Counted::Job),
    };
    let mut largest: Option<Attempt> = None;
    for by in variables {
        let Some(value) = env.get(by) else { continue };
        let no_number = || IdentityError::NoNumber { variable: by, value: value.to_owned() };
        let number = value.parse::<u32>().ok().and_then(|number| number.checked_add(1 - from.min(1)));
        // Some count from 0 where they promise 1.
        let number = number.ok_or_else(no_number)?.max(1);
        if largest.is_none_or(|largest| largest.number < number) {
            largest = Some(Attempt { number, counted, by });
        }
    }
    Ok(largest)
}

impl Attempt {
    fn asked(number: u32) -> Attempt {
        Attempt { number, counted: Counted::Build, by: "--attempt" }
    }
}

impl Identity {
    /// True when others can know the id without being told: it was named, or is the CI system's.
    pub fn is_known(&self) -> bool {
        match self.origin {
            Origin::Asked(_) | Origin::Ci { .. } => true,
            Origin::MadeUp => false,
        }
    }

    /// The CI system and the variables that the id came from, for people; empty where there is no such system.
    pub fn ci(&self) -> String {
        match (&self.origin, &self.facts) {
            (Origin::Asked(by), Some(facts)) => format!("{}, build id by {by}", facts.provider),
            (Origin::Ci { .. }, _) => self.origin.words(),
            (Origin::Asked(_) | Origin::MadeUp, _) => String::new(),
        }
    }
}

impl Origin {
    /// It in words: `GitHub Actions: GITHUB_REPOSITORY and GITHUB_RUN_ID`.
    pub fn words(&self) -> String {
        match self {
            Origin::Asked(by) => (*by).to_owned(),
            Origin::Ci { provider, variables } => format!("{provider}: {}", variables.join(" and ")),
            Origin::MadeUp => "made up for this submit".to_owned(),
        }
    }
}
