//! What part.toml and flags make of a submission.

use super::*;
use crate::resolve::reproduce;
use part_core::{Millis, Workspace};

const PART: &str = r#"
[project]
name = "shop"
[run]
max-failures = 10
workers = 3
[suites.e2e]
framework = "playwright"
timeout = "5m"
retries = 1
requires = ["os=linux"]
env = { BASE_URL = "http://localhost", LEVEL = "suite" }
[groups.a]
requires = ["label.gpu"]
env = { LEVEL = "group" }
idle-timeout = "2m"
copy-workspace = true
"#;

#[test]
fn flags_win_over_groups_over_suites_over_tables() {
    let workshop = Workshop::new(PART, &["a.spec.ts"]);
    let plain = workshop.resolve(&Selection::default(), &Overrides::default()).expect("resolves");
    let group = &plain.submission.groups[0];
    assert_eq!(group.requirements.to_string(), "label.gpu and os=linux");
    assert_eq!((group.policy.retries, group.recipe.copy_workspace), (1, true));
    assert_eq!(group.recipe.timeout, Some(Millis::seconds(300)));
    assert_eq!(group.recipe.idle_timeout, Some(Millis::seconds(120)));
    assert_eq!(group.recipe.env["LEVEL"], "group");
    assert_eq!((plain.submission.policy.max_failures, plain.workers), (Some(10), Some(3)));
    assert_eq!(plain.submission.project, "shop");
    assert_eq!(
        (plain.submission.build.as_str(), plain.identity.origin.words()),
        ("local-000000abcd", "made up for this submit".to_owned())
    );
    assert_eq!(plain.submission.workspace, Workspace::InPlace(workshop.root().display().to_string()));
    assert_eq!(
        (plain.submission.source.user.as_str(), plain.submission.source.host.as_str()),
        ("someone", "here")
    );

    let overrides = Overrides {
        browser: Some("firefox".to_owned()),
        env: vec![("LEVEL".to_owned(), "flag".to_owned())],
        timeout: Some(crate::config::TimeLimit::Length(Millis::ZERO)),
        retries: Some(4),
        max_failures: Some(2),
        build_id: Some("nightly-7".to_owned()),
        require: vec!["os.version>=12".to_owned()],
        lost_after: Some(Millis::seconds(90)),
        ..Overrides::default()
    };
    let flagged = workshop.resolve(&Selection::default(), &overrides).expect("resolves");
    let group = &flagged.submission.groups[0];
    assert_eq!(
        group.requirements.to_string(),
        "browser.firefox and label.gpu and os.version>=12 and os=linux"
    );
    assert_eq!((group.policy.retries, group.recipe.timeout), (4, None));
    assert_eq!(group.recipe.env["LEVEL"], "flag");
    assert_eq!(flagged.submission.policy.max_failures, Some(2));
    assert_eq!(flagged.submission.policy.lost_after, Some(Millis::seconds(90)));
    assert_eq!(
        (flagged.submission.build.as_str(), flagged.identity.origin.words()),
        ("nightly-7", "--ci-build-id".to_owned())
    );
    // What flags set may be secret: people are shown what part.toml says.
    let line = reproduce(&flagged.submission, "a", "a.spec.ts").expect("a line");
    assert!(
        line.contains("LEVEL=group") && line.contains("--browser=firefox") && line.contains("a.spec.ts"),
        "{line}"
    );
}

#[test]
fn wrong_flags_are_named() {
    let workshop = Workshop::new(PART, &["a.spec.ts"]);
    let table: [(Overrides, &str); 6] = [
        (Overrides { require: vec!["os = ".to_owned()], ..Overrides::default() }, "--require: \"os = \""),
        (
            Overrides { env: vec![("A B".to_owned(), String::new())], ..Overrides::default() },
            "--env: \"A B\"",
        ),
        (
            Overrides { env: vec![("PART_SPEC".to_owned(), String::new())], ..Overrides::default() },
            "--env: PART_SPEC",
        ),
        (Overrides { build_id: Some(" ".to_owned()), ..Overrides::default() }, "a build id cannot be empty"),
        (Overrides { retries: Some(1000), ..Overrides::default() }, "retries of group \"a\" is 1000"),
        (
            Overrides { browser: Some("opera".to_owned()), ..Overrides::default() },
            "knows no browser \"opera\"",
        ),
    ];
    for (overrides, expected) in table {
        let error = workshop.resolve(&Selection::default(), &overrides).expect_err(expected);
        let told = told(&error, &workshop.root());
        assert!(told.contains(expected) && !error.nothing_to_run(), "{told}");
    }
}
