//! Two runs at once in one home.

use crate::project::{Project, Said};
use std::collections::BTreeSet;

#[test]
fn two_clients_at_once_share_a_home_and_no_slot() {
    // Each spec says its slot and waits until specs of both runs are there.
    let script = "echo $PART_SLOT >> witness; while [ $(wc -l < witness) -lt 4 ]; do sleep 0.05; done";
    let project = Project::of_scripts(&[("a", script), ("b", script)], "timeout = \"60s\"");
    let start = || project.partctl(&["submit", "--workers", "2"]).spawn().expect("starts");
    let (first, second) = (start(), start());
    for child in [first, second] {
        Said::of(child.wait_with_output().expect("waited")).expect_code(0).expect("2 passed");
    }
    let slots: BTreeSet<String> = project.witness().into_iter().collect();
    assert_eq!(slots.len(), 4, "four specs at one time had four slots: {slots:?}");
    let runs = project.run(&["runs"]).expect_code(0);
    assert_eq!(runs.out.matches("passed").count() + runs.err.matches("passed").count(), 2, "{}", runs.out);
}
