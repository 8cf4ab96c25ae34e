//! The CI build id: which submits belong together.

/// A build id and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildId {
    /// The id.
    pub id: String,
    /// Where it came from, for display: a flag, variables, or made up.
    pub origin: String,
}

/// A variable that names the build; looked up before any provider.
pub const BUILD_ID_VARIABLE: &str = "PART_CI_BUILD_ID";

/// A CI system whose variables name the pipeline.
struct Provider {
    /// Leads the id, so that ids of different systems never meet.
    prefix: &'static str,
    /// Set, and not empty, exactly where this provider runs us.
    sign: &'static str,
    /// Their values make up the id; all must be set. Never one that differs between the jobs of a pipeline.
    parts: &'static [&'static str],
}

const PROVIDERS: &[Provider] = &[
    Provider { prefix: "github", sign: "GITHUB_ACTIONS", parts: &["GITHUB_REPOSITORY", "GITHUB_RUN_ID"] },
    Provider { prefix: "gitlab", sign: "GITLAB_CI", parts: &["CI_PROJECT_ID", "CI_PIPELINE_ID"] },
    Provider { prefix: "buildkite", sign: "BUILDKITE", parts: &["BUILDKITE_BUILD_ID"] },
    Provider { prefix: "circleci", sign: "CIRCLECI", parts: &["CIRCLE_PIPELINE_ID"] },
    Provider { prefix: "circleci", sign: "CIRCLECI", parts: &["CIRCLE_WORKFLOW_WORKSPACE_ID"] },
    Provider { prefix: "azure", sign: "TF_BUILD", parts: &["SYSTEM_TEAMPROJECT", "BUILD_BUILDID"] },
    Provider { prefix: "bitbucket", sign: "BITBUCKET_BUILD_NUMBER", parts: &["BITBUCKET_PIPELINE_UUID"] },
    Provider { prefix: "jenkins", sign: "JENKINS_URL", parts: &["BUILD_TAG"] },
    Provider { prefix: "jenkins", sign: "JENKINS_URL", parts: &["JOB_NAME", "BUILD_NUMBER"] },
    Provider { prefix: "semaphore", sign: "SEMAPHORE", parts: &["SEMAPHORE_WORKFLOW_ID"] },
    Provider { prefix: "travis", sign: "TRAVIS", parts: &["TRAVIS_BUILD_ID"] },
];

/// The build id: what was asked for, else the variable, else the CI system's, else one made up of `random`.
pub(crate) fn build_id(
    asked: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
    random: u128,
) -> BuildId {
    if let Some(id) = asked {
        return BuildId { id: id.to_owned(), origin: "--ci-build-id".to_owned() };
    }
    let set =
        |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    if let Some(id) = set(BUILD_ID_VARIABLE) {
        return BuildId { id, origin: BUILD_ID_VARIABLE.to_owned() };
    }
    for provider in PROVIDERS.iter().filter(|provider| set(provider.sign).is_some()) {
        let parts: Option<Vec<String>> = provider.parts.iter().map(|part| set(part)).collect();
        if let Some(parts) = parts {
            let id = format!("{}:{}", provider.prefix, parts.join(":"));
            return BuildId { id, origin: provider.parts.join(" and ") };
        }
    }
    BuildId {
        id: format!("local-{:010x}", random & 0xff_ffff_ffff),
        origin: "made up for this submit".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(asked: Option<&str>, env: &[(&str, &str)]) -> (String, String) {
        let lookup =
            |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let build = build_id(asked, lookup, 0xabc);
        (build.id, build.origin)
    }

    #[test]
    fn the_nearest_source_wins() {
        let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "a/b"), ("GITHUB_RUN_ID", "7")];
        let table = [
            (made(Some("x"), &github), ("x", "--ci-build-id")),
            (
                made(None, &[github.as_slice(), &[("PART_CI_BUILD_ID", " y ")]].concat()),
                ("y", "PART_CI_BUILD_ID"),
            ),
            (made(None, &github), ("github:a/b:7", "GITHUB_REPOSITORY and GITHUB_RUN_ID")),
            (
                made(None, &[("CIRCLECI", "1"), ("CIRCLE_WORKFLOW_WORKSPACE_ID", "w")]),
                ("circleci:w", "CIRCLE_WORKFLOW_WORKSPACE_ID"),
            ),
            (made(None, &[("GITHUB_RUN_ID", "7")]), ("local-0000000abc", "made up for this submit")),
            (made(None, &[("PART_CI_BUILD_ID", " ")]), ("local-0000000abc", "made up for this submit")),
        ];
        for ((id, origin), expected) in table {
            assert_eq!((id.as_str(), origin.as_str()), expected);
        }
    }
}
