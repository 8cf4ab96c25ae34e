//! A CI system as data, and how it is read.

use super::env::{Env, variables};
use super::error::IdentityError;

/// A CI system: how it is known, and which of its variables say what.
///
/// Templates are text with variables as `{NAME}`; of several the first counts whose variables are all set.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its name, for people.
    pub(crate) name: &'static str,
    /// Leads the build id, so that ids of different systems never meet.
    pub(crate) key: &'static str,
    /// How it is known.
    pub(crate) sign: Sign,
    /// Addresses of the server, the first that is set: its host leads the build id where there can be several servers
    /// that count from 1. Empty where its ids are unique in the world, or there is one server only.
    pub(crate) server: &'static [&'static str],
    /// Templates of the lineage: the pipeline over its retries, never one of its jobs.
    pub(crate) lineage: &'static [&'static str],
    /// What counts its attempts.
    pub(crate) counter: Counter,
    /// Variables with the commit.
    pub(crate) commit: &'static [&'static str],
    /// Variables with the branch; that of a pull request comes first.
    pub(crate) branch: &'static [&'static str],
    /// Templates of the build's address, for people.
    pub(crate) url: &'static [&'static str],
}

/// How a CI system is known.
#[derive(Debug)]
pub(crate) enum Sign {
    /// One of these variables is set.
    Any(&'static [&'static str]),
    /// Both of these hold.
    Both(&'static Sign, &'static Sign),
    /// One of these holds.
    Either(&'static Sign, &'static Sign),
    /// A variable is set whose name begins like this.
    Prefix(&'static str),
    /// This variable's value begins like this, in any case.
    Value(&'static str, &'static str),
    /// This variable is not set.
    Not(&'static str),
}

/// What counts the attempts of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Nothing that is known to the job: the leader counts.
    Leader,
    /// A variable with one number for all jobs of the try, from 1.
    Build(&'static str),
    /// Variables that count the tries of a job, step or stage, the largest of them; `from` is what the first try has.
    Job {
        /// The variables.
        variables: &'static [&'static str],
        /// The first number: 0 or 1.
        from: u32,
    },
}

/// What a CI system says about a build besides its id. Empty where it does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Name of the system.
    pub(crate) provider: &'static str,
    /// Commit.
    pub(crate) commit: String,
    /// Branch.
    pub(crate) branch: String,
    /// Address of the build.
    pub(crate) url: String,
}

impl Sign {
    /// The variable that the system is known by here; none where this is another system, or none.
    pub(super) fn found<'e>(&self, env: Env<'e>) -> Option<&'e str> {
        match self {
            Sign::Any(names) => names.iter().find(|name| env.get(name).is_some()).copied(),
            Sign::Both(one, other) => one.found(env).filter(|_| other.found(env).is_some()),
            Sign::Either(one, other) => one.found(env).or_else(|| other.found(env)),
            Sign::Prefix(prefix) => env.with_prefix(prefix),
            Sign::Value(name, begins) => {
                let begun = env.get(name).and_then(|value| value.get(..begins.len()));
                begun.is_some_and(|begun| begun.eq_ignore_ascii_case(begins)).then_some(*name)
            }
            Sign::Not(name) => env.get(name).is_none().then_some(*name),
        }
    }

    /// It in words, for the documentation.
    #[cfg(test)]
    pub(super) fn words(&self) -> String {
        match self {
            Sign::Any(names) => join(names.iter().map(|name| format!("`{name}`")), " or "),
            Sign::Both(one, other) => format!("{} and {}", one.words(), other.words()),
            Sign::Either(one, other) => format!("{}, or {}", one.words(), other.words()),
            Sign::Prefix(prefix) => format!("any `{prefix}*`"),
            Sign::Value(name, begins) => format!("`{name}` beginning with `{begins}`"),
            Sign::Not(name) => format!("no `{name}`"),
        }
    }
}

impl Counter {
    /// It in words, for the documentation.
    #[cfg(test)]
    pub(super) fn words(&self) -> String {
        match self {
            Counter::Leader => "counted".to_owned(),
            Counter::Build(variable) => format!("`{variable}`"),
            Counter::Job { variables, from } => {
                let names = join(variables.iter().map(|name| format!("`{name}`")), " or ");
                let raised = if *from == 0 { " + 1" } else { "" };
                format!("{names}{raised}, of the job")
            }
        }
    }
}

impl Provider {
    /// The lineage and the variables that it is made of. `sign` is the variable that the system is known by.
    pub(super) fn lineage(
        &self,
        env: Env<'_>,
        sign: &str,
    ) -> Result<(String, Vec<&'static str>), IdentityError> {
        let mut missing = Vec::new();
        for template in self.lineage {
            match env.fill(template) {
                Ok(id) => {
                    let server = env.first(self.server).map(|(name, address)| (name, host(address)));
                    let named = server.map(|(name, _)| name);
                    let from = named.into_iter().chain(variables(template)).collect();
                    let parts = [Some(self.key), server.map(|(_, host)| host), Some(id.as_str())];
                    return Ok((join(parts.into_iter().flatten().map(str::to_owned), ":"), from));
                }
                Err(names) => missing.push(join(names.into_iter().map(str::to_owned), " and ")),
            }
        }
        let missing = join(missing.into_iter(), " or ");
        Err(IdentityError::Incomplete { provider: self.name, sign: sign.to_owned(), missing })
    }

    /// What it says besides.
    pub(super) fn facts(&self, env: Env<'_>) -> Facts {
        let first = |names| env.first(names).map(|(_, value)| value).unwrap_or_default();
        Facts {
            provider: self.name,
            commit: first(self.commit).to_owned(),
            branch: plain_branch(first(self.branch)).to_owned(),
            url: self.url.iter().find_map(|template| env.fill(template).ok()).unwrap_or_default(),
        }
    }
}

/// A branch without `refs/heads/`, and without the remote that git plugins lead it with.
fn plain_branch(branch: &str) -> &str {
    let branch = branch.strip_prefix("refs/remotes/").unwrap_or(branch);
    let branch = branch.strip_prefix("origin/").unwrap_or(branch);
    branch.strip_prefix("refs/heads/").unwrap_or(branch)
}

/// The host of an address, with its port.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn join(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}
