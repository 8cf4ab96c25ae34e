//! The table, row by row: one realistic environment for each system.

use super::*;
use crate::ci::provider::Provider;
use crate::ci::table::PROVIDERS;
use part_core::{Expect, Joining, Millis, RunPolicy, Source, Submission, SubmissionId, Workspace};
use std::collections::{BTreeMap, BTreeSet};

/// A system's environment and what follows from it.
struct Row {
    name: &'static str,
    env: &'static [(&'static str, &'static str)],
    build: &'static str,
    /// The number, and the variable that says it; 0 where the leader counts.
    attempt: (u32, &'static str),
    commit: &'static str,
    branch: &'static str,
    url: &'static str,
}

const NONE: (u32, &str) = (0, "");

const ROWS: &[Row] = &[
    Row {
        name: "AppVeyor",
        env: &[
            ("APPVEYOR", "True"),
            ("APPVEYOR_URL", "https://ci.appveyor.com"),
            ("APPVEYOR_ACCOUNT_NAME", "acme"),
            ("APPVEYOR_PROJECT_SLUG", "shop"),
            ("APPVEYOR_BUILD_ID", "46311234"),
            ("APPVEYOR_BUILD_NUMBER", "417"),
            ("APPVEYOR_JOB_ID", "j8x2k"),
            ("APPVEYOR_REPO_COMMIT", "c0ffee"),
            ("APPVEYOR_REPO_BRANCH", "main"),
            ("APPVEYOR_PULL_REQUEST_HEAD_REPO_BRANCH", "feature/x"),
        ],
        build: "appveyor:ci.appveyor.com:acme/shop:46311234",
        attempt: NONE,
        commit: "c0ffee",
        branch: "feature/x",
        url: "https://ci.appveyor.com/project/acme/shop/builds/46311234",
    },
    Row {
        name: "Argo CD",
        env: &[
            ("ARGOCD_APP_NAME", "shop"),
            ("ARGOCD_APP_NAMESPACE", "prod"),
            ("ARGOCD_APP_REVISION", "c0ffee"),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", "main"),
        ],
        build: "argo-cd:prod/shop:c0ffee",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "",
    },
    Row {
        name: "Argo Workflows",
        env: &[
            ("ARGO_WORKFLOW_NAME", "shop-x7k2p"),
            ("ARGO_WORKFLOW_UID", "0c5f8a6e-1111"),
            ("ARGO_NODE_ID", "shop-x7k2p-3412"),
            ("ARGO_POD_NAME", "shop-x7k2p-e2e-3412"),
        ],
        build: "argo:0c5f8a6e-1111",
        attempt: NONE,
        commit: "",
        branch: "",
        url: "",
    },
    Row {
        name: "Azure Pipelines",
        env: &[
            ("TF_BUILD", "True"),
            ("AZURE_HTTP_USER_AGENT", "VSTS_1"),
            ("SYSTEM_COLLECTIONID", "6c3f-77"),
            ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/acme/"),
            ("SYSTEM_TEAMPROJECT", "Web Shop"),
            ("BUILD_BUILDID", "918"),
            ("BUILD_BUILDNUMBER", "20261122.4"),
            ("SYSTEM_JOBID", "12f1170f-54f2"),
            ("SYSTEM_STAGEATTEMPT", "2"),
            ("SYSTEM_JOBATTEMPT", "1"),
            ("BUILD_SOURCEVERSION", "c0ffee"),
            ("BUILD_SOURCEBRANCH", "refs/heads/feature/x"),
            ("BUILD_SOURCEBRANCHNAME", "x"),
        ],
        build: "azure:6c3f-77:Web Shop:918",
        attempt: (2, "SYSTEM_STAGEATTEMPT"),
        commit: "c0ffee",
        branch: "feature/x",
        url: "https://dev.azure.com/acme/Web Shop/_build/results?buildId=918",
    },
    Row {
        name: "AWS Amplify",
        env: &[
            ("AWS_APP_ID", "d1a2b3"),
            ("AWS_BRANCH", "main"),
            ("AWS_JOB_ID", "0000000042"),
            ("AWS_COMMIT_ID", "c0ffee"),
            ("CODEBUILD_BUILD_ID", "amplify:9f-1"),
        ],
        build: "amplify:d1a2b3:main:0000000042",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "",
    },
    Row {
        name: "AWS CodeBuild, in a batch",
        env: &[
            ("CODEBUILD_BATCH_BUILD_IDENTIFIER", "chrome_2"),
            ("CODEBUILD_BUILD_ID", "shop:5f1d-chrome"),
            ("CODEBUILD_INITIATOR", "shop:77aa-batch"),
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", "c0ffee"),
        ],
        build: "codebuild-batch:shop:77aa-batch",
        attempt: NONE,
        commit: "c0ffee",
        branch: "",
        url: "",
    },
    Row {
        name: "AWS CodeBuild",
        env: &[
            ("CODEBUILD_BUILD_ID", "shop:5f1d"),
            ("CODEBUILD_BUILD_NUMBER", "12"),
            ("CODEBUILD_INITIATOR", "codepipeline/shop"),
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", "c0ffee"),
            ("CODEBUILD_WEBHOOK_HEAD_REF", "refs/heads/main"),
        ],
        build: "codebuild:shop:5f1d",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "",
    },
    Row {
        name: "Bamboo",
        env: &[
            ("bamboo_buildNumber", "8"),
            ("bamboo_planKey", "ACME-SHOP"),
            ("bamboo_buildKey", "ACME-SHOP-JOB1"),
            ("bamboo_resultsUrl", "https://bamboo.acme.example:8085/browse/ACME-SHOP-JOB1-8"),
            ("bamboo_planRepository_revision", "c0ffee"),
            ("bamboo_planRepository_branch", "main"),
        ],
        build: "bamboo:bamboo.acme.example:8085:ACME-SHOP:8",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://bamboo.acme.example:8085/browse/ACME-SHOP-JOB1-8",
    },
    Row {
        name: "Bitbucket Pipelines",
        env: &[
            ("BITBUCKET_BUILD_NUMBER", "31"),
            ("BITBUCKET_REPO_FULL_NAME", "acme/shop"),
            ("BITBUCKET_PIPELINE_UUID", "{5b4c}"),
            ("BITBUCKET_STEP_UUID", "{77aa}"),
            ("BITBUCKET_STEP_RUN_NUMBER", "3"),
            ("BITBUCKET_GIT_HTTP_ORIGIN", "https://bitbucket.org/acme/shop"),
            ("BITBUCKET_COMMIT", "c0ffee"),
            ("BITBUCKET_BRANCH", "main"),
        ],
        build: "bitbucket:acme/shop:{5b4c}",
        attempt: (3, "BITBUCKET_STEP_RUN_NUMBER"),
        commit: "c0ffee",
        branch: "main",
        url: "https://bitbucket.org/acme/shop/pipelines/results/31",
    },
    Row {
        name: "Buddy",
        env: &[
            ("BUDDY", "true"),
            ("BUDDY_WORKSPACE_DOMAIN", "acme"),
            ("BUDDY_PROJECT_NAME", "shop"),
            ("BUDDY_PIPELINE_ID", "77"),
            ("BUDDY_RUN_ID", "5"),
            ("BUDDY_RUN_URL", "https://app.buddy.works/acme/shop/pipelines/77/runs/5"),
            ("BUDDY_RUN_COMMIT", "c0ffee"),
            ("BUDDY_RUN_BRANCH", "main"),
        ],
        build: "buddy:app.buddy.works:acme/shop/77:5",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://app.buddy.works/acme/shop/pipelines/77/runs/5",
    },
    Row {
        name: "Bitrise",
        env: &[
            ("BITRISE_IO", "true"),
            ("BITRISE_APP_SLUG", "be69d4"),
            ("BITRISE_BUILD_SLUG", "77aa01"),
            ("BITRISE_BUILD_NUMBER", "12"),
            ("BITRISE_BUILD_URL", "https://app.bitrise.io/build/77aa01"),
            ("BITRISE_GIT_COMMIT", "c0ffee"),
            ("BITRISE_GIT_BRANCH", "main"),
        ],
        build: "bitrise:be69d4:77aa01",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://app.bitrise.io/build/77aa01",
    },
    Row {
        name: "Buildkite",
        env: &[
            ("BUILDKITE", "true"),
            ("BUILDKITE_ORGANIZATION_SLUG", "acme"),
            ("BUILDKITE_PIPELINE_SLUG", "shop"),
            ("BUILDKITE_BUILD_ID", "0193-aa"),
            ("BUILDKITE_BUILD_NUMBER", "418"),
            ("BUILDKITE_JOB_ID", "0193-job"),
            ("BUILDKITE_RETRY_COUNT", "1"),
            ("BUILDKITE_BUILD_URL", "https://buildkite.com/acme/shop/builds/418"),
            ("BUILDKITE_COMMIT", "c0ffee"),
            ("BUILDKITE_BRANCH", "main"),
        ],
        build: "buildkite:acme/shop:0193-aa",
        attempt: (2, "BUILDKITE_RETRY_COUNT"),
        commit: "c0ffee",
        branch: "main",
        url: "https://buildkite.com/acme/shop/builds/418",
    },
    Row {
        name: "CircleCI",
        env: &[
            ("CIRCLECI", "true"),
            ("CIRCLE_PIPELINE_ID", "5034460f"),
            ("CIRCLE_WORKFLOW_ID", "wf-2"),
            ("CIRCLE_WORKFLOW_WORKSPACE_ID", "wf-1"),
            ("CIRCLE_WORKFLOW_JOB_ID", "job-9"),
            ("CIRCLE_BUILD_NUM", "912"),
            ("CIRCLE_SHA1", "c0ffee"),
            ("CIRCLE_BRANCH", "main"),
        ],
        build: "circleci:5034460f",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://app.circleci.com/pipelines/workflows/wf-2",
    },
    Row {
        name: "CloudBees Unify",
        env: &[
            ("CLOUDBEES_WORKSPACE", "/cloudbees/workspace"),
            ("CLOUDBEES_RUN_ID", "9c-41"),
            ("CLOUDBEES_RUN_ATTEMPT", "2"),
        ],
        build: "cloudbees:9c-41",
        attempt: (2, "CLOUDBEES_RUN_ATTEMPT"),
        commit: "",
        branch: "",
        url: "",
    },
    Row {
        name: "Concourse",
        env: &[
            ("CONCOURSE_TEAM", "main"),
            ("ATC_EXTERNAL_URL", "https://ci.acme.example"),
            ("BUILD_TEAM_NAME", "main"),
            ("BUILD_PIPELINE_NAME", "shop"),
            ("BUILD_JOB_NAME", "e2e"),
            ("BUILD_NAME", "7"),
            ("BUILD_ID", "40412"),
        ],
        build: "concourse:ci.acme.example:main/shop:40412",
        attempt: NONE,
        commit: "",
        branch: "",
        url: "https://ci.acme.example/builds/40412",
    },
    Row {
        name: "Codefresh",
        env: &[
            ("CF_BUILD_ID", "638f"),
            ("CF_REPO_OWNER", "acme"),
            ("CF_REPO_NAME", "shop"),
            ("CF_CURRENT_ATTEMPT", "2"),
            ("CF_BUILD_URL", "https://g.codefresh.io/build/638f"),
            ("CF_STEP_NAME", "e2e"),
            ("CF_REVISION", "c0ffee"),
            ("CF_BRANCH", "main"),
        ],
        build: "codefresh:acme/shop:638f",
        attempt: (2, "CF_CURRENT_ATTEMPT"),
        commit: "c0ffee",
        branch: "main",
        url: "https://g.codefresh.io/build/638f",
    },
    Row {
        name: "Codeship Basic",
        env: &[
            ("CI_NAME", "codeship"),
            ("CODESHIP", "TRUE"),
            ("CI_PROJECT_ID", "11"),
            ("CI_BUILD_NUMBER", "417"),
            ("CI_BUILD_ID", "90210"),
            ("CI_BUILD_URL", "https://app.codeship.com/projects/11/builds/417"),
            ("CI_COMMIT_ID", "c0ffee"),
            ("CI_BRANCH", "main"),
        ],
        build: "codeship:11:417",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://app.codeship.com/projects/11/builds/417",
    },
    Row {
        name: "Codeship Pro",
        env: &[
            ("CI_NAME", "codeship"),
            ("CI_PROJECT_ID", "11"),
            ("CI_BUILD_ID", "0f4c"),
            ("CI_COMMIT_ID", "c0ffee"),
            ("CI_BRANCH", "main"),
        ],
        build: "codeship-pro:11:0f4c",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "",
    },
    Row {
        name: "Harness",
        env: &[
            ("HARNESS_ACCOUNT_ID", "acct"),
            ("HARNESS_ORG_ID", "acme"),
            ("HARNESS_PROJECT_ID", "shop"),
            ("HARNESS_PIPELINE_ID", "e2e"),
            ("HARNESS_BUILD_ID", "41"),
            ("HARNESS_EXECUTION_ID", "Xk2-9"),
            ("DRONE", "true"),
            ("DRONE_BUILD_NUMBER", "41"),
            ("DRONE_BUILD_LINK", "https://app.harness.io/41"),
            ("DRONE_COMMIT_SHA", "c0ffee"),
            ("DRONE_SOURCE_BRANCH", "main"),
        ],
        build: "harness:acct/acme/shop:Xk2-9",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://app.harness.io/41",
    },
    Row {
        name: "Drone",
        env: &[
            ("DRONE", "true"),
            ("DRONE_SYSTEM_HOST", "drone.acme.example"),
            ("DRONE_REPO", "acme/shop"),
            ("DRONE_BUILD_NUMBER", "42"),
            ("DRONE_BUILD_LINK", "https://drone.acme.example/acme/shop/42"),
            ("DRONE_COMMIT_SHA", "c0ffee"),
            ("DRONE_SOURCE_BRANCH", "feature/x"),
            ("DRONE_BRANCH", "main"),
        ],
        build: "drone:drone.acme.example:acme/shop:42",
        attempt: NONE,
        commit: "c0ffee",
        branch: "feature/x",
        url: "https://drone.acme.example/acme/shop/42",
    },
    Row {
        name: "GitHub Actions",
        env: &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "1658821493"),
            ("GITHUB_RUN_NUMBER", "77"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_JOB", "e2e"),
            ("GITHUB_SHA", "c0ffee"),
            ("GITHUB_HEAD_REF", "feature/x"),
            ("GITHUB_REF_NAME", "12/merge"),
        ],
        build: "github:github.com:acme/shop:1658821493",
        attempt: (2, "GITHUB_RUN_ATTEMPT"),
        commit: "c0ffee",
        branch: "feature/x",
        url: "https://github.com/acme/shop/actions/runs/1658821493/attempts/2",
    },
    Row {
        name: "GitLab",
        env: &[
            ("GITLAB_CI", "true"),
            ("CI_SERVER_HOST", "gitlab.acme.example"),
            ("CI_PROJECT_ID", "12"),
            ("CI_PIPELINE_ID", "345"),
            ("CI_PIPELINE_URL", "https://gitlab.acme.example/acme/shop/-/pipelines/345"),
            ("CI_JOB_ID", "8001"),
            ("CI_BUILD_ID", "8001"),
            ("CI_COMMIT_SHA", "c0ffee"),
            ("CI_COMMIT_REF_NAME", "main"),
        ],
        build: "gitlab:gitlab.acme.example:12:345",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://gitlab.acme.example/acme/shop/-/pipelines/345",
    },
    Row {
        name: "GoCD",
        env: &[
            ("GO_SERVER_URL", "https://go.acme.example:8154/go"),
            ("GO_PIPELINE_NAME", "shop"),
            ("GO_PIPELINE_COUNTER", "31"),
            ("GO_STAGE_NAME", "e2e"),
            ("GO_STAGE_COUNTER", "2"),
            ("GO_JOB_NAME", "chrome"),
            ("GO_REVISION", "c0ffee"),
        ],
        build: "gocd:go.acme.example:8154:shop:31",
        attempt: (2, "GO_STAGE_COUNTER"),
        commit: "c0ffee",
        branch: "",
        url: "https://go.acme.example:8154/go/pipelines/shop/31/e2e/2",
    },
    Row {
        name: "Jenkins",
        env: &[
            ("JENKINS_URL", "https://jenkins.acme.example/"),
            ("BUILD_TAG", "jenkins-shop-e2e-12"),
            ("JOB_NAME", "shop-e2e"),
            ("BUILD_NUMBER", "12"),
            ("BUILD_ID", "12"),
            ("BUILD_URL", "https://jenkins.acme.example/job/shop-e2e/12/"),
            ("GIT_COMMIT", "c0ffee"),
            ("GIT_BRANCH", "origin/feature/x"),
            // Agents in a cloud have this, which says nothing of Cloud Build.
            ("GOOGLE_CLOUD_PROJECT", "acme"),
        ],
        build: "jenkins:jenkins.acme.example:jenkins-shop-e2e-12",
        attempt: NONE,
        commit: "c0ffee",
        branch: "feature/x",
        url: "https://jenkins.acme.example/job/shop-e2e/12/",
    },
    Row {
        name: "Semaphore",
        env: &[
            ("SEMAPHORE", "true"),
            ("SEMAPHORE_ORGANIZATION_URL", "https://acme.semaphoreci.com"),
            ("SEMAPHORE_WORKFLOW_ID", "65c398bb"),
            ("SEMAPHORE_PIPELINE_ID", "ea3e6bba"),
            ("SEMAPHORE_JOB_ID", "a26d42cf"),
            ("SEMAPHORE_GIT_SHA", "c0ffee"),
            ("SEMAPHORE_GIT_BRANCH", "main"),
        ],
        build: "semaphore:65c398bb",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://acme.semaphoreci.com/workflows/65c398bb",
    },
    Row {
        name: "TeamCity",
        env: &[
            ("TEAMCITY_VERSION", "2026.1"),
            ("TEAMCITY_PROJECT_NAME", "Shop"),
            ("TEAMCITY_BUILDCONF_NAME", "End to end"),
            ("BUILD_NUMBER", "77"),
            ("BUILD_URL", "https://tc.acme.example/buildConfiguration/Shop_E2e/4711"),
            ("BUILD_VCS_NUMBER", "c0ffee"),
        ],
        build: "teamcity:tc.acme.example:Shop/End to end:77",
        attempt: NONE,
        commit: "c0ffee",
        branch: "",
        url: "https://tc.acme.example/buildConfiguration/Shop_E2e/4711",
    },
    Row {
        name: "Travis CI",
        env: &[
            ("TRAVIS", "true"),
            ("TRAVIS_REPO_SLUG", "acme/shop"),
            ("TRAVIS_BUILD_ID", "225"),
            ("TRAVIS_JOB_ID", "226"),
            ("TRAVIS_BUILD_WEB_URL", "https://app.travis-ci.com/acme/shop/builds/225"),
            ("TRAVIS_COMMIT", "merge"),
            ("TRAVIS_PULL_REQUEST_SHA", "c0ffee"),
            ("TRAVIS_BRANCH", "main"),
            ("TRAVIS_PULL_REQUEST_BRANCH", "feature/x"),
        ],
        build: "travis:app.travis-ci.com:acme/shop:225",
        attempt: NONE,
        commit: "c0ffee",
        branch: "feature/x",
        url: "https://app.travis-ci.com/acme/shop/builds/225",
    },
    Row {
        name: "Netlify",
        env: &[
            ("NETLIFY", "true"),
            ("SITE_ID", "3970e0"),
            ("SITE_NAME", "shop"),
            ("BUILD_ID", "5d4aeac2"),
            ("DEPLOY_ID", "5d4a9a"),
            ("COMMIT_REF", "c0ffee"),
            ("BRANCH", "main"),
        ],
        build: "netlify:3970e0:5d4aeac2",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://app.netlify.com/sites/shop/deploys/5d4a9a",
    },
    Row {
        name: "Google Cloud Build",
        env: &[
            ("GOOGLE_CLOUD_PROJECT", "acme"),
            ("PROJECT_ID", "acme"),
            ("BUILD_ID", "b61b-77"),
            ("COMMIT_SHA", "c0ffee"),
            ("BRANCH_NAME", "main"),
        ],
        build: "google:acme:b61b-77",
        attempt: NONE,
        commit: "c0ffee",
        branch: "main",
        url: "https://console.cloud.google.com/cloud-build/builds/b61b-77?project=acme",
    },
];

fn map<'a>(env: impl IntoIterator<Item = &'a (&'static str, &'static str)>) -> BTreeMap<String, String> {
    env.into_iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn found(env: &BTreeMap<String, String>) -> Result<Identity, IdentityError> {
    identify(Asked::default(), Env(env), 0xabc)
}

#[test]
fn every_system_is_known_by_its_variables() {
    let rows: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    let table: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name).collect();
    assert_eq!(rows, table, "one row for each system, in the table's order");
    for row in ROWS {
        let identity = found(&map(row.env)).expect(row.name);
        assert_eq!(identity.build, row.build, "{}", row.name);
        let attempt = identity.attempt.map_or(NONE, |attempt| (attempt.number, attempt.by));
        assert_eq!(attempt, row.attempt, "{}", row.name);
        let facts = identity.facts.clone().expect(row.name);
        assert_eq!(
            (facts.provider, facts.commit.as_str(), facts.branch.as_str(), facts.url.as_str()),
            (row.name, row.commit, row.branch, row.url)
        );
        assert!(identity.is_known() && identity.ci().starts_with(row.name), "{}", identity.ci());
        let Origin::Ci { variables, .. } = &identity.origin else { panic!("{}", row.name) };
        for variable in variables {
            assert!(identity.ci().contains(variable) && map(row.env).contains_key(*variable), "{}", row.name);
        }
    }
}

#[test]
fn ids_of_different_systems_and_projects_never_meet() {
    let builds: BTreeSet<&str> = ROWS.iter().map(|row| row.build).collect();
    assert_eq!(builds.len(), ROWS.len());
    let keys: BTreeSet<&str> = PROVIDERS.iter().map(|provider| provider.key).collect();
    assert_eq!(keys.len(), PROVIDERS.len());
    // What names a job is in no lineage.
    let of_jobs = ["JOB_ID", "JOBID", "STEP_UUID", "JOB_URL", "POD_NAME", "NODE_ID", "_buildKey", "CI_JOB"];
    for provider in PROVIDERS {
        for template in provider.lineage {
            let per_job = of_jobs.iter().find(|job| template.contains(**job));
            // What Amplify calls a job is the whole build.
            assert!(per_job.is_none() || template.contains("AWS_JOB_ID"), "{}: {template}", provider.name);
        }
    }
}

#[test]
fn without_the_build_the_error_names_what_is_missing() {
    let table: [(&[(&str, &str)], &str); 6] = [
        (
            &[("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "a/b"), ("GITHUB_RUN_ID", " ")],
            "this is GitHub Actions (GITHUB_ACTIONS is set), but GITHUB_RUN_ID is not set, which names the build",
        ),
        (
            &[("JENKINS_HOME", "/var/jenkins"), ("JOB_NAME", "shop")],
            "this is Jenkins (JENKINS_HOME is set), but BUILD_TAG or BUILD_NUMBER is not set, which names the build",
        ),
        (
            &[("CONCOURSE_URL", "x"), ("BUILD_TEAM_NAME", "main")],
            "this is Concourse (CONCOURSE_URL is set), but BUILD_PIPELINE_NAME and BUILD_ID or BUILD_ID is not set, \
             which names the build",
        ),
        (
            &[("CLOUDBEES_WORKSPACE", "/w")],
            "this is CloudBees Unify (CLOUDBEES_WORKSPACE is set), but CLOUDBEES_RUN_ID is not set, which names the \
             build",
        ),
        (
            &[("GITLAB_CI", "true")],
            "this is GitLab (GITLAB_CI is set), but CI_PROJECT_ID and CI_PIPELINE_ID is not set, which names the build",
        ),
        (
            &[
                ("GITHUB_ACTIONS", "1"),
                ("GITHUB_REPOSITORY", "a/b"),
                ("GITHUB_RUN_ID", "1"),
                ("GITHUB_RUN_ATTEMPT", "x"),
            ],
            "GITHUB_RUN_ATTEMPT is \"x\", which is no number of an attempt",
        ),
    ];
    for (env, expected) in table {
        let env = map(env);
        let error = found(&env).expect_err(expected);
        assert_eq!(error.to_string(), expected);
        assert!(error.hints()[0].contains("--ci-build-id") || error.hints()[0].contains("--attempt"));
        // Whoever names the build needs none of it.
        let asked = identify(Asked { build: Some("x"), attempt: None }, Env(&env), 1).expect("it is named");
        assert_eq!((asked.build.as_str(), asked.attempt), ("x", None));
    }
    for provider in PROVIDERS {
        let all = ROWS.iter().find(|row| row.name == provider.name).map(|row| map(row.env)).expect("a row");
        for template in provider.lineage {
            assert!(Env(&all).fill(template).is_ok() || provider.lineage.len() > 1, "{template}");
        }
    }
}

#[test]
fn empty_variables_and_signs_of_command_lines_are_no_ci_system() {
    let table: [&[(&str, &str)]; 7] = [
        &[],
        &[("GITHUB_ACTIONS", ""), ("GITHUB_REPOSITORY", "a/b"), ("GITHUB_RUN_ID", "7")],
        &[("CI", "true"), ("BUILD_ID", "7")],
        &[("GOOGLE_CLOUD_PROJECT", "acme")],
        &[("DRONE_SERVER", "https://drone"), ("DRONE_TOKEN", "x")],
        &[("HARNESS_ACCOUNT_ID", "x"), ("HARNESS_PLATFORM_API_KEY", "y")],
        &[("ARGOCD_APP_NAME", "shop"), ("AWS_APP_ID", "d1")],
    ];
    for env in table {
        let identity = found(&map(env)).expect("nothing is wrong");
        assert_eq!((identity.build.as_str(), identity.ci().as_str()), ("local-0000000abc", ""), "{env:?}");
        assert!(!identity.is_known() && identity.facts.is_none());
    }
}

#[test]
fn of_two_systems_the_more_special_one_counts() {
    let both = |one: &str, other: &str| {
        let rows = ROWS.iter().filter(|row| [one, other].contains(&row.name));
        found(&map(rows.flat_map(|row| row.env))).map(|identity| identity.facts.map(|facts| facts.provider))
    };
    let table = [
        ("AWS Amplify", "AWS CodeBuild", "AWS Amplify"),
        ("Harness", "Drone", "Harness"),
        ("AWS CodeBuild", "AWS CodeBuild, in a batch", "AWS CodeBuild, in a batch"),
        ("GitHub Actions", "Google Cloud Build", "GitHub Actions"),
        ("Netlify", "Google Cloud Build", "Netlify"),
        ("GitLab", "Jenkins", "GitLab"),
    ];
    for (one, other, expected) in table {
        assert_eq!(both(one, other), Ok(Some(expected)), "{one} and {other}");
    }
    // Another one's variable that begins with the name of a system.
    let server =
        map(&[("CI_SERVER_NAME", "GitLab Dedicated"), ("CI_PROJECT_ID", "1"), ("CI_PIPELINE_ID", "2")]);
    assert_eq!(found(&server).map(|identity| identity.build), Ok("gitlab:1:2".to_owned()));
}

#[test]
fn what_is_asked_for_wins_and_is_used_as_it_is() {
    let github = ROWS.iter().find(|row| row.name == "GitHub Actions").map(|row| map(row.env)).expect("a row");
    let asked =
        |build, attempt, env: &BTreeMap<String, String>| identify(Asked { build, attempt }, Env(env), 7);
    let by_flag = asked(Some("nightly 7"), None, &github).expect("it is named");
    assert_eq!(by_flag.build, "nightly 7");
    assert_eq!((by_flag.origin.words().as_str(), by_flag.attempt), ("--ci-build-id", None));
    assert_eq!(by_flag.ci(), "GitHub Actions, build id by --ci-build-id");
    assert_eq!(by_flag.facts.as_ref().map(|facts| facts.commit.as_str()), Some("c0ffee"));

    let mut env = github.clone();
    env.insert("PART_CI_BUILD_ID".to_owned(), " y ".to_owned());
    let by_variable = asked(None, Some(4), &env).expect("it is named");
    assert_eq!((by_variable.build.as_str(), by_variable.origin.words().as_str()), ("y", "PART_CI_BUILD_ID"));
    assert_eq!(by_variable.attempt.map(|attempt| (attempt.number, attempt.by)), Some((4, "--attempt")));
    let by_system = asked(None, Some(4), &github).expect("it is found");
    assert_eq!(by_system.attempt.map(|attempt| attempt.number), Some(4));

    let nothing = asked(None, Some(2), &BTreeMap::new()).expect_err("of what?");
    assert_eq!(nothing.to_string(), "--attempt 2 says which attempt of a build, but no build is known");
    // Two submits without a build never get the same id.
    let made = |random| identify(Asked::default(), Env(&BTreeMap::new()), random).map(|made| made.build);
    assert_ne!(made(1), made(2));
}

#[test]
fn counters_that_begin_at_nothing_are_raised() {
    let azure = |stage: &'static str, job: &'static str| {
        let env = map(&[
            ("TF_BUILD", "True"),
            ("SYSTEM_TEAMPROJECT", "p"),
            ("BUILD_BUILDID", "1"),
            ("SYSTEM_STAGEATTEMPT", stage),
            ("SYSTEM_JOBATTEMPT", job),
        ]);
        found(&env).map(|identity| identity.attempt.map(|attempt| (attempt.number, attempt.by)))
    };
    assert_eq!(azure("", ""), Ok(None));
    assert_eq!(azure("1", "1"), Ok(Some((1, "SYSTEM_STAGEATTEMPT"))));
    assert_eq!(azure("2", "3"), Ok(Some((3, "SYSTEM_JOBATTEMPT"))));
    assert_eq!(azure("0", ""), Ok(Some((1, "SYSTEM_STAGEATTEMPT"))));
    assert!(azure("99999999999", "").is_err());
}

fn submission(policy: RunPolicy) -> Submission {
    Submission {
        id: SubmissionId(1),
        project: "shop".into(),
        build: "x".into(),
        joining: Joining::Never,
        past: Vec::new(),
        run_all: false,
        source: Source::default(),
        workspace: Workspace::InPlace("/".into()),
        policy,
        content: None,
        groups: Vec::new(),
    }
}

#[test]
fn who_joins_what() {
    let github = ROWS.iter().find(|row| row.name == "GitHub Actions").map(|row| map(row.env)).expect("a row");
    let gitlab = ROWS.iter().find(|row| row.name == "GitLab").map(|row| map(row.env)).expect("a row");
    let known = found(&github).expect("it is known");
    let counted = found(&gitlab).expect("it is known");
    let made_up = found(&BTreeMap::new()).expect("it is made up");
    let mesh = Company { alone: false, waits: false };
    let waits = Company { alone: false, waits: true };
    let local = Company { alone: true, waits: false };
    let table = [
        (&known, mesh, Joining::Attempt(2)),
        (&known, local, Joining::Never),
        (&counted, mesh, Joining::Current),
        (&counted, waits, Joining::Current),
        (&made_up, mesh, Joining::Never),
        (&made_up, waits, Joining::Current),
        (&made_up, Company { alone: true, waits: true }, Joining::Never),
    ];
    for (identity, company, expected) in table {
        let policy = RunPolicy {
            completion_delay: Millis::seconds(60),
            expect: Some(Expect::Count(2)),
            ..RunPolicy::default()
        };
        let mut submission = submission(policy.clone());
        join(&mut submission, identity, company);
        assert_eq!(submission.joining, expected, "{identity:?} {company:?}");
        // Nobody is waited for in a run that nobody can join.
        let waited = if expected == Joining::Never {
            RunPolicy { completion_delay: Millis::ZERO, expect: None, ..policy }
        } else {
            policy
        };
        assert_eq!(submission.policy, waited);
    }
}

#[test]
fn the_first_line_says_build_attempt_and_run() {
    let github = ROWS.iter().find(|row| row.name == "GitHub Actions").map(|row| map(row.env)).expect("a row");
    let known = found(&github).expect("it is known");
    let made_up = found(&BTreeMap::new()).expect("it is made up");
    let line = |identity, joining, attempt, joined: Option<&str>| {
        let line = BuildLine { identity, joining, attempt, joined: joined.map(str::to_owned) };
        (line.text(), line.hint().unwrap_or_default())
    };
    let table = [
        (
            line(&known, Joining::Attempt(2), 2, Some("run_4aq")),
            "build github:github.com:acme/shop:1658821493 (GitHub Actions: GITHUB_SERVER_URL and GITHUB_REPOSITORY \
             and GITHUB_RUN_ID), attempt 2 (GITHUB_RUN_ATTEMPT), joins run run_4aq",
            "",
        ),
        (
            line(&known, Joining::Attempt(3), 3, None),
            "build github:github.com:acme/shop:1658821493 (GitHub Actions: GITHUB_SERVER_URL and GITHUB_REPOSITORY \
             and GITHUB_RUN_ID), attempt 3, a new run",
            "",
        ),
        (
            line(&made_up, Joining::Never, 1, None),
            "build local-0000000abc (made up for this submit), attempt 1",
            "nobody joins this run; for several submits in one run give all of them the same --ci-build-id ID",
        ),
        (
            line(&made_up, Joining::Current, 0, None),
            "build local-0000000abc (made up for this submit), a new run",
            "others join with --ci-build-id local-0000000abc",
        ),
    ];
    for ((text, hint), expected, expected_hint) in table {
        assert_eq!((text.as_str(), hint.as_str()), (expected, expected_hint));
    }
}

/// The rows of the documentation's table.
fn documented() -> Vec<String> {
    let code = |text: &str| format!("`{text}`");
    let row = |provider: &Provider| {
        let server = provider.server.iter().map(|name| format!("host of {}", code(name)));
        let server = server.collect::<Vec<_>>().join(" or ");
        let lineage: Vec<String> =
            provider.lineage.iter().map(|template| code(&template.replace(['{', '}'], ""))).collect();
        let id =
            [server, lineage.join(" or ")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        format!(
            "| {} | {} | `{}:` + {} | {} |",
            provider.name,
            provider.sign.words(),
            provider.key,
            id.join(" + "),
            provider.counter.words(),
        )
    };
    PROVIDERS.iter().map(row).collect()
}

#[test]
fn the_documentation_has_every_row() {
    let text = include_str!("../../../docs/ci.md");
    let rows = documented();
    let missing: Vec<&String> = rows.iter().filter(|row| !text.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/ci.md lacks these rows:\n{}", rows.join("\n"));
}
