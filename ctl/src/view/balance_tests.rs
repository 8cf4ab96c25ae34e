//! The fold of what balances a run: joined and dropped submissions, parts, batches, backups, quarantine.

use super::verdict::{Circumstances, Outcome, conclude};
use super::*;
use crate::exit::Exit;
use crate::testing::{BEGIN, Script, finish, folded, summary};
use part_core::{AttemptVerdict, Millis, RunVerdict, SpecVerdict, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const FAILED: SpecVerdict = SpecVerdict::NotPassed(AttemptVerdict::Failed);

fn cancelled() -> part_core::Finish {
    finish(AttemptVerdict::Cancelled, 100)
}

/// A spec in three parts, and one that was not split.
fn split() -> Script {
    Script::new()
        .group("g", 1, &[("1", Some(1000)), ("2", Some(1000)), ("3", Some(1000))])
        .parts_of("big.js")
        .group("h", 0, &[("small.js", Some(500))])
        .sealed()
}

#[test]
fn the_run_says_which_attempt_it_is_and_who_may_join() {
    let view = folded(Script::joinable().group("a", 0, &[("1", None)]).sealed());
    assert_eq!((view.attempt, view.joinable), (1, true));
    assert!(!folded(Script::new()).joinable);
}

#[test]
fn a_submission_that_was_dropped_counts_for_nothing() {
    let whole = || {
        Script::joinable()
            .group("a", 0, &[("1", Some(1000))])
            .sealed()
            .joined(8)
            .group("b", 0, &[("2", Some(700)), ("3", None)])
            .carried("c", &["4"])
    };
    let view = folded(whole());
    assert_eq!((view.sealed, view.total, view.tally.carried), (false, 4, 1));
    let view = folded(whole().dropped());
    assert_eq!((view.sealed, view.total, view.left(), view.tally.carried), (true, 1, 1, 0));
    assert_eq!((view.backlog.total(), view.backlog.unknown()), (Millis(1000), 0));
    let names = |view: &RunView| view.wholes().map(|whole| whole.name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&view), ["1"]);
    // It comes again: numbers go on, the sum of announced specs holds.
    let again = whole().dropped().joined(9).group("b", 0, &[("2", None)]).sealed().start(0, 1, 0).pass(0, 1);
    let view = folded(again.start(4, 1, 0).pass(4, 1).finish(RunVerdict::Passed, summary(2, 2)));
    assert_eq!((names(&view), view.left()), (vec!["1".to_owned(), "2".to_owned()], 0));
    let conclusion = conclude(&view, &Submitted::Count(2), Circumstances::default());
    assert_eq!((conclusion.exit, conclusion.shortfalls), (Exit::Passed, vec![]));
}

#[test]
fn parts_are_one_spec() {
    let view = folded(split());
    assert_eq!((view.total, view.left()), (2, 2));
    let half = || split().start(0, 1, 0).pass(0, 1).start(1, 1, 1).pass(1, 1);
    let big = |view: &RunView| view.wholes().next().map(|whole| (whole.name.to_owned(), whole.verdict()));
    assert_eq!(big(&folded(half())), Some(("big.js".to_owned(), None)));
    assert_eq!(folded(half()).tally.decided, 0);
    let all = |script: Script| {
        let view = folded(script.start(3, 1, 0).pass(3, 1));
        (view.tally.decided, view.wholes().next().and_then(|whole| whole.verdict()))
    };
    assert_eq!(all(half().start(2, 1, 0).pass(2, 1)), (2, Some(SpecVerdict::Passed { flaky: false })));
    let flaky = half().start(2, 1, 0).fail(2, 1).start(2, 2, 0).pass(2, 2);
    assert_eq!(all(flaky), (2, Some(SpecVerdict::Passed { flaky: true })));
    assert_eq!(all(half().start(2, 1, 0).fail(2, 1).decide(2, FAILED)), (2, Some(FAILED)));
    // What was submitted is found by the name of the whole.
    let done =
        half().start(2, 1, 0).pass(2, 1).start(3, 1, 0).pass(3, 1).finish(RunVerdict::Passed, summary(2, 2));
    let specs = |name: &str| BTreeSet::from([name.to_owned()]);
    let submitted = BTreeMap::from([("g".to_owned(), specs("big.js")), ("h".to_owned(), specs("small.js"))]);
    let view = folded(done);
    let conclusion = conclude(&view, &Submitted::Names(submitted), Circumstances::default());
    assert_eq!((conclusion.result, conclusion.shortfalls), (Outcome::Passed, vec![]));
    let attempts: Vec<u32> = view.whole_of(1).attempts().map(|(part, _)| part).collect();
    assert_eq!((attempts, view.whole_of(1).expected()), (vec![1, 2, 3], Some(Millis(3000))));
}

#[test]
fn parts_that_make_no_sense_stand_alone() {
    for (number, count) in [(0, 3), (9, 3), (2, u32::MAX), (u32::MAX, 1)] {
        let mut events = split().events();
        if let Some(part_proto::v1::event::Fact::SpecsAdded(added)) = &mut events[2].fact {
            for spec in &mut added.specs {
                spec.part = spec.part.take().map(|part| part_proto::v1::Part { number, count, ..part });
            }
        }
        let mut view = RunView::new(Keep::Failures);
        for event in events {
            view.apply(event).expect("it is taken");
        }
        assert!(
            view.wholes().count() >= 2 && view.total as usize == view.wholes().count(),
            "{number} of {count}"
        );
    }
}

#[test]
fn a_quarantined_failure_is_counted_apart_and_fails_nothing() {
    let script = Script::new()
        .group("g", 0, &[("good.js", None)])
        .group("q", 0, &[("bad.js", None)])
        .quarantined()
        .sealed()
        .start(0, 1, 0)
        .pass(0, 1)
        .start(1, 1, 1)
        .fail(1, 1)
        .decide(1, FAILED)
        .finish(RunVerdict::Passed, summary(2, 1));
    let view = folded(script);
    assert_eq!((view.tally.failed, view.tally.quarantined, view.tally.decided), (0, 1, 2));
    let conclusion = conclude(&view, &Submitted::Count(2), Circumstances::default());
    assert_eq!((conclusion.exit, conclusion.result), (Exit::Passed, Outcome::Passed));
}

#[test]
fn the_attempt_that_ended_first_decides_and_the_other_counts_for_nothing() {
    let two = || {
        Script::new()
            .group("g", 0, &[("slow.js", Some(1000)), ("b.js", None)])
            .sealed()
            .start(0, 1, 0)
            .after(9000)
            .backup_on("rack", 0, 2)
    };
    let view = folded(two());
    assert_eq!(view.running.len(), 2);
    assert!(view.specs[0].attempts[1].backup && !view.specs[0].attempts[0].backup);
    // The backup wins; the first is still there when the spec is decided.
    let won = two().after(1000).pass(0, 2).dismiss(0, 1);
    let view = folded(won.after(10).end(0, 1, cancelled(), Vec::new()));
    assert_eq!(view.specs[0].last_ended().map(|attempt| attempt.number), Some(2));
    assert_eq!((view.tally.decided, view.backlog.unknown(), view.backlog.total()), (1, 1, Millis(0)));
    // The first wins; the backup ends later, which changes nothing.
    let view = folded(two().pass(0, 1).dismiss(0, 2).end(0, 2, cancelled(), Vec::new()));
    assert_eq!(view.specs[0].last_ended().map(|attempt| attempt.number), Some(1));
    assert!(view.specs[0].active().is_none() && view.running.is_empty());
    // One fails while the other goes on: it does not wait.
    let view = folded(two().fail(0, 1));
    assert_eq!(view.specs[0].active().map(|attempt| attempt.number), Some(2));
    assert_eq!(view.backlog.total(), Millis(0));
    // Both are dismissed with the rest of the run undecided: it waits again.
    let view = folded(two().dismiss(0, 1).dismiss(0, 2));
    assert_eq!(view.backlog.total(), Millis(1000));
}

#[test]
fn a_batch_runs_one_after_the_other_on_its_slot() {
    let script = || {
        let specs = [("a", Some(1000)), ("b", Some(1000)), ("c", Some(4000))];
        Script::new().group("g", 0, &specs).sealed().start_batch(&[0, 1, 2], 3)
    };
    let running = |view: &RunView| view.running.values().next().cloned().unwrap_or_default();
    let view = folded(script());
    assert_eq!(running(&view), [(0, 1), (1, 1), (2, 1)]);
    let now = |ms: u64| Timestamp(BEGIN + ms);
    assert_eq!(eta(&view, now(400)).map(|eta| eta.time), Some(Millis(5600)));
    // The second goes first, for whatever reason.
    let view = folded(script().after(500).pass(0, 1).begin(2, 1));
    assert_eq!(running(&view), [(2, 1), (1, 1)]);
    assert_eq!(view.specs[0].attempts[0].took(), Some(Millis(425)), "its share of the process");
    assert_eq!(view.specs[2].attempts[0].spent(now(700)), Millis(200));
    assert_eq!(view.specs[1].attempts[0].spent(now(700)), Millis(0));
    let view = folded(script().pass(0, 1).begin(1, 1).pass(1, 1).begin(2, 1).pass(2, 1));
    assert_eq!((view.running.len(), view.tally.passed, view.left()), (0, 3, 0));
}
