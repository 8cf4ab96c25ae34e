//! What people see, over scripted runs.

use super::summary as summary_of;
use super::*;
use crate::testing::{
    BEGIN, Script, failed_test, finish, folded, output, passed_test, summary, terrible_finish,
};
use crate::text::Palette;
use crate::view::verdict::{Circumstances, conclude};
use crate::view::{RunView, SpecView, Submitted};
use part_core::{
    AttemptVerdict, CancelReason, InvalidReason, Millis, RunSummary, RunVerdict, SpecVerdict, TestOutcome,
    TestResult, Timestamp,
};
use part_proto::v1::RunInfo;

const TERMINAL: Palette = Palette::new(false, true);
const COLOUR: Palette = Palette::new(true, true);

fn told(view: &RunView, tail: &Tail, palette: Palette) -> String {
    let spec = &view.specs[0];
    let attempt = spec.last_ended().expect("it ended");
    let line = ended(view, spec, attempt, palette);
    format!("{line}{}", failure(view, spec, attempt, tail, palette, &Commands::default()))
}

fn concluded(view: &RunView, commands: &Commands) -> String {
    let conclusion = conclude(view, &Submitted::Unknown, Circumstances::default());
    summary_of(view, &conclusion, Palette::PLAIN, commands)
}

/// Two groups on two workers, in the middle of it.
fn busy() -> Script {
    Script::new()
        .group("package/admin", 2, &[("e2e/orders.spec.js", Some(4000)), ("e2e/stock.spec.js", Some(900))])
        .group(
            "package/guest",
            0,
            &[("e2e/search.spec.js", Some(65_000)), ("e2e/v\u{1b}[2Joucher.spec.js", None)],
        )
        .carried("package/old", &["e2e/old.spec.js"])
        .sealed()
        .start_on("desk", 0, 1, 0, Some(4000))
        .start_on("rack-2", 2, 1, 0, Some(65_000))
        .after(500)
        .fail(0, 1)
        .start_on("desk", 1, 1, 1, Some(200))
        .start_on("rack-2", 0, 2, 3, Some(4000))
}

#[test]
fn everything_that_can_be_wrong_with_an_attempt_is_said() {
    let mut strange = failed_test("is \u{202e}reversed");
    strange.message = Some("expected\ttab\u{7}".into());
    strange.detail = None;
    strange.output = Some("what the test wrote".into());
    strange.location = None;
    let slow =
        TestResult { outcome: TestOutcome::TimedOut, message: None, detail: None, ..failed_test("ends") };
    let script = Script::new()
        .group("package/admin", 0, &[("e2e/it's.spec.js", None)])
        .sealed()
        .start(0, 1, 0)
        .after(61_000)
        .end(0, 1, terrible_finish(), vec![failed_test("removes"), strange, slow, passed_test("adds")]);
    let view = folded(script);
    let text = (1..=70).map(|line| format!("line {line}\u{1b}]0;title\u{7}\n")).collect();
    let tail = Tail::Text { text, whole: false };
    insta::assert_snapshot!("terrible_in_a_log", told(&view, &tail, Palette::PLAIN));
    let unread = Tail::Unread { why: "no answer within 5s".into() };
    insta::assert_snapshot!("terrible_on_a_terminal", told(&view, &unread, TERMINAL));
}

#[test]
fn colours_and_many_failures() {
    let tests: Vec<_> = (1..=25).map(|number| failed_test(&format!("test {number}"))).collect();
    let mut ended = finish(AttemptVerdict::Failed, 400);
    ended.output = output("\u{1b}[32mgreen\n");
    let script =
        Script::new().group("g", 1, &[("a.js", None)]).sealed().start(0, 1, 0).end(0, 1, ended, tests);
    let view = folded(script);
    let tail = Tail::Text { text: "\u{1b}[32mgreen\nafter\n".into(), whole: true };
    let text = told(&view, &tail, COLOUR);
    assert!(text.contains("\u{1b}[32mgreen\u{1b}[0m\n"), "{text:?}");
    assert!(text.contains("… and 5 more failed tests: partctl show run_4aqkff04 --spec a.js"), "{text}");
    let visible = console::strip_ansi_codes(&text).into_owned();
    assert_eq!(visible.replace('✗', "x"), told(&view, &tail, Palette::PLAIN).replace('✗', "x"));
}

#[test]
fn each_verdict_has_its_word() {
    use AttemptVerdict::{Cancelled, Crashed, Failed, Invalid, Lost, Passed, TimedOut};
    let verdicts = [
        Passed,
        Failed,
        TimedOut,
        Crashed,
        Lost,
        Cancelled,
        Invalid(InvalidReason::NoTests),
        Invalid(InvalidReason::Report),
        Invalid(InvalidReason::MissingTests),
    ];
    let mut text = String::new();
    for verdict in verdicts {
        let script = Script::new().group("g", 0, &[("a.js", None)]).sealed().start(0, 1, 0).after(1200);
        let view = folded(script.end(0, 1, finish(verdict, 400), Vec::new()));
        let spec = &view.specs[0];
        text.push_str(&ended(&view, spec, spec.last_ended().expect("it ended"), Palette::PLAIN));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_live_area_says_what_each_slot_does() {
    let view = folded(busy());
    let lines = live_lines(&view, Timestamp(BEGIN + 1700), false, (24, 80), TERMINAL);
    let beat = heartbeat(&view, Timestamp(BEGIN + 31_700), false, None, Palette::PLAIN);
    let away = heartbeat(&view, Timestamp(BEGIN + 31_700), true, None, Palette::PLAIN);
    insta::assert_snapshot!(format!("{}{}\n{beat}{away}", header(&view, TERMINAL), lines.join("\n")));
    // A low terminal shows fewer slots, and says how many more there are.
    let lines = live_lines(&view, Timestamp(BEGIN + 1700), false, (6, 80), TERMINAL);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[1], "  … and 2 more busy slots");
}

#[test]
fn a_log_says_why_nothing_runs() {
    let view = folded(Script::new().group("g", 0, &[("a.js", None)]).sealed());
    let beat = |idle| heartbeat(&view, Timestamp(BEGIN + 31_700), false, idle, Palette::PLAIN);
    assert!(beat(None).ends_with("; nothing is running: partctl explain says why\n"), "{}", beat(None));
    let said = beat(Some("worker w cannot take it:\nits disk is nearly full"));
    assert!(said.contains("; nothing is running: worker w cannot take it:"), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn many_slots_take_a_bounded_number_of_lines() {
    let names: Vec<String> = (0..500).map(|number| format!("spec-{number}")).collect();
    let specs: Vec<(&str, Option<u64>)> = names.iter().map(|name| (name.as_str(), Some(1000))).collect();
    let mut script = Script::new().group("g", 0, &specs).sealed();
    for slot in 0..400 {
        script = script.start(slot, 1, slot);
    }
    let view = folded(script);
    let lines = live_lines(&view, Timestamp(BEGIN), false, (50, 100), TERMINAL);
    assert_eq!(lines.len(), 10);
    assert!(lines[8].contains("392 more busy slots"), "{lines:?}");
}

#[test]
fn a_summary_names_what_needs_a_look() {
    let failed = SpecVerdict::NotPassed(AttemptVerdict::Failed);
    let missing = SpecVerdict::NotPassed(AttemptVerdict::Invalid(InvalidReason::MissingTests));
    let figures = RunSummary {
        specs: 5,
        passed: 2,
        failed: 3,
        attempts: 6,
        slots: 4,
        makespan: Millis(43_000),
        bound: Millis(41_000),
        slot_time: Millis(80_000),
        longest: Some(("e2e/orders.spec.js".into(), Millis(41_000))),
        ..summary(5, 2)
    };
    let script = Script::new()
        .group("package/admin", 1, &[("e2e/orders.spec.js", Some(4000)), ("e2e/stock.spec.js", None)])
        .group("package/guest", 0, &[("e2e/cart.spec.js", None), ("e2e/search.spec.js", None)])
        .carried("package/old", &["e2e/old.spec.js"])
        .sealed()
        .start(0, 1, 0)
        .fail(0, 1)
        .start(0, 2, 0)
        .fail(0, 2)
        .decide(0, failed)
        .start(1, 1, 1)
        .fail(1, 1)
        .start(1, 2, 1)
        .pass(1, 2)
        .start(2, 1, 1)
        .end(2, 1, terrible_finish(), vec![failed_test("removes"), failed_test("adds")])
        .decide(2, missing)
        .start(3, 1, 1)
        .end(3, 1, finish(AttemptVerdict::TimedOut, 900), Vec::new())
        .decide(3, SpecVerdict::NotPassed(AttemptVerdict::TimedOut))
        .finish(RunVerdict::Failed, figures);
    let options = ["--server".to_owned(), "ci.example:7400".to_owned()];
    insta::assert_snapshot!(concluded(&folded(script), &Commands::with_options(&options)));
}

#[test]
fn a_summary_says_what_is_missing_whatever_the_server_says() {
    let script = Script::new()
        .group("g", 0, &[("a.js", None), ("b.js", None)])
        .sealed()
        .start(0, 1, 0)
        .pass(0, 1)
        .finish(RunVerdict::Passed, summary(2, 2));
    insta::assert_snapshot!(concluded(&folded(script), &Commands::default()));
}

#[test]
fn a_stopped_run_says_by_whom() {
    let reasons = [
        CancelReason::Requested { by: "dev on desk".into() },
        CancelReason::MaxFailures { failures: 3 },
        CancelReason::Abandoned { detail: "partctl (process 7) that ran it is gone".into() },
    ];
    let verdicts = [RunVerdict::Cancelled, RunVerdict::Failed, RunVerdict::Incomplete];
    let mut text = String::new();
    for (reason, verdict) in reasons.into_iter().zip(verdicts) {
        let script = Script::new().group("g", 0, &[("a.js", None), ("b.js", None)]).sealed().start(0, 1, 0);
        let script = script.cancel(reason).end(0, 1, finish(AttemptVerdict::Cancelled, 10), Vec::new());
        let script = script.decide(0, SpecVerdict::Cancelled).finish(verdict, summary(2, 0));
        text.push_str(&concluded(&folded(script), &Commands::default()));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_run_can_be_shown_in_any_state() {
    let page = |view: &RunView, info: &RunInfo| {
        let specs: Vec<&SpecView> = view.specs.iter().collect();
        let page = run_page(view, info, &specs, Timestamp(BEGIN + 61_000), Palette::PLAIN);
        // The day and time depend on the time zone of this machine.
        let day = page.lines().find(|line| line.contains("opened")).map(|line| line[11..30].to_owned());
        page.replace(&day.unwrap_or_default(), "2025-10-09 08:53:20")
    };
    let mut view = folded(busy().after(700).pass(1, 1).superseded(0, 1, AttemptVerdict::Passed));
    let mut running = page(&view, &RunInfo::default());
    running.push_str("---\n");
    running.push_str(&page(&view, &RunInfo { abandoned: true, ..RunInfo::default() })[..200]);
    view.source.commit = "0123456789abcdef".into();
    view.source.branch = "main".into();
    view.specs[1].attempts[0].ended.as_mut().expect("it ended").1.artifacts = terrible_finish().artifacts;
    running.push_str("\n---\n");
    running.push_str(&page(&view, &RunInfo::default()));
    insta::assert_snapshot!(running);
}
