//! Mocha's JSON reporter.
//!
//! **Ids.** Full title of the parents, then the title, joined by ` > `: see [`ids::mocha`]. The report does not say
//! where one parent's title ends and the next begins.
//!
//! A hook that failed is no test: it is an error outside tests. The tests that it kept from running are not in the
//! report at all.

use super::{
    collect::{Collector, result},
    error::ReportError,
    ids, json,
    source::Source,
    text::{before_stack, location, micros_of_millis, non_empty},
    timeouts::failed_or_timed_out,
};
use part_core::{TestOutcome, TestResult};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Report {
    stats: Stats,
    tests: Vec<Test>,
    #[serde(default)]
    pending: Vec<Test>,
    #[serde(default)]
    failures: Vec<Test>,
    #[serde(default)]
    passes: Vec<Test>,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(default)]
    tests: u64,
    #[serde(default)]
    failures: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    title: String,
    full_title: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    current_retry: u32,
    #[serde(default)]
    err: Failure,
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    stack: Option<String>,
    #[serde(default)]
    code: Option<serde_json::Value>,
}

/// What a test came to, from the lists in which it occurs.
#[derive(Clone, Copy, Default)]
struct Lists {
    passed: u32,
    pending: u32,
    failed: u32,
}

/// File and full title; tests may share both.
type Key<'a> = (&'a str, &'a str);

pub(super) fn read(source: &Source<'_>, _spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let report: Report = json::document(source, all)?;
    let start = all.mark();
    let mut lists: HashMap<Key<'_>, Lists> = HashMap::new();
    for test in &report.passes {
        lists.entry(test.key()).or_default().passed += 1;
    }
    for test in &report.pending {
        lists.entry(test.key()).or_default().pending += 1;
    }
    for test in &report.failures {
        lists.entry(test.key()).or_default().failed += 1;
    }
    for test in &report.tests {
        let outcome = test.outcome(lists.entry(test.key()).or_default());
        let spec = all.enter(test.file.as_deref().unwrap_or_default());
        all.test(source, test.result(outcome, &spec))?;
    }
    for test in &report.failures {
        // What is still on the list was no test: a hook.
        if let Some(left) = lists.get_mut(&test.key()).filter(|left| left.failed > 0) {
            left.failed -= 1;
            all.enter(test.file.as_deref().unwrap_or_default());
            all.error(format!("{}: {}", test.full_title, test.err.in_full()));
        }
    }
    all.leave();
    let Stats { tests, failures } = report.stats;
    let found = report.tests.len() as u64;
    if tests > found {
        all.note(format!("the statistics say there are {tests} tests, there are {found}"));
    }
    if failures > 0 && !all.has_failed_since(start) {
        all.error(format!("the statistics say that {failures} tests failed, but none is in the report"));
    }
    Ok(())
}

impl Test {
    fn key(&self) -> Key<'_> {
        (self.file.as_deref().unwrap_or_default(), &self.full_title)
    }

    /// Takes this test from the lists. One that passed and then failed (it called `done` twice) is in two of them.
    fn outcome(&self, lists: &mut Lists) -> Option<TestOutcome> {
        let failed = self.err.message.is_some() || self.err.stack.is_some();
        if lists.failed > 0 && (failed || lists.passed + lists.pending == 0) {
            lists.failed -= 1;
            return Some(failed_or_timed_out(&[self.err.message.as_deref().unwrap_or_default()]));
        }
        if lists.passed > 0 {
            lists.passed -= 1;
            return Some(TestOutcome::Passed);
        }
        if lists.pending > 0 {
            lists.pending -= 1;
            return Some(TestOutcome::Skipped);
        }
        None
    }

    fn result(&self, outcome: Option<TestOutcome>, spec: &str) -> TestResult {
        let id = ids::mocha(&self.full_title, &self.title);
        let mut test = result(id.clone(), id, outcome.unwrap_or(TestOutcome::Failed));
        test.duration_micros = self.duration.and_then(micros_of_millis);
        test.retries = self.current_retry;
        test.location = self.file.as_deref().and_then(|file| location(spec, file, None));
        if self.err.code.as_ref().and_then(serde_json::Value::as_str) == Some("ERR_MOCHA_TIMEOUT") {
            test.outcome = TestOutcome::TimedOut;
        }
        if test.outcome == TestOutcome::Failed || test.outcome == TestOutcome::TimedOut {
            test.message =
                self.err.message.as_deref().and_then(|text| non_empty(before_stack(text))).map(str::to_owned);
            test.detail = Some(self.err.in_full());
        }
        if outcome.is_none() {
            test.message.get_or_insert("it is in none of the lists of results".to_owned());
        }
        test
    }
}

impl Failure {
    fn in_full(&self) -> String {
        let (message, stack) =
            (self.message.as_deref().unwrap_or_default(), self.stack.as_deref().unwrap_or_default());
        if stack.contains(message) { stack.to_owned() } else { format!("{message}\n{stack}") }
    }
}
