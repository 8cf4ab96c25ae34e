//! What an attempt came to, from its exit and its report: one table, and never a pass by default.
//!
//! Whoever stopped the attempt (a time limit, a cancellation) says so by itself and does not ask here.

use crate::bounds::MISSING_TESTS;
use crate::report::{Parsed, ReportError};
use part_core::{AttemptVerdict, ExitRule, ExitStatus, InvalidReason, TestOutcome, TestResult};
use std::collections::HashMap;

/// What is known of an attempt's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// The framework writes none: the exit code is the result.
    Nothing,
    /// It should have written one, and did not.
    Missing {
        /// Where it was looked for, for people.
        place: String,
    },
    /// It is there, but cannot be read to its end.
    Broken(ReportError),
    /// It was read.
    Parsed(Parsed),
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: AttemptVerdict,
    /// Why, in a sentence; empty for a plain pass.
    pub message: String,
    /// Tests that were listed but not reported, by id, each as often as it is missing; at most [`MISSING_TESTS`].
    pub missing: Vec<String>,
}

/// Judges an attempt that ended by itself.
///
/// | Exit | Report | Verdict |
/// |---|---|---|
/// | by a signal | any | crashed |
/// | a code of `no_tests` | none expected, missing, empty, or without tests | ran no tests |
/// | 0 | none expected | passed |
/// | another code | none expected | failed |
/// | a code that failing tests do not give | missing or broken | failed: the framework itself did |
/// | any other | missing or broken | invalid report |
/// | any | a test failed, or an error outside the tests | failed |
/// | any | no tests | ran no tests |
/// | a code of `no_tests` | tests, all well | invalid report: they contradict each other |
/// | another code but 0 | tests, all well | failed, by the code |
/// | 0 | tests, all well, but not all that were listed | tests missing |
/// | 0 | tests, all well | passed |
///
/// `expected` are the ids of the tests that were listed for the spec, as often as they were; none where nothing is
/// known. A test that was skipped is there.
pub fn judge(
    exit: ExitStatus,
    rule: &ExitRule,
    reported: &Reported,
    expected: Option<&[String]>,
) -> Judgement {
    let code = match exit {
        ExitStatus::Code(code) => code,
        ExitStatus::Signal(signal) => return crashed(signal, reported, expected),
    };
    match reported {
        Reported::Nothing if rule.no_tests.contains(&code) => says_no_tests(code),
        Reported::Nothing if code == 0 => Judgement::new(AttemptVerdict::Passed, ""),
        Reported::Nothing => Judgement::new(AttemptVerdict::Failed, format!("exit code {code}")),
        reported if is_absent(reported) && rule.no_tests.contains(&code) => says_no_tests(code),
        Reported::Missing { place } => {
            without_report(code, rule, &format!("no report was written to {place}"))
        }
        Reported::Broken(error) => without_report(code, rule, &error.to_string()),
        Reported::Parsed(parsed) => with_report(code, rule, parsed, expected),
    }
}

/// True where nothing was written, not even half a report.
fn is_absent(reported: &Reported) -> bool {
    match reported {
        Reported::Missing { .. } => true,
        Reported::Broken(ReportError::Missing { .. } | ReportError::Empty { .. }) => true,
        Reported::Broken(ReportError::TooLarge { .. } | ReportError::Malformed { .. }) => false,
        Reported::Nothing | Reported::Parsed(_) => false,
    }
}

/// Without a whole report nothing has passed. A code that cannot come from failing tests says that the framework
/// itself broke; the missing report only follows from it.
fn without_report(code: i32, rule: &ExitRule, problem: &str) -> Judgement {
    let foreign = code != 0 && !rule.tests_failed.is_empty() && !rule.tests_failed.contains(&code);
    if foreign && !rule.no_tests.contains(&code) {
        let message = format!("the framework itself failed with exit code {code}; {problem}");
        return Judgement::new(AttemptVerdict::Failed, message);
    }
    invalid(problem.to_owned())
}

fn with_report(code: i32, rule: &ExitRule, parsed: &Parsed, expected: Option<&[String]>) -> Judgement {
    let missing = missing(&parsed.tests, expected);
    if parsed.has_failed() {
        return Judgement { missing, ..Judgement::new(AttemptVerdict::Failed, failure(parsed, code)) };
    }
    if parsed.tests.is_empty() {
        return Judgement { missing, ..no_tests("the report holds no test".to_owned()) };
    }
    if rule.no_tests.contains(&code) {
        let count = tests(parsed.tests.len());
        return invalid(format!("exit code {code} says that no test ran, but the report holds {count}"));
    }
    if code != 0 {
        let known = rule.tests_failed.is_empty() || rule.tests_failed.contains(&code);
        let hint = if known { "" } else { ", which is not the one for failed tests" };
        let message = format!("exit code {code}{hint}, although no test in the report failed");
        return Judgement { missing, ..Judgement::new(AttemptVerdict::Failed, message) };
    }
    if !missing.is_empty() {
        let verdict = AttemptVerdict::Invalid(InvalidReason::MissingTests);
        let verb = if missing.len() == 1 { "was" } else { "were" };
        let message = format!("{} {verb} listed but not executed", tests(missing.len()));
        return Judgement { verdict, message, missing };
    }
    Judgement::new(AttemptVerdict::Passed, "")
}

impl Judgement {
    fn new(verdict: AttemptVerdict, message: impl Into<String>) -> Self {
        Judgement { verdict, message: message.into(), missing: Vec::new() }
    }
}

fn crashed(signal: i32, reported: &Reported, expected: Option<&[String]>) -> Judgement {
    let missing = match reported {
        Reported::Parsed(parsed) => missing(&parsed.tests, expected),
        Reported::Nothing | Reported::Missing { .. } | Reported::Broken(_) => Vec::new(),
    };
    let message = format!("its process died of signal {signal}");
    Judgement { missing, ..Judgement::new(AttemptVerdict::Crashed, message) }
}

fn says_no_tests(code: i32) -> Judgement {
    no_tests(format!("exit code {code} says that no test ran"))
}

fn no_tests(message: String) -> Judgement {
    Judgement::new(AttemptVerdict::Invalid(InvalidReason::NoTests), message)
}

fn invalid(message: String) -> Judgement {
    Judgement::new(AttemptVerdict::Invalid(InvalidReason::Report), message)
}

fn failure(parsed: &Parsed, code: i32) -> String {
    let failed = parsed.tests.iter().filter(|test| match test.outcome {
        TestOutcome::Failed | TestOutcome::TimedOut => true,
        TestOutcome::Passed | TestOutcome::Skipped => false,
    });
    let mut message = match (failed.count(), parsed.errors.len()) {
        (0, 1) => "an error outside the tests".to_owned(),
        (0, errors) => format!("{errors} errors outside the tests"),
        (failed, 0) => format!("{failed} of {} failed", tests(parsed.tests.len())),
        (failed, _) => {
            format!("{failed} of {} failed, and errors outside of them", tests(parsed.tests.len()))
        }
    };
    if code == 0 {
        message.push_str(", although the exit code is 0");
    }
    let first =
        parsed.errors.iter().flat_map(|error| error.lines()).map(str::trim).find(|line| !line.is_empty());
    match first {
        Some(line) => format!("{message}: {line}"),
        None => message,
    }
}

fn tests(count: usize) -> String {
    if count == 1 { "1 test".to_owned() } else { format!("{count} tests") }
}

/// The expected ids that the tests lack, as often as they lack them.
fn missing(tests: &[TestResult], expected: Option<&[String]>) -> Vec<String> {
    let mut there: HashMap<&str, usize> = HashMap::new();
    for test in tests {
        *there.entry(&test.id).or_default() += 1;
    }
    let lacking = expected.unwrap_or_default().iter().filter(|id| match there.get_mut(id.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        Some(_) | None => true,
    });
    lacking.take(MISSING_TESTS).cloned().collect()
}

#[cfg(test)]
mod decisions {
    use super::*;
    use TestOutcome::{Failed, Passed, Skipped, TimedOut};
    use proptest::prelude::*;

    fn parsed(tests: &[(&str, TestOutcome)], errors: &[&str]) -> Reported {
        let result = |(id, outcome): &(&str, TestOutcome)| TestResult {
            id: (*id).to_owned(),
            name: (*id).to_owned(),
            outcome: *outcome,
            duration_micros: None,
            message: None,
            detail: None,
            output: None,
            retries: 0,
            location: None,
        };
        Reported::Parsed(Parsed {
            tests: tests.iter().map(result).collect(),
            notes: Vec::new(),
            errors: errors.iter().map(|error| (*error).to_owned()).collect(),
        })
    }

    fn missing_report() -> Reported {
        Reported::Missing { place: "r.xml".to_owned() }
    }

    fn broken() -> Reported {
        Reported::Broken(ReportError::TooLarge { path: "r.xml".into(), what: "bytes", limit: 9 })
    }

    fn empty_file() -> Reported {
        Reported::Broken(ReportError::Empty { path: "r.xml".into() })
    }

    /// pytest's rule, more or less.
    fn rule() -> ExitRule {
        ExitRule { no_tests: vec![5], tests_failed: vec![1] }
    }

    #[test]
    fn the_table() {
        const PASSED: AttemptVerdict = AttemptVerdict::Passed;
        const FAILED: AttemptVerdict = AttemptVerdict::Failed;
        const NO_TESTS: AttemptVerdict = AttemptVerdict::Invalid(InvalidReason::NoTests);
        const REPORT: AttemptVerdict = AttemptVerdict::Invalid(InvalidReason::Report);
        let good = || parsed(&[("a", Passed), ("b", Skipped)], &[]);
        let bad = || parsed(&[("a", Passed), ("b", Failed)], &[]);
        let empty = || parsed(&[], &[]);
        let hook = || parsed(&[("a", Passed)], &["\n  hook failed\n more"]);
        let table = [
            (0, Reported::Nothing, PASSED, ""),
            (3, Reported::Nothing, FAILED, "exit code 3"),
            (5, Reported::Nothing, NO_TESTS, "exit code 5 says that no test ran"),
            (0, missing_report(), REPORT, "no report was written to r.xml"),
            (1, missing_report(), REPORT, "no report was written to r.xml"),
            (
                4,
                missing_report(),
                FAILED,
                "the framework itself failed with exit code 4; no report was written to r.xml",
            ),
            (5, missing_report(), NO_TESTS, "exit code 5 says that no test ran"),
            (0, broken(), REPORT, "report r.xml is too large: bytes exceed the limit of 9"),
            (5, broken(), REPORT, "report r.xml is too large: bytes exceed the limit of 9"),
            (0, empty_file(), REPORT, "report r.xml is empty"),
            (5, empty_file(), NO_TESTS, "exit code 5 says that no test ran"),
            (0, good(), PASSED, ""),
            (0, parsed(&[("a", Skipped)], &[]), PASSED, ""),
            (0, bad(), FAILED, "1 of 2 tests failed, although the exit code is 0"),
            (1, bad(), FAILED, "1 of 2 tests failed"),
            (5, bad(), FAILED, "1 of 2 tests failed"),
            (1, parsed(&[("a", TimedOut)], &[]), FAILED, "1 of 1 test failed"),
            (1, hook(), FAILED, "an error outside the tests: hook failed"),
            (1, parsed(&[], &["syntax error"]), FAILED, "an error outside the tests: syntax error"),
            (0, empty(), NO_TESTS, "the report holds no test"),
            (2, empty(), NO_TESTS, "the report holds no test"),
            (5, good(), REPORT, "exit code 5 says that no test ran, but the report holds 2 tests"),
            (1, good(), FAILED, "exit code 1, although no test in the report failed"),
            (
                3,
                good(),
                FAILED,
                "exit code 3, which is not the one for failed tests, although no test in the report failed",
            ),
        ];
        for (code, reported, verdict, message) in table {
            let judged = judge(ExitStatus::Code(code), &rule(), &reported, None);
            assert_eq!((judged.verdict, judged.message.as_str()), (verdict, message), "{code} {reported:?}");
        }
        let judged = judge(ExitStatus::Signal(9), &rule(), &good(), None);
        assert_eq!(judged.verdict, AttemptVerdict::Crashed);
        assert_eq!(judged.message, "its process died of signal 9");
    }

    #[test]
    fn listed_tests_must_have_run_as_often_as_they_were_listed() {
        let expected: Vec<String> = ["a", "b", "a", "c"].map(String::from).to_vec();
        let reported = parsed(&[("a", Passed), ("c", Skipped), ("x", Passed)], &[]);
        let judged = judge(ExitStatus::Code(0), &rule(), &reported, Some(&expected));
        assert_eq!(judged.verdict, AttemptVerdict::Invalid(InvalidReason::MissingTests));
        assert_eq!(judged.message, "2 tests were listed but not executed");
        assert_eq!(judged.missing, ["b", "a"]);
        for fewer in [&[][..], &expected[3..]] {
            let judged = judge(ExitStatus::Code(0), &rule(), &reported, Some(fewer));
            assert_eq!(judged.verdict, AttemptVerdict::Passed);
        }
    }

    fn outcome() -> impl Strategy<Value = TestOutcome> {
        prop_oneof![8 => Just(Passed), 1 => Just(Skipped), 1 => Just(Failed), 1 => Just(TimedOut)]
    }

    proptest! {
        /// Everything that a pass needs, written down a second time.
        #[test]
        fn a_pass_is_earned(
            code in prop_oneof![3 => Just(0), 1 => -2..130_i32],
            signal in proptest::option::weighted(0.1, 1..30_i32),
            tests in proptest::collection::vec(("[a-c]", outcome()), 0..6),
            error in proptest::bool::weighted(0.2),
            expected in proptest::option::of(proptest::collection::vec("[a-c]", 0..4)),
            kind in 0..4_usize,
        ) {
            let pairs: Vec<(&str, TestOutcome)> = tests.iter().map(|(id, outcome)| (id.as_str(), *outcome)).collect();
            let reported = match kind {
                0 => Reported::Nothing,
                1 => missing_report(),
                2 => broken(),
                _ => parsed(&pairs, if error { &["error"] } else { &[] }),
            };
            let exit = signal.map_or(ExitStatus::Code(code), ExitStatus::Signal);
            let judged = judge(exit, &rule(), &reported, expected.as_deref());

            let clean = !error && tests.iter().all(|(_, outcome)| matches!(outcome, Passed | Skipped));
            let wanted = expected.unwrap_or_default();
            let often = |id: &String, ids: &[String]| ids.iter().filter(|own| *own == id).count();
            let there: Vec<String> = tests.iter().map(|(id, _)| id.clone()).collect();
            let whole = wanted.iter().all(|id| often(id, &wanted) <= often(id, &there));
            let well = !tests.is_empty() && clean && whole;
            let earned = exit == ExitStatus::Code(0) && (kind == 0 || kind == 3 && well);
            prop_assert_eq!(judged.verdict == AttemptVerdict::Passed, earned);
            prop_assert_eq!(judged.message.is_empty(), earned);
            if kind == 3 && signal.is_none() && !clean {
                prop_assert_eq!(judged.verdict, AttemptVerdict::Failed);
            }
            prop_assert_eq!(judged.missing.is_empty(), kind != 3 || whole || (signal.is_none() && code == 5 && clean && !tests.is_empty()));
        }
    }
}
