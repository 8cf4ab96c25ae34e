//! The table, row by row: one realistic environment for each system.

mod systems;

use super::*;
use crate::ci::provider::Provider;
use crate::ci::table::PROVIDERS;
use part_core::{Expect, Joining, Millis, RunPolicy, Source, Submission, SubmissionId, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use systems::{NONE, ROWS};

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
