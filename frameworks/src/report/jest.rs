//! Jest's `--json`, which Vitest's JSON reporter also writes.
//!
//! **Ids.** Titles joined by ` > `, see [`ids::titles`].
//!
//! Jest reports tests that were not selected as `pending`, just like skipped ones; both are skipped here. A file that
//! could not be loaded, or whose hook failed, has no failed test: it is an error outside tests.

use super::{
    collect::{Collector, result},
    error::ReportError,
    ids, json,
    source::Source,
    text::{before_stack, location, micros_of_millis, non_empty, without_escapes},
    timeouts::failed_or_timed_out,
};
use part_core::{TestOutcome, TestResult};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_results: Vec<File>,
    #[serde(default)]
    num_total_tests: u64,
    #[serde(default)]
    success: Option<bool>,
    #[serde(default)]
    was_interrupted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    assertion_results: Vec<Test>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    #[serde(default)]
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    failure_messages: Option<Vec<String>>,
    #[serde(default)]
    location: Option<Location>,
    /// Jest only: how often it ran.
    #[serde(default)]
    invocations: Option<u32>,
    /// Jest only, and only where the user asked for them.
    #[serde(default)]
    retry_reasons: Vec<String>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    line: Option<u64>,
}

pub(super) fn read(source: &Source<'_>, _spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let report: Report = json::document(source, all)?;
    let start = all.mark();
    let mut count = 0;
    for file in report.test_results {
        let mark = all.mark();
        let spec = all.enter(&file.name);
        for test in file.assertion_results {
            count += 1;
            all.test(source, test.into_result(&file.name, &spec))?;
        }
        if file.status == "failed" && !all.has_failed_since(mark) {
            let message = file.message.unwrap_or_default();
            let message = non_empty(&message).unwrap_or("the file failed outside its tests");
            all.error(format!("{}\n{message}", location(&spec, &file.name, None).unwrap_or_default()));
        }
    }
    all.leave();
    if report.num_total_tests > count {
        all.note(format!("the report says it has {} tests, there are {count}", report.num_total_tests));
    }
    if report.was_interrupted {
        all.error("the run was interrupted");
    }
    if report.success == Some(false) && !all.has_failed_since(start) {
        all.error("the report says that the run failed, but not why");
    }
    Ok(())
}

impl Test {
    fn into_result(self, file: &str, spec: &str) -> TestResult {
        let failures = self.failure_messages.unwrap_or_default();
        let first = without_escapes(
            failures.first().or_else(|| self.retry_reasons.first()).map_or("", String::as_str),
        );
        let outcome = match self.status.as_str() {
            "passed" | "focused" => TestOutcome::Passed,
            "pending" | "todo" | "skipped" | "disabled" => TestOutcome::Skipped,
            _ => failed_or_timed_out(&[&first]),
        };
        let mut titles = self.ancestor_titles;
        titles.push(self.title);
        let id = ids::titles(&titles);
        let mut test = result(id.clone(), id, outcome);
        test.duration_micros = self.duration.and_then(micros_of_millis);
        test.location = location(spec, file, self.location.and_then(|location| location.line));
        test.message = non_empty(before_stack(&first)).map(str::to_owned);
        test.detail = Some(failures.join("\n\n"));
        test.retries = match self.invocations {
            Some(invocations) => invocations.saturating_sub(1),
            // Vitest keeps the failures of earlier tries. Of a test that failed in the end it cannot be told which
            // belong to one try.
            None if outcome == TestOutcome::Passed => u32::try_from(failures.len()).unwrap_or(u32::MAX),
            None => 0,
        };
        if self.status == "todo" {
            test.message = Some("todo".to_owned());
        } else if outcome == TestOutcome::Failed && test.message.is_none() {
            test.message = Some(format!("the status is `{}`", self.status));
        }
        test
    }
}
