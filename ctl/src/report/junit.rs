//! Results as JUnit XML: one suite per spec, one case per test.
//!
//! What is wrong with a spec as a whole (it crashed, its report is missing, it was cancelled) is a case of its own,
//! named like the spec: no red spec is green in the file. A spec that was split by its tests is one suite with the cases
//! of all its parts. What fails of a quarantined spec is reported as skipped, with the failure as its message: readers of
//! the file know no other word for what went wrong and does not count.

use crate::error::{CliError, Kind};
use crate::view::{AttemptView, RunView, SpecView, Whole};
use part_core::{AttemptVerdict, Finish, SpecVerdict, TestOutcome, TestResult};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use std::path::Path;
use std::time::Duration;

/// Writes the file. `view` must have kept everything.
pub(crate) fn write(view: &RunView, file: &Path) -> Result<(), CliError> {
    let mut text = Vec::new();
    report(view)
        .serialize(&mut text)
        .map_err(|error| CliError::new(Kind::Local, "cannot make the JUnit report").because(error))?;
    prepare(file)?;
    std::fs::write(file, text).map_err(|error| CliError::file("write", file, error))
}

/// Makes sure that the file can be written, before anything runs.
pub(crate) fn prepare(file: &Path) -> Result<(), CliError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(|error| CliError::file("make the folder", folder, error))?;
    }
    if file.is_dir() {
        return Err(CliError::usage(format!("{} is a folder, not a file to write to", file.display())));
    }
    Ok(())
}

/// The report.
pub(crate) fn report(view: &RunView) -> Report {
    let mut report = Report::new(&view.project);
    if let Some(finished) = &view.finished {
        report.set_time(Duration::from_millis(finished.summary.makespan.0));
    }
    for whole in view.wholes() {
        report.add_test_suite(suite(view, &whole));
    }
    report
}

fn suite(view: &RunView, whole: &Whole<'_>) -> TestSuite {
    let group = &view.groups[whole.group()].label;
    let mut suite = TestSuite::new(format!("{group}: {}", whole.name));
    suite.add_property(Property::new("group", group));
    suite.add_property(Property::new("spec", whole.name));
    suite.add_property(Property::new("run", &view.run));
    if whole.quarantined() {
        suite.add_property(Property::new("quarantined", "true"));
    }
    if whole.is_split() {
        suite.add_property(Property::new("parts", whole.parts.len().to_string()));
    }
    let (mut took, mut output) = (Duration::ZERO, String::new());
    for spec in whole.parts {
        add_cases(&mut suite, spec);
        let Some(attempt) = spec.last_ended() else { continue };
        took += Duration::from_millis(attempt.took().unwrap_or_default().0);
        if let (Some(text), false) = (attempt.finish().and_then(|f| f.output.inline.as_ref()), spec.is_pass())
        {
            output.push_str(text);
        }
    }
    if whole.parts.iter().any(|part| part.last_ended().is_some()) {
        suite.set_time(took);
    }
    if !output.is_empty() {
        suite.set_system_out(&output);
    }
    suite
}

/// The cases of a spec, or of a part of one.
fn add_cases(suite: &mut TestSuite, spec: &SpecView) {
    if let Some((attempt, _)) = &spec.carried {
        suite.add_property(Property::new("carried_from", attempt));
    }
    let Some(attempt) = spec.last_ended() else {
        suite.add_test_case(whole(spec, None));
        return;
    };
    suite.add_property(Property::new("worker", &attempt.worker));
    suite.add_property(Property::new("attempts", attempt.number.to_string()));
    for test in &attempt.tests {
        suite.add_test_case(case(spec, attempt, test));
    }
    let Some(finish) = attempt.finish() else { return };
    for test in &finish.missing_tests {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("missing").set_message("the framework listed it, but it was not executed");
        let mut case = TestCase::new(test, aside(spec, status));
        case.set_classname(spec.whole_name());
        suite.add_test_case(case);
    }
    let failed_test = attempt.failures().next().is_some();
    let told = spec.is_pass() || (failed_test && finish.verdict == AttemptVerdict::Failed);
    if !told || attempt.tests.is_empty() {
        suite.add_test_case(whole(spec, Some(attempt)));
    }
}

/// What is wrong with a quarantined spec is said, but fails nothing.
fn aside(spec: &SpecView, status: TestCaseStatus) -> TestCaseStatus {
    match (spec.quarantined, status) {
        (true, TestCaseStatus::NonSuccess { message, ty, description, .. }) => {
            let what = message.as_ref().or(ty.as_ref()).map_or("failed", |text| text.as_str());
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_type("quarantined").set_message(format!("quarantined: {what}"));
            if let Some(description) = description {
                skipped.set_description(description.as_str());
            }
            skipped
        }
        (_, status) => status,
    }
}

/// A test of the deciding attempt, with what earlier attempts said of it.
fn case(spec: &SpecView, attempt: &AttemptView, test: &TestResult) -> TestCase {
    let mut status = status(test);
    for earlier in spec.attempts.iter().filter(|other| other.number < attempt.number) {
        if let Some(failed) = earlier.failures().find(|other| other.id == test.id) {
            status.add_rerun(rerun(failed));
        }
    }
    let mut case = TestCase::new(&test.name, aside(spec, status));
    case.set_classname(spec.whole_name());
    if let Some(micros) = test.duration_micros {
        case.set_time(Duration::from_micros(micros));
    }
    if let Some(output) = &test.output {
        case.set_system_out(output);
    }
    if let Some(location) = &test.location {
        case.add_property(Property::new("location", location));
    }
    if test.retries > 0 {
        case.add_property(Property::new("retries", test.retries.to_string()));
    }
    case
}

fn status(test: &TestResult) -> TestCaseStatus {
    let mut status = match test.outcome {
        TestOutcome::Passed => return TestCaseStatus::success(),
        TestOutcome::Skipped => TestCaseStatus::skipped(),
        TestOutcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        TestOutcome::TimedOut => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    match test.outcome {
        TestOutcome::TimedOut => {
            status.set_type("timeout");
        }
        TestOutcome::Failed => {
            status.set_type("failure");
        }
        TestOutcome::Passed | TestOutcome::Skipped => {}
    }
    if let Some(message) = &test.message {
        status.set_message(message);
    }
    if let Some(detail) = &test.detail {
        status.set_description(detail);
    }
    status
}

fn rerun(failed: &TestResult) -> TestRerun {
    let mut rerun = TestRerun::new(match failed.outcome {
        TestOutcome::TimedOut => NonSuccessKind::Error,
        TestOutcome::Failed | TestOutcome::Passed | TestOutcome::Skipped => NonSuccessKind::Failure,
    });
    if let Some(micros) = failed.duration_micros {
        rerun.set_time(Duration::from_micros(micros));
    }
    if let Some(message) = &failed.message {
        rerun.set_message(message);
    }
    if let Some(detail) = &failed.detail {
        rerun.set_stack_trace(detail);
    }
    rerun
}

/// The spec as a case of its own.
fn whole(spec: &SpecView, attempt: Option<&AttemptView>) -> TestCase {
    let finish = attempt.and_then(AttemptView::finish);
    let mut status = match spec.verdict {
        Some(SpecVerdict::Passed { .. } | SpecVerdict::Carried) => TestCaseStatus::success(),
        Some(SpecVerdict::NotPassed(verdict)) => {
            let kind = match verdict {
                AttemptVerdict::Failed => NonSuccessKind::Failure,
                AttemptVerdict::Passed
                | AttemptVerdict::TimedOut
                | AttemptVerdict::Crashed
                | AttemptVerdict::Lost
                | AttemptVerdict::Cancelled
                | AttemptVerdict::SetupFailed
                | AttemptVerdict::Invalid(_) => NonSuccessKind::Error,
            };
            problem(kind, &verdict.to_string(), finish)
        }
        Some(SpecVerdict::Cancelled) => problem(NonSuccessKind::Error, "cancelled", finish),
        None => problem(NonSuccessKind::Error, "undecided", finish),
    };
    let last = attempt.map_or(0, |attempt| attempt.number);
    for earlier in spec.attempts.iter().filter(|other| other.number < last) {
        if let Some(finish) = earlier.finish().filter(|finish| finish.verdict != AttemptVerdict::Passed) {
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun.set_type(finish.verdict.to_string()).set_message(&finish.message);
            if let Some(took) = earlier.took() {
                rerun.set_time(Duration::from_millis(took.0));
            }
            status.add_rerun(rerun);
        }
    }
    let mut case = TestCase::new(&spec.name, aside(spec, status));
    case.set_classname(spec.whole_name());
    if let Some(took) = attempt.and_then(AttemptView::took) {
        case.set_time(Duration::from_millis(took.0));
    }
    case
}

fn problem(kind: NonSuccessKind, what: &str, finish: Option<&Finish>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let message = finish.map(|finish| finish.message.as_str()).filter(|message| !message.is_empty());
    status.set_type(what).set_message(message.unwrap_or(what));
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, failed_test, finish, passed_test, summary, terrible_finish};
    use crate::view::Keep;
    use part_core::{CancelReason, InvalidReason, RunVerdict};

    fn folded(script: Script) -> RunView {
        script.folded(Keep::Everything)
    }

    #[test]
    fn every_kind_of_end_is_in_the_file() {
        let skipped = TestResult {
            outcome: TestOutcome::Skipped,
            message: Some("not on this \u{1b}[31mmachine\u{0}".into()),
            ..passed_test("waits")
        };
        let specs =
            [("flaky.js", None), ("bad <&\">.js", None), ("no-report.js", None), ("stopped.js", None)];
        let script = Script::new()
            .group("package/admin", 1, &specs)
            .carried("package/old", &["old.js"])
            .sealed()
            .start(0, 1, 0)
            .after(400)
            .fail(0, 1)
            .start(0, 2, 0)
            .after(500)
            .end(0, 2, finish(AttemptVerdict::Passed, 400), vec![passed_test("removes"), skipped])
            .decide(0, SpecVerdict::Passed { flaky: true })
            .start(1, 1, 1)
            .end(1, 1, terrible_finish(), vec![failed_test("removes"), passed_test("adds")])
            .decide(1, SpecVerdict::NotPassed(AttemptVerdict::Invalid(InvalidReason::MissingTests)))
            .start(2, 1, 1)
            .end(2, 1, finish(AttemptVerdict::Passed, 10), Vec::new())
            .decide(2, SpecVerdict::Passed { flaky: false })
            .cancel(CancelReason::Requested { by: "dev".into() })
            .finish(RunVerdict::Cancelled, summary(5, 3));
        let view = folded(script);
        let report = report(&view);
        // Errors: the spec with missing tests as a whole, each missing test, and the spec that was cancelled.
        assert_eq!((report.tests, report.failures, report.errors, report.skipped), (10, 1, 4, 1));
        insta::assert_snapshot!(report.to_string().expect("it can be written"));
    }

    #[test]
    fn parts_are_one_suite_and_quarantined_failures_are_skipped() {
        let failed = SpecVerdict::NotPassed(AttemptVerdict::Failed);
        let script = Script::new()
            .group("g", 0, &[("1", None), ("2", None)])
            .parts_of("big.js")
            .group("q", 0, &[("shaky.js", None), ("gone.js", None)])
            .quarantined()
            .sealed()
            .start(0, 1, 0)
            .pass(0, 1)
            .start(1, 1, 0)
            .pass(1, 1)
            .start(2, 1, 0)
            .fail(2, 1)
            .decide(2, failed)
            .start(3, 1, 0)
            .end(3, 1, finish(AttemptVerdict::Crashed, 10), Vec::new())
            .decide(3, SpecVerdict::NotPassed(AttemptVerdict::Crashed))
            .finish(RunVerdict::Passed, summary(3, 1));
        let report = report(&folded(script));
        assert_eq!((report.tests, report.failures, report.errors, report.skipped), (7, 0, 0, 2));
        let suites: Vec<(&str, usize)> =
            report.test_suites.iter().map(|suite| (suite.name.as_str(), suite.test_cases.len())).collect();
        assert_eq!(suites, [("g: big.js", 4), ("q: shaky.js", 2), ("q: gone.js", 1)]);
        let text = report.to_string().expect("it can be written");
        assert!(text.contains("quarantined: expected 1 item, found 2"), "{text}");
    }

    #[test]
    fn a_file_in_a_folder_that_is_not_there_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a/b/report.xml");
        let view = folded(Script::new().group("g", 0, &[("a.js", None)]).sealed());
        assert!(write(&view, &file).is_ok());
        assert!(std::fs::read_to_string(&file).expect("it is there").contains("undecided"));
        assert_eq!(write(&view, folder.path()).map_err(|error| error.kind()), Err(Kind::Usage));
    }
}
