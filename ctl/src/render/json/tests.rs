//! The fields of lines about balance.

use super::*;
use crate::testing::{Script, finish};
use crate::view::{Keep, RunView};
use part_core::{AttemptVerdict, SpecVerdict};
use serde_json::{Value, json};

/// The lines of a script, and the view after it.
fn told(script: Script) -> (Vec<Value>, RunView) {
    let mut view = RunView::new(Keep::Failures);
    let mut lines = Vec::new();
    for event in script.events() {
        lines.push(serde_json::to_value(ledger_line(&view, &event)).expect("it is JSON"));
        view.apply(event).expect("the script makes sense");
    }
    (lines, view)
}

fn of_kind<'l>(lines: &'l [Value], event: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[test]
fn joined_and_dropped_submissions_are_told() {
    let script = Script::joinable()
        .group("a", 0, &[("1", None)])
        .sealed()
        .joined(8)
        .group("b", 0, &[("2", None)])
        .quarantined()
        .dropped();
    let (lines, _) = told(script);
    assert_eq!((&lines[0]["attempt"], &lines[0]["joinable"]), (&json!(1), &json!(true)));
    let joined = of_kind(&lines, "submission_joined");
    assert_eq!(joined[0]["source"], json!({ "user": "ci", "host": "other" }));
    assert_eq!(of_kind(&lines, "submission_dropped")[0]["groups"], json!(["b"]));
    let specs = of_kind(&lines, "specs_added");
    assert_eq!(specs[1]["specs"], json!([{ "spec": "2", "quarantined": true }]));
}

#[test]
fn attempts_say_why_and_with_whom() {
    let script = Script::new()
        .group("g", 0, &[("1", None), ("2", None)])
        .parts_of("big.js")
        .group("h", 0, &[("a", None), ("b", None)])
        .sealed()
        .start_batch(&[2, 3], 0)
        .start(0, 1, 1)
        .backup_on("rack", 0, 2)
        .pass(0, 2)
        .dismiss(0, 1)
        .end(0, 1, finish(AttemptVerdict::Cancelled, 5), Vec::new())
        .start(1, 1, 1)
        .fail(1, 1)
        .decide(1, SpecVerdict::NotPassed(AttemptVerdict::Failed));
    let (lines, view) = told(script);
    let assigned = of_kind(&lines, "attempt_assigned");
    assert_eq!((&assigned[1]["batch"], &assigned[1]["why"]["rule"]), (&json!("a"), &json!("batch")));
    assert_eq!(assigned[2].get("why"), None, "the leader did not say");
    assert_eq!(
        assigned[3]["why"],
        json!({ "rule": "backup", "turn": "alone", "waiting": 0, "candidates": 1 })
    );
    let dismissed = of_kind(&lines, "attempt_dismissed");
    assert_eq!(
        (&dismissed[0]["spec"], &dismissed[0]["attempt"]),
        (&json!("big.js (part 1 of 2)"), &json!(1))
    );
    let part = &of_kind(&lines, "specs_added")[0]["specs"][1]["part"];
    assert_eq!(*part, json!({ "of": "big.js", "number": 2, "count": 2, "tests": 2 }));

    let big = view.wholes().next().expect("a spec");
    let line = serde_json::to_value(SpecLine::new(&view, &big)).expect("it is JSON");
    assert_eq!(
        (&line["spec"], &line["parts"], &line["verdict"]),
        (&json!("big.js"), &json!(2), &json!("failed"))
    );
    let marks: Vec<_> = line["attempts"].as_array().expect("a list").iter().collect();
    assert_eq!((&marks[0]["part"], &marks[0]["dismissed"]), (&json!(1), &json!(true)));
    assert_eq!((&marks[1]["backup"], &marks[2]["part"]), (&json!(true), &json!(2)));
}
