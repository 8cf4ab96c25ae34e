//! Who submits, from where, and which commit.

use super::git;
use super::request::Surroundings;
use part_core::Source;
use std::path::Path;

const USER: [&str; 3] = ["USER", "LOGNAME", "USERNAME"];
/// CI systems check out a commit without a branch; these name it. The branch of a pull request comes first.
const BRANCH: [&str; 9] = [
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_COMMIT_REF_NAME",
    "BUILDKITE_BRANCH",
    "CIRCLE_BRANCH",
    "BUILD_SOURCEBRANCHNAME",
    "BITBUCKET_BRANCH",
    "TRAVIS_BRANCH",
    "BRANCH_NAME",
];
const COMMIT: [&str; 7] = [
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "BUILDKITE_COMMIT",
    "CIRCLE_SHA1",
    "BUILD_SOURCEVERSION",
    "BITBUCKET_COMMIT",
    "TRAVIS_COMMIT",
];

/// Where a submission of the workspace comes from. What cannot be found out is empty.
pub(crate) fn source(root: &Path, surroundings: &Surroundings) -> Source {
    let head = git::head(root);
    let first =
        |names: &[&str]| names.iter().find_map(|name| surroundings.variable(name)).unwrap_or_default();
    let or = |found: String, names: &[&str]| if found.is_empty() { first(names) } else { found };
    Source {
        user: Some(first(&USER)).filter(|user| !user.is_empty()).or_else(user_of_process).unwrap_or_default(),
        host: surroundings.host.clone(),
        commit: or(head.commit, &COMMIT),
        branch: or(head.branch, &BRANCH),
        rerun_of: None,
        ci: String::new(),
        url: String::new(),
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
