//! The verbs around a run, what they refuse, and what they print for programs.

use crate::project::{Project, Said};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};

const WAITS: &str = "echo here >> witness; while :; do sleep 0.05; done";

#[test]
fn what_cannot_be_done_has_its_code_and_its_hint() {
    let project = Project::of_scripts(&[("a", "true"), ("b", "true")], "");
    let table: [(&[&str], i32, &str); 11] = [
        (&["submit", "--dry-run"], 0, "2 specs in 1 group would run"),
        (&["submit", "--dry-run", "--spec", "s/nothing*.sh"], 4, "s/nothing*.sh"),
        (&["submit", "--detach"], 2, "--server"),
        (&["submit", "--expect-groups", "2"], 2, "--expect-groups is about runs that others join"),
        (&["watch", "--ci-build-id", "x"], 2, "there is no run of build \"x\""),
        (&["submit", "--workers", "2", "--server", "127.0.0.1:1"], 2, "--workers"),
        (&["submit", "--junit", "s"], 2, "is a folder"),
        (&["runs", "--server", "localhost"], 2, "HOST:PORT"),
        (&["runs", "--server", "127.0.0.1:1"], 3, "cannot connect to 127.0.0.1:1"),
        (&["show"], 2, "there is no run yet"),
        (&["history", "a"], 2, "has run yet"),
    ];
    for (line, code, said) in table {
        project.run(line).expect_code(code).expect(said);
    }
    // Nothing of that made a run.
    assert_eq!(project.run(&["runs"]).expect_code(0).out, "");
}

#[test]
fn a_run_is_run_again_until_nothing_is_left_to_run() {
    let project = Project::of_scripts(&[("a", "true"), ("b", "printf 'caf\\351\\n'; exit 1")], "");
    project.run(&["submit"]).expect_code(1);
    let logs = project.partctl(&["logs", "latest", "s/b.sh"]).output().expect("ran");
    assert_eq!(logs.stdout, b"caf\xe9\n", "bytes stay bytes");
    let shown = project.run(&["show", "latest", "--spec", "b"]).expect_code(0).expect("FAIL");
    assert!(!shown.out.contains("s/a.sh"), "{}", shown.out);
    project.write("s/b.sh", "exit 0");
    project.run(&["rerun", "latest", "--failed"]).expect_code(0).expect("1 carried forward");
    project.run(&["rerun", "latest", "--failed"]).expect_code(4).expect("nothing to run again");
    project.run(&["rerun", "latest"]).expect_code(0).expect("2 passed");
    project.run(&["watch", "latest"]).expect_code(0).expect("PASSED");
    project.run(&["cancel", "latest"]).expect_code(2).expect("is finished");
}

#[test]
fn every_line_for_programs_is_an_object_with_its_version() {
    let project = Project::of_scripts(&[("a", "true"), ("b", "exit 1")], "");
    let verbs: [&[&str]; 12] = [
        &["submit", "--dry-run"],
        &["submit"],
        &["runs"],
        &["show"],
        &["watch"],
        &["logs", "latest"],
        &["explain"],
        &["history", "s"],
        &["workers"],
        &["doctor"],
        &["version"],
        &["show", "run_zzzzzzzz"],
    ];
    for verb in verbs {
        let said = project.run(&[verb, &["--output", "json"]].concat());
        assert!(!said.out.is_empty() || verb[0] == "logs", "{verb:?}");
        for line in said.out.lines() {
            let value: Value = serde_json::from_str(line).expect(line);
            assert!(value["v"] == 1 && value["event"].is_string(), "{verb:?}: {line}");
        }
    }
}

#[test]
fn a_termination_is_a_polite_end_with_a_code_of_its_own() {
    let project = Project::of_scripts(&[("a", WAITS)], "");
    let child = project.partctl(&["submit"]).spawn().expect("starts");
    project.wait_for_witness(1);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("told");
    Said::of(child.wait_with_output().expect("waited")).expect_code(143).expect("1 cancelled");
    project.wait_until_quiet();
}

#[test]
fn a_watcher_that_leaves_does_not_stop_the_run() {
    let project =
        Project::of_scripts(&[("a", "echo here >> witness; while [ ! -e go ]; do sleep 0.05; done")], "");
    let run = project.partctl(&["submit"]).spawn().expect("starts");
    project.wait_for_witness(1);
    let mut watch = project.partctl(&["watch", "latest", "--output", "json"]).spawn().expect("starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("piped")).lines();
    let seen = lines.any(|line| line.expect("text").contains("attempt_started"));
    assert!(seen, "the watcher sees what goes on elsewhere");
    kill_process(Pid::from_child(&watch), Signal::INT).expect("told");
    assert!(lines.any(|line| line.expect("text").contains("the run goes on")));
    assert_eq!(watch.wait().expect("waited").code(), Some(130));
    project.write("go", "");
    Said::of(run.wait_with_output().expect("waited")).expect_code(0).expect("1 passed");
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    let scripts: Vec<(String, &str)> = (0..20).map(|number| (format!("a{number}"), "true")).collect();
    let scripts: Vec<(&str, &str)> = scripts.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let project = Project::of_scripts(&scripts, "");
    let mut child = project.partctl(&["submit", "--output", "json"]).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.next().is_some());
    // Dropping what reads a pipe closes it.
    drop(lines);
    Said::of(child.wait_with_output().expect("waited")).expect_code(0);
    project.run(&["runs"]).expect_code(0).expect("passed");
}
