//! Who submits, from where, and which commit.

use super::git;
use super::request::Surroundings;
use crate::ci::Identity;
use part_core::Source;
use std::path::Path;

const USER: [&str; 3] = ["USER", "LOGNAME", "USERNAME"];
/// Where a submission of the workspace comes from. What cannot be found out is empty. A CI system knows commit and
/// branch best: it checks out commits without a branch, and merges that are in no repository.
pub(crate) fn source(root: &Path, surroundings: &Surroundings, identity: &Identity) -> Source {
    let head = git::head(root);
    let facts = identity.facts.clone().unwrap_or_default();
    let user = USER.iter().find_map(|name| surroundings.variable(name));
    let or = |known: String, found: String| if known.is_empty() { found } else { known };
    Source {
        user: user.or_else(user_of_process).unwrap_or_default(),
        host: surroundings.host.clone(),
        commit: or(facts.commit, head.commit),
        branch: or(facts.branch, head.branch),
        rerun_of: None,
        url: facts.url,
        ci: identity.ci(),
    }
}

/// The name of the user that this process runs as, where the environment does not say it, as in a container.
fn user_of_process() -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let id = rustix::process::getuid().as_raw().to_string();
    let found = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    found
        .filter(|fields| fields.get(2) == Some(&id.as_str()))
        .find_map(|fields| fields.first().map(|name| (*name).to_owned()))
}
