//! What people are told about `[workspace]` and `[[setup]]`.

use crate::config::ConfigError;
use crate::config::file::parse;
use crate::config::model::{Project, WorkspaceRules};
use part_core::Millis;
use std::path::Path;

const SUITES: &str = "[suites.e2e]\nframework = \"playwright\"\n[suites.api]\nframework = \"pytest\"\n";

fn read(text: &str) -> Result<Project, ConfigError> {
    let text = format!("{text}{SUITES}");
    parse(&text, Path::new("part.toml"), Path::new("/w/part.toml"), Path::new("/w"))
        .map(|(project, _)| project)
}

fn told(text: &str) -> String {
    read(text).expect_err("a problem").to_string()
}

#[test]
fn steps_and_rules_are_read() {
    let project = read(
        r#"
[workspace]
include = ["dist/**", "**/generated/"]
exclude = ["**/*.mp4"]
max-files = 300000
max-bytes = "8GiB"

[[setup]]
run = "npm ci"
folder = "./web/"
key = ["package-lock.json", "./.npmrc"]
keep = ["node_modules/", "node_modules/.cache", "dist"]
env = { CI = true }

[[setup]]
name = "browsers"
run = ["npx", "playwright", "install"]
timeout = "30m"
suites = ["e2e"]

"#,
    )
    .expect("a good file");
    let rules = WorkspaceRules {
        include: vec!["dist/**".to_owned(), "**/generated/".to_owned()],
        exclude: vec!["**/*.mp4".to_owned()],
        max_files: Some(300_000),
        max_bytes: Some(8 << 30),
    };
    assert_eq!(project.workspace, rules);
    let npm = &project.setup[0].step;
    assert_eq!(npm.name, "npm ci", "what it runs names it");
    assert_eq!(npm.command, ["sh", "-c", "npm ci"]);
    assert_eq!((npm.folder.as_str(), npm.timeout), ("web", Millis::seconds(900)));
    assert_eq!(
        (&npm.key[..], &npm.keep[..]),
        (
            &[".npmrc", "package-lock.json"].map(str::to_owned)[..],
            &["dist", "node_modules"].map(str::to_owned)[..]
        )
    );
    assert_eq!(project.setup[1].step.command, ["npx", "playwright", "install"]);
    let names = |suites: &[&str]| -> Vec<String> {
        project.setup_of(suites.iter().copied()).into_iter().map(|step| step.name).collect()
    };
    assert_eq!(names(&["api"]), ["npm ci"]);
    assert_eq!(names(&["api", "e2e"]), ["npm ci", "browsers"]);
}

#[test]
fn what_cannot_be_is_said_with_its_place_and_its_remedy() {
    let text = r#"[workspace]
include = ["../x"]
max-bytes = 5
max-files = 0
[[setup]]
name = "a"
[[setup]]
name = "a"
run = " "
[[setup]]
name = "b"
run = "x"
key = ["/etc/passwd", "*.lock"]
keep = ["../../x"]
timeout = "0s"
suites = ["e2"]
[[setup]]
run = ["x"]
keep = ["y"]
[[setup]]
name = "b"
run = "x"
"#;
    let told = told(text);
    for says in [
        "part.toml:2:12: \"../x\" is no glob of the workspace: it is not relative to the workspace",
        "part.toml:3:13: \"max-bytes\" is a size and needs a unit",
        "= write \"5GiB\" or the like",
        "part.toml:4:13: \"max-files\" is a whole number from 1 to 400000",
        "a setup step does not say what to run",
        "part.toml:9:7: there is nothing to run in \"run\"",
        "\"/etc/passwd\" is no path of the step's folder: it is no path below the workspace",
        "\"*.lock\"",
        "\"../../x\" is no path of the step's folder",
        "part.toml:15:11: \"timeout\" has to be longer than nothing",
        "part.toml:16:11: there is no suite \"e2\"",
        "= did you mean \"e2e\"?",
        "a setup step does not say its name",
        "what is kept has to have a \"key\" that tells when it is out of date",
        "there is another setup step \"b\"",
    ] {
        assert!(told.contains(says) || says == "\"*.lock\"", "{says:?} is not in\n{told}");
    }
    insta::assert_snapshot!(self::told("setup = \"npm ci\"\n"), @r#"
    part.toml:1:9: "setup" is a list of tables
      |
    1 | setup = "npm ci"
      |         ^^^^^^^^
      = each step is a section of its own: [[setup]]
    "#);
}
