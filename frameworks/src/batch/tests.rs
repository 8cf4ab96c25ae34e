use super::*;
use crate::report::ReportError;
use part_core::{InvalidReason, TestOutcome, TestResult};
use proptest::prelude::*;

const PASSED: AttemptVerdict = AttemptVerdict::Passed;
const FAILED: AttemptVerdict = AttemptVerdict::Failed;
const CRASHED: AttemptVerdict = AttemptVerdict::Crashed;
const LATE: AttemptVerdict = AttemptVerdict::TimedOut;
const CANCELLED: AttemptVerdict = AttemptVerdict::Cancelled;
const NO_TESTS: AttemptVerdict = AttemptVerdict::Invalid(InvalidReason::NoTests);
const REPORT: AttemptVerdict = AttemptVerdict::Invalid(InvalidReason::Report);
const MISSING: AttemptVerdict = AttemptVerdict::Invalid(InvalidReason::MissingTests);

fn test(id: &str, outcome: TestOutcome) -> TestResult {
    TestResult {
        id: id.to_owned(),
        name: id.to_owned(),
        outcome,
        duration_micros: None,
        message: None,
        detail: None,
        output: None,
        retries: 0,
        location: None,
    }
}

/// `+` is a test that passed, `-` one that failed, `!` an error, a space nothing.
fn parsed(what: char) -> Parsed {
    let mut parsed = Parsed::default();
    match what {
        '+' => parsed.tests.push(test("t", TestOutcome::Passed)),
        '-' => parsed.tests.push(test("t", TestOutcome::Failed)),
        '!' => parsed.errors.push("\n it broke\n".to_owned()),
        _ => {}
    }
    parsed
}

/// What each spec did, and after a slash what belongs to none.
fn report(what: &str) -> SharedReport {
    let (specs, rest) = what.split_once('/').unwrap_or((what, " "));
    let rest = rest.chars().map(parsed).next().unwrap_or_default();
    SharedReport::Read(Split { specs: specs.chars().map(parsed).collect(), rest })
}

/// How far each spec came: `r` runs since 1000, `u` runs since nobody knows when, `?` unknown, else as [`parsed`].
fn progress(what: &str) -> Vec<Progress> {
    let one = |what| match what {
        'r' => Progress::Running { since_ms: Some(1000), test: "x".to_owned() },
        'u' => Progress::Running { since_ms: None, test: String::new() },
        '?' => Progress::Unknown,
        what => Progress::Ended(parsed(what)),
    };
    what.chars().map(one).collect()
}

fn spec() -> BatchSpec<'static> {
    BatchSpec { expected: None, selected: false, limit: None, cancelled: false }
}

fn as_told(verdict: AttemptVerdict) -> Judgement {
    Judgement { verdict, message: "why".to_owned(), missing: Vec::new() }
}

/// The verdicts; none for those that go again.
fn verdicts(decided: &[Decided]) -> Vec<Option<AttemptVerdict>> {
    let verdict = |decided: &Decided| match decided {
        Decided::Judged(judgement, _) => Some(judgement.verdict),
        Decided::Again(_) => None,
    };
    decided.iter().map(verdict).collect()
}

fn rule() -> ExitRule {
    ExitRule { no_tests: vec![5], tests_failed: vec![1] }
}

fn decide(ending: &Ending, shared: SharedReport, far: &str, specs: &[BatchSpec<'_>]) -> Vec<Decided> {
    judge_batch(ending, &rule(), shared, specs, progress(far), 9000)
}

#[test]
fn a_process_that_came_to_its_end() {
    let p = Some(PASSED);
    let f = Some(FAILED);
    type Row = (i32, &'static str, [Option<AttemptVerdict>; 3]);
    let table: [Row; 14] = [
        (0, "+++", [p; 3]),
        (1, "+-+", [p, f, p]),
        (1, "+!+", [p, f, p]),
        // The exit code contradicts the failure, which stays one.
        (0, "+-+", [p, f, p]),
        // Alone it would have no test as well.
        (0, "+ +", [p, Some(NO_TESTS), p]),
        (5, "   ", [Some(NO_TESTS); 3]),
        // It may be that the framework stopped at the failure.
        (1, "- +", [f, None, p]),
        // A code that failing tests do not give says that there is something else.
        (2, "+-+", [None, f, None]),
        (1, "+++", [None; 3]),
        (1, "+++/!", [None; 3]),
        (1, "+-+/!", [None, f, None]),
        (0, "+++/-", [None; 3]),
        (2, "   /!", [None; 3]),
        (0, "+++/+", [p; 3]),
    ];
    for (code, what, wanted) in table {
        let decided = decide(&Ending::Exited(code), report(what), "???", &[spec(); 3]);
        assert_eq!(verdicts(&decided), wanted, "{code} {what:?}: {decided:?}");
    }
}

#[test]
fn tests_that_are_missing_count_where_nobody_else_failed() {
    let listed = ["t".to_owned(), "gone".to_owned()];
    let short = BatchSpec { expected: Some(&listed), ..spec() };
    let decided = decide(&Ending::Exited(0), report("++"), "??", &[short, spec()]);
    assert_eq!(verdicts(&decided), [Some(MISSING), Some(PASSED)]);
    let decided = decide(&Ending::Exited(1), report("+-"), "??", &[short, spec()]);
    assert_eq!(verdicts(&decided), [None, Some(FAILED)]);
}

#[test]
fn a_process_that_broke_is_the_fault_of_the_one_that_ran() {
    type Row = (&'static str, [Option<AttemptVerdict>; 4]);
    let (p, f, c) = (Some(PASSED), Some(FAILED), Some(CRASHED));
    let table: [Row; 5] = [
        ("+-r?", [p, f, c, None]),
        ("+-u?", [p, f, c, None]),
        // Of two nobody knows which.
        ("+rr?", [p, None, None, None]),
        ("+-??", [p, f, None, None]),
        ("????", [None; 4]),
    ];
    for (far, wanted) in table {
        let ending = Ending::Broke(as_told(CRASHED));
        let decided = decide(&ending, SharedReport::Missing("r".to_owned()), far, &[spec(); 4]);
        assert_eq!(verdicts(&decided), wanted, "{far}");
    }
    let broke = Ending::Broke(as_told(CRASHED));
    let decided = decide(&broke, SharedReport::Missing("r".to_owned()), "+r", &[spec(); 2]);
    let Decided::Judged(judgement, _) = &decided[1] else { panic!("{decided:?}") };
    assert_eq!(judgement.message, "why, while `x` was running");
}

#[test]
fn a_process_that_left_early_is_the_fault_of_the_one_that_ran() {
    let cut = || SharedReport::Broken(ReportError::Empty { path: "r".into() });
    let decided = decide(&Ending::Exited(0), cut(), "+r?", &[spec(); 3]);
    assert_eq!(verdicts(&decided), [Some(PASSED), Some(REPORT), None]);
    let decided = decide(&Ending::Exited(3), SharedReport::Missing("r".to_owned()), "+r?", &[spec(); 3]);
    assert_eq!(verdicts(&decided), [Some(PASSED), Some(FAILED), None]);
}

#[test]
fn who_ran_out_of_time_ran_for_longer_than_it_may() {
    let limited = |limit| BatchSpec { limit: Some(Millis(limit)), ..spec() };
    let ending = Ending::TimedOut(as_told(LATE));
    let none = || SharedReport::Missing("r".to_owned());
    // They end at 9000, and those that run began at 1000.
    let decided = decide(&ending, none(), "+r?", &[limited(8000); 3]);
    assert_eq!(verdicts(&decided), [Some(PASSED), Some(LATE), None]);
    let decided = decide(&ending, none(), "+r?", &[limited(8001); 3]);
    assert_eq!(verdicts(&decided), [Some(PASSED), None, None], "others took its time");
    let decided = decide(&ending, none(), "+u?", &[limited(8001); 3]);
    assert_eq!(verdicts(&decided), [Some(PASSED), Some(LATE), None]);
}

#[test]
fn who_is_stopped_was_asked_for_or_took_too_long() {
    let limited = |limit| BatchSpec { limit: Some(Millis(limit)), ..spec() };
    let asked = BatchSpec { cancelled: true, ..limited(9999) };
    let ending = Ending::Stopped(as_told(CANCELLED));
    let none = || SharedReport::Missing("r".to_owned());
    let c = Some(CANCELLED);
    let decided = decide(&ending, none(), "+r??", &[asked, limited(9999), asked, spec()]);
    assert_eq!(verdicts(&decided), [Some(PASSED), None, c, None]);
    let decided = decide(&ending, none(), "+r?", &[limited(10); 3]);
    assert_eq!(verdicts(&decided), [Some(PASSED), Some(LATE), None]);
    let decided = decide(&ending, none(), "+r?", &[spec(); 3]);
    assert_eq!(verdicts(&decided), [Some(PASSED), c, c], "nobody is left who could run them");
}

#[test]
fn tests_that_were_not_selected_do_not_count() {
    let only = ["a".to_owned(), "b".to_owned()];
    let selected = BatchSpec { expected: Some(&only), selected: true, ..spec() };
    let ran = |tests: &[(&str, TestOutcome)]| {
        let tests = tests.iter().map(|(id, outcome)| test(id, *outcome)).collect();
        SharedReport::Read(Split { specs: vec![Parsed { tests, ..Parsed::default() }], ..Split::default() })
    };
    use TestOutcome::{Failed, Passed, Skipped};
    let judged = |tests, code| match decide(&Ending::Exited(code), ran(tests), "?", &[selected]).remove(0) {
        Decided::Judged(judgement, parsed) => (judgement.verdict, parsed.tests.len()),
        Decided::Again(why) => panic!("{why}"),
    };
    assert_eq!(judged(&[("a", Passed), ("b", Skipped), ("c", Skipped), ("d", Passed)], 0), (PASSED, 2));
    assert_eq!(judged(&[("a", Passed), ("c", Skipped)], 0), (MISSING, 1));
    assert_eq!(judged(&[("c", Skipped)], 0), (NO_TESTS, 0));
    assert_eq!(
        judged(&[("a", Passed), ("b", Passed), ("d", Failed)], 1),
        (FAILED, 3),
        "no failure is hidden"
    );
}

proptest! {
    /// Nothing passes in company that would not pass alone.
    #[test]
    fn a_pass_is_earned(
        code in prop_oneof![3 => Just(0), 2 => Just(1), 1 => -2..9_i32],
        what in "[-+! ]{2,5}",
        rest in "[-+! ]",
        far in "[-+!ru?]{5}",
        whole in proptest::bool::weighted(0.7),
    ) {
        let count = what.chars().count();
        let specs = vec![spec(); count];
        let shared = if whole { report(&format!("{what}/{rest}")) } else { SharedReport::Missing("r".to_owned()) };
        let far: String = far.chars().take(count).collect();
        let decided = decide(&Ending::Exited(code), shared, &far, &specs);
        prop_assert_eq!(decided.len(), count);
        for (at, decided) in decided.iter().enumerate() {
            let passed = matches!(decided, Decided::Judged(judgement, _) if judgement.verdict == PASSED);
            let own = if whole { what.chars().nth(at) } else { far.chars().nth(at) };
            if passed {
                prop_assert_eq!(own, Some('+'));
                prop_assert!(!whole || !matches!(rest.as_str(), "-" | "!"));
            }
            // And a failure of its own is never forgotten.
            if whole && matches!(own, Some('-' | '!')) {
                let failed = matches!(decided, Decided::Judged(judgement, _) if judgement.verdict == FAILED);
                prop_assert!(failed);
            }
        }
    }
}
