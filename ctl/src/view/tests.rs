//! The fold, the forecast and the conclusion, over scripted runs.

use super::fold::ViewError;
use super::verdict::{Circumstances, Outcome, Shortfall, conclude};
use super::*;
use crate::exit::Exit;
use crate::testing::{BEGIN, Script, finish, folded, summary};
use part_core::{AttemptVerdict, CancelReason, Millis, RunVerdict, SpecVerdict, Timestamp};
use part_proto::v1;
use std::collections::BTreeMap;

fn two_specs() -> Script {
    Script::new().group("package/admin", 1, &[("a.js", Some(4000)), ("b.js", None)]).sealed()
}

#[test]
fn a_run_is_counted_as_it_goes() {
    let script = two_specs().start(0, 1, 0).after(500).fail(0, 1);
    let view = folded(script);
    assert_eq!((view.tally.decided, view.left(), view.running.len()), (0, 2, 0));
    let script =
        two_specs().start(0, 1, 0).start(1, 1, 1).after(500).fail(0, 1).start(0, 2, 0).after(700).pass(0, 2);
    let view = folded(script);
    assert_eq!((view.tally.flaky, view.tally.decided, view.left()), (1, 1, 1));
    assert_eq!(view.running.len(), 1);
    assert_eq!(view.slots.len(), 2);
    let spec = &view.specs[0];
    assert!(spec.is_pass() && spec.is_flaky());
    assert_eq!(spec.last_ended().and_then(AttemptView::took), Some(Millis(700)));
    assert_eq!(spec.attempts[0].failures().count(), 1);
    assert_eq!(spec.attempts[1].tests.len(), 0, "passed tests are not kept");
    assert_eq!(view.test_counts().passed, 2);
}

#[test]
fn cancelling_decides_what_waits_and_leaves_what_runs() {
    let script = two_specs().start(0, 1, 0).cancel(CancelReason::Requested { by: "dev".into() });
    let view = folded(script);
    assert_eq!(view.specs[1].verdict, Some(SpecVerdict::Cancelled));
    assert_eq!(view.specs[0].verdict, None);
    let ended = finish(AttemptVerdict::Cancelled, 100);
    let script = two_specs()
        .start(0, 1, 0)
        .cancel(CancelReason::Requested { by: "dev".into() })
        .end(0, 1, ended, Vec::new())
        .decide(0, SpecVerdict::Cancelled);
    assert_eq!(folded(script).tally.cancelled, 2);
}

#[test]
fn what_makes_no_sense_is_an_error() {
    let events = two_specs().start(0, 1, 0).events();
    let mut view = RunView::new(Keep::Failures);
    assert_eq!(view.apply(events[1].clone()), Err(ViewError::Gap { cursor: 0, got: 2 }));
    assert_eq!(view.apply(events[0].clone()), Ok(None));
    assert_eq!(view.apply(events[0].clone()), Ok(None), "a repeated event is dropped");
    assert_eq!(view.cursor, 1);
    assert_eq!(view.apply(events[2].clone()), Err(ViewError::Gap { cursor: 1, got: 3 }));
    let other = v1::Event { run: part_core::RunId(99).to_string(), ..events[1].clone() };
    assert!(matches!(view.apply(other), Err(ViewError::OtherRun { .. })));

    let contradictions = [
        two_specs().start(0, 1, 0).start(0, 1, 1),
        two_specs().start(7, 1, 0),
        two_specs().pass(0, 1),
        two_specs().start(0, 1, 0).pass(0, 1).decide(0, SpecVerdict::Passed { flaky: false }),
        two_specs().start(0, 1, 0).pass(0, 1).start(0, 2, 0),
        Script::new().sealed().group("late", 0, &[("x", None)]).decide(5, SpecVerdict::Carried),
        two_specs().finish(RunVerdict::Passed, summary(2, 2)).finish(RunVerdict::Passed, summary(2, 2)),
    ];
    for (place, script) in contradictions.into_iter().enumerate() {
        let mut view = RunView::new(Keep::Failures);
        let result: Result<Vec<_>, _> = script.events().into_iter().map(|event| view.apply(event)).collect();
        assert!(matches!(result, Err(ViewError::Contradiction { .. })), "{place}: {result:?}");
    }
    // A group that announces more specs than come.
    let mut events = Script::new().group("g", 0, &[("a", None), ("b", None)]).sealed().events();
    if let Some(v1::event::Fact::SpecsAdded(added)) = &mut events[2].fact {
        added.specs.pop();
    }
    let mut view = RunView::new(Keep::Failures);
    let result: Result<Vec<_>, _> = events.into_iter().map(|event| view.apply(event)).collect();
    assert!(matches!(result, Err(ViewError::Contradiction { .. })), "{result:?}");
    // A verdict from the future is never a pass.
    let mut events = two_specs().start(0, 1, 0).pass(0, 1).events();
    if let Some(v1::event::Fact::SpecDecided(decided)) =
        events.last_mut().and_then(|event| event.fact.as_mut())
    {
        decided.verdict = 77;
    }
    let mut view = RunView::new(Keep::Failures);
    let result: Result<Vec<_>, _> = events.into_iter().map(|event| view.apply(event)).collect();
    assert!(matches!(result, Err(ViewError::Wire { .. })), "{result:?}");
}

#[test]
fn events_of_unknown_kinds_count_and_are_told_once() {
    let mut view = RunView::new(Keep::Failures);
    let notices: Vec<_> = two_specs()
        .unknown()
        .unknown()
        .start(0, 1, 0)
        .events()
        .into_iter()
        .filter_map(|event| view.apply(event).expect("it makes sense"))
        .collect();
    assert_eq!(notices, [Notice::Sealed, Notice::UnknownKind, Notice::Assigned { spec: 0, attempt: 1 }]);
    assert_eq!(view.unknown_events, 2);
}

#[test]
fn the_eta_is_a_lower_bound_that_says_what_it_does_not_know() {
    let at = |script: Script, ms: u64| eta(&folded(script), Timestamp(BEGIN + ms));
    let group = |specs: &[(&str, Option<u64>)]| Script::new().group("g", 0, specs).sealed();
    let known = || group(&[("a", Some(4000)), ("b", Some(2000)), ("c", Some(2000))]);
    // One slot is taken for granted before anything runs.
    assert_eq!(at(known(), 0).map(|eta| eta.time), Some(Millis(8000)));
    // Two slots: 8 s of work on two of them, of which 1 s is done on each.
    let script = known().start_on("w", 0, 1, 0, Some(4000)).start_on("w", 1, 1, 1, Some(2000));
    assert_eq!(at(script, 1000), Some(Eta { time: Millis(3000), guessed: 0, unknown: 0, overdue: 0 }));
    // The longest remaining spec bounds it.
    let script = group(&[("a", Some(9000)), ("b", Some(1000))]).start_on("w", 0, 1, 0, Some(9000));
    let script = script.start_on("w", 1, 1, 1, Some(1000));
    assert_eq!(at(script, 2000), Some(Eta { time: Millis(7000), guessed: 0, unknown: 0, overdue: 1 }));
    // Nothing is known: nothing is promised.
    assert_eq!(at(group(&[("a", None), ("b", None)]), 0), None);
    assert_eq!(
        at(group(&[("a", None), ("b", Some(3000))]), 0).map(|eta| (eta.time, eta.unknown)),
        Some((Millis(3000), 1))
    );
    // What ended in this run stands in for what is unknown.
    let script = group(&[("a", None), ("b", None)]).start(0, 1, 0).after(600).pass(0, 1);
    assert_eq!(at(script, 600), Some(Eta { time: Millis(600), guessed: 1, unknown: 0, overdue: 0 }));
    // Nothing is left, or it was stopped.
    let script = known().cancel(CancelReason::Requested { by: "dev".into() });
    assert_eq!(at(script, 0), None);
}

#[test]
fn the_backlog_is_balanced_by_every_way_a_spec_can_go() {
    let script = Script::new()
        .group("g", 1, &[("a", Some(1000)), ("b", Some(2000)), ("c", None)])
        .carried("h", &["d"])
        .sealed()
        .start(0, 1, 0)
        .fail(0, 1)
        .start(0, 2, 0)
        .fail(0, 2)
        .decide(0, SpecVerdict::NotPassed(AttemptVerdict::Failed))
        .start(1, 1, 1)
        .pass(1, 1)
        .start(2, 1, 0)
        .pass(2, 1);
    let view = folded(script);
    assert_eq!(
        (view.backlog.total(), view.backlog.longest(), view.backlog.unknown()),
        (Millis(0), Millis(0), 0)
    );
    assert_eq!((view.left(), view.tally.carried), (0, 1));
}

fn names(specs: &[(&str, &[&str])]) -> Submitted {
    let group = |(label, specs): &(&str, &[&str])| {
        ((*label).to_owned(), specs.iter().map(|spec| (*spec).to_owned()).collect())
    };
    Submitted::Names(specs.iter().map(group).collect::<BTreeMap<_, _>>())
}

fn passed() -> Script {
    two_specs().start(0, 1, 0).start(1, 1, 1).pass(0, 1).pass(1, 1).finish(RunVerdict::Passed, summary(2, 2))
}

fn flaky() -> Script {
    two_specs()
        .start(0, 1, 0)
        .fail(0, 1)
        .start(0, 2, 0)
        .pass(0, 2)
        .start(1, 1, 1)
        .pass(1, 1)
        .finish(RunVerdict::Passed, summary(2, 2))
}

fn ended(verdict: RunVerdict) -> Script {
    let failed = SpecVerdict::NotPassed(AttemptVerdict::Failed);
    let script = two_specs().start(0, 1, 0).fail(0, 1).decide(0, failed).start(1, 1, 1).pass(1, 1);
    script.finish(verdict, summary(2, 1))
}

#[test]
fn every_end_has_its_exit_code() {
    let interrupted = |exit| Circumstances { interrupted: Some(exit), ..Circumstances::default() };
    let left = Circumstances { goes_on: true, ..interrupted(Exit::Interrupted) };
    let calm = Circumstances::default();
    let strict = Circumstances { fail_on_flaky: true, ..calm };
    let table = [
        ("passed", passed(), calm, Exit::Passed, Outcome::Passed),
        ("passed, strictly", passed(), strict, Exit::Passed, Outcome::Passed),
        ("flaky", flaky(), calm, Exit::Passed, Outcome::Flaky),
        ("flaky, strictly", flaky(), strict, Exit::Failed, Outcome::FlakyRefused),
        ("failed", ended(RunVerdict::Failed), calm, Exit::Failed, Outcome::Failed),
        ("incomplete", ended(RunVerdict::Incomplete), calm, Exit::Mesh, Outcome::Incomplete),
        ("nothing ran", ended(RunVerdict::NothingRan), calm, Exit::NothingRan, Outcome::NothingRan),
        ("cancelled by others", ended(RunVerdict::Cancelled), calm, Exit::Interrupted, Outcome::Cancelled),
        (
            "Ctrl-C",
            ended(RunVerdict::Cancelled),
            interrupted(Exit::Interrupted),
            Exit::Interrupted,
            Outcome::Cancelled,
        ),
        (
            "SIGTERM",
            ended(RunVerdict::Cancelled),
            interrupted(Exit::Terminated),
            Exit::Terminated,
            Outcome::Cancelled,
        ),
        ("Ctrl-C too late", passed(), interrupted(Exit::Interrupted), Exit::Passed, Outcome::Passed),
        ("left early", two_specs(), interrupted(Exit::Terminated), Exit::Terminated, Outcome::Cancelled),
        ("left to itself", two_specs(), left, Exit::Interrupted, Outcome::Left),
        ("left too late", passed(), left, Exit::Passed, Outcome::Passed),
        ("never finished", two_specs(), calm, Exit::Mesh, Outcome::Incomplete),
    ];
    for (case, script, circumstances, exit, result) in table {
        let conclusion = conclude(&folded(script), &Submitted::Unknown, circumstances);
        assert_eq!((conclusion.exit, conclusion.result), (exit, result), "{case}: {conclusion:?}");
    }
}

#[test]
fn a_green_verdict_needs_every_spec() {
    let named = |specs: &[&str]| names(&[("package/admin", specs)]);
    let absent = Shortfall::Absent { group: "package/admin".into(), spec: "c.js".into() };
    let undecided = Shortfall::Undecided { group: "package/admin".into(), spec: "b.js".into() };
    let evidence = Shortfall::NoEvidence { group: "package/admin".into(), spec: "b.js".into() };
    let half = || two_specs().start(0, 1, 0).pass(0, 1);
    let unproven =
        half().decide(1, SpecVerdict::Passed { flaky: false }).finish(RunVerdict::Passed, summary(2, 2));
    let contradiction = Shortfall::Contradiction {
        group: "package/admin".into(),
        spec: "a.js".into(),
        verdict: SpecVerdict::NotPassed(AttemptVerdict::Failed),
    };
    let table = [
        (passed(), named(&["a.js", "b.js"]), vec![]),
        (passed(), named(&["a.js", "b.js", "c.js"]), vec![absent]),
        (passed(), Submitted::Count(2), vec![]),
        (passed(), Submitted::Count(3), vec![Shortfall::Count { submitted: 3, found: 2 }]),
        (half().finish(RunVerdict::Passed, summary(2, 2)), named(&["a.js", "b.js"]), vec![undecided]),
        (unproven, named(&["a.js", "b.js"]), vec![evidence]),
        (ended(RunVerdict::Passed), named(&["a.js", "b.js"]), vec![contradiction]),
    ];
    for (place, (script, submitted, missing)) in table.into_iter().enumerate() {
        let conclusion = conclude(&folded(script), &submitted, Circumstances::default());
        assert_eq!(conclusion.shortfalls, missing, "{place}");
        let exit = if missing.is_empty() { Exit::Passed } else { Exit::Mesh };
        assert_eq!(conclusion.exit, exit, "{place}");
    }
}
