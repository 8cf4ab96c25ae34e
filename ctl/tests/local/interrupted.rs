//! Runs that are cut short: nothing is left running, what was recorded stays, and the rest can be finished.

use crate::project::{PATIENCE, Project, Said, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Child;
use std::time::Instant;

/// Leaves a process behind that has its own session, and waits for the file `go`.
const LINGERS: &str = "echo $PART_SPEC >> witness; setsid sleep 600 & while [ ! -e go ]; do sleep 0.05; done";

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("told");
}

fn end_of(child: Child) -> Said {
    let begun = Instant::now();
    let said = Said::of(child.wait_with_output().expect("waited"));
    assert!(begun.elapsed() < PATIENCE);
    said
}

#[test]
fn a_killed_client_leaves_no_process_and_a_true_record() {
    let scripts = [("a", "true"), ("b", "true"), ("x", LINGERS), ("y", LINGERS), ("z", LINGERS)];
    let project = Project::of_scripts(&scripts, "");
    // History makes the quick ones known, so that they come after the unknown ones unless these are known as well.
    project.write("go", "");
    project.run(&["submit", "--spec", "s/a.sh", "--spec", "s/b.sh"]).expect_code(0);
    std::fs::remove_file(project.path("go")).expect("removed");
    let child = project.partctl(&["submit", "--workers", "2"]).spawn().expect("starts");
    project.wait_for_witness(2);
    signal(&child, Signal::KILL);
    drop(end_of(child));
    project.wait_until_quiet();

    project.run(&["show", "latest"]).expect_code(0).expect("interrupted");
    project.write("go", "");
    project.run(&["rerun", "latest", "--failed"]).expect_code(0);
    project.wait_until_quiet();
    let left: Vec<_> = std::fs::read_dir(project.home().join("local")).expect("there").flatten().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn results_before_a_kill_are_kept_and_carried_forward() {
    let counts = "echo $PART_SPEC >> witness";
    let scripts = [("a", counts), ("b", counts), ("x", LINGERS)];
    let project = Project::of_scripts(&scripts, "");
    let child = project.partctl(&["submit", "--workers", "2", "--output", "json"]).spawn().expect("starts");
    project.wait_for_witness(3);
    wait_until("both quick specs are recorded", || {
        project.run(&["runs", "--output", "json"]).out.matches("\"passed\":2").count() == 1
    });
    signal(&child, Signal::KILL);
    drop(end_of(child));
    project.write("go", "");
    project.run(&["rerun", "latest", "--failed"]).expect_code(0).expect("2 carried forward");
    assert_eq!(project.witness(), ["s/a.sh", "s/b.sh", "s/x.sh", "s/x.sh"], "what passed did not run again");
    project.wait_until_quiet();
}

#[test]
fn one_interrupt_stops_politely() {
    let polite = "trap 'echo bye >> witness; exit 0' TERM; echo hi >> witness; while :; do sleep 0.05; done";
    let project = Project::of_scripts(&[("a", polite), ("b", polite), ("c", polite)], "");
    let child = project.partctl(&["submit", "--workers", "2"]).spawn().expect("starts");
    project.wait_for_witness(2);
    signal(&child, Signal::INT);
    end_of(child).expect_code(130).expect("3 cancelled");
    assert_eq!(project.witness(), ["bye", "bye", "hi", "hi"]);
    project.wait_until_quiet();
}

#[test]
fn a_second_interrupt_kills() {
    let stubborn = "trap '' TERM INT; echo hi >> witness; while :; do sleep 0.05; done";
    let project = Project::of_scripts(&[("a", stubborn), ("b", stubborn)], "");
    let child = project.partctl(&["submit", "--workers", "2"]).spawn().expect("starts");
    project.wait_for_witness(2);
    signal(&child, Signal::INT);
    wait_until("the cancel is recorded", || project.run(&["show", "latest"]).out.contains("cancel"));
    signal(&child, Signal::INT);
    end_of(child).expect_code(130);
    project.wait_until_quiet();
}
