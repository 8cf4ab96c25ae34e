//! pytest-reportlog's JSON lines: one per phase (setup, call, teardown) of each test, written while pytest runs.
//!
//! **Ids.** The node id after the file: `TestCart::test_total[1,50]`, see [`ids::pytest`]. A module that was skipped
//! as a whole is one skipped test with the module as its id.
//!
//! An error in setup or teardown fails the test. An expected failure counts as skipped, an unexpected pass as passed
//! (unless it is strict: then pytest itself says failed), both with a message. Tries of pytest-rerunfailures become
//! retries; failed subtests are part of their test.

use super::{
    collect::{Collector, result},
    error::ReportError,
    ids, json,
    source::Source,
    text::{location, micros_of_seconds},
    timeouts::failed_or_timed_out,
};
use part_core::{TestOutcome, TestResult};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "$report_type")]
    kind: String,
    #[serde(default)]
    nodeid: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    when: Option<String>,
    #[serde(default)]
    longrepr: Value,
    #[serde(default)]
    wasxfail: Option<Value>,
    #[serde(default)]
    sections: Vec<(String, String)>,
    #[serde(default)]
    duration: f64,
    #[serde(default)]
    location: Option<(String, Option<u64>, String)>,
    #[serde(default)]
    exitstatus: Option<i64>,
}

pub(super) fn read(source: &Source<'_>, _spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let mut tests = Tests::default();
    let mut exit = None;
    for line in source.lines().filter(|line| !line.text.trim().is_empty()) {
        let record: Record = json::line(source, line)?;
        match record.kind.as_str() {
            "TestReport" => tests.phase(record),
            // Its spelling differs between pytest and the pytest-subtests plugin.
            "SubtestReport" | "SubTestReport" => tests.subtest(&record),
            "CollectReport" => collected(&record, source, all)?,
            "SessionFinish" => exit = Some(record.exitstatus),
            _ => {}
        }
    }
    let Some(exit) = exit else {
        return Err(source.cut_off("the file ends before pytest's last record"));
    };
    let mark = all.mark();
    for test in tests.tests {
        let spec = all.enter(file_of(&test.node));
        all.test(source, test.finish(&spec))?;
    }
    all.leave();
    match exit {
        None | Some(0 | 4 | 5) => {}
        Some(2) => all.error("pytest was interrupted"),
        Some(3) => all.error("pytest had an internal error"),
        Some(code) if !all.has_failed_since(mark) && all.is_empty() => {
            all.error(format!("pytest ended with code {code}"));
        }
        Some(code) if !all.has_failed_since(mark) => {
            all.error(format!("pytest ended with code {code}, but no test of the report failed"));
        }
        Some(_) => {}
    }
    Ok(())
}

/// A module or class that could not be collected, or was skipped.
fn collected(record: &Record, source: &Source<'_>, all: &mut Collector) -> Result<(), ReportError> {
    all.enter(file_of(&record.nodeid));
    match record.outcome.as_str() {
        "failed" => {
            all.error(format!("{} could not be collected\n{}", record.nodeid, text(&record.longrepr)));
            Ok(())
        }
        "skipped" => {
            let id = ids::pytest(&record.nodeid).to_owned();
            let mut test = result(id.clone(), id, TestOutcome::Skipped);
            test.message = skip_reason(&record.longrepr);
            all.test(source, test)
        }
        _ => Ok(()),
    }
}

/// The file in front of a node id.
fn file_of(node: &str) -> &str {
    node.split("::").next().unwrap_or_default()
}

#[derive(Default)]
struct Tests {
    tests: Vec<Test>,
    by_node: HashMap<String, usize>,
}

#[derive(Default)]
struct Test {
    node: String,
    outcome: Option<TestOutcome>,
    seconds: f64,
    message: Option<String>,
    details: Vec<String>,
    output: Option<String>,
    retries: u32,
    place: Option<(String, Option<u64>)>,
    /// The last try is over and another one is to come.
    again: bool,
    /// Why the first try failed.
    first_failure: Option<String>,
}

impl Tests {
    fn test(&mut self, node: &str) -> &mut Test {
        let at = match self.by_node.get(node) {
            Some(&at) => at,
            None => {
                self.tests.push(Test { node: node.to_owned(), ..Test::default() });
                self.by_node.insert(node.to_owned(), self.tests.len() - 1);
                self.tests.len() - 1
            }
        };
        &mut self.tests[at]
    }

    fn phase(&mut self, record: Record) {
        let test = self.test(&record.nodeid);
        let when = record.when.as_deref().unwrap_or_default();
        if test.again && when == "setup" {
            *test = Test {
                node: std::mem::take(&mut test.node),
                retries: test.retries,
                first_failure: test.first_failure.take(),
                ..Test::default()
            };
        }
        test.seconds += record.duration;
        if let Some((file, line, _)) = &record.location {
            test.place = Some((file.clone(), line.map(|line| line + 1)));
        }
        // Every phase repeats what the earlier ones captured.
        if !record.sections.is_empty() {
            test.output = Some(output(record.sections));
        }
        match record.outcome.as_str() {
            "passed" => {
                if when == "call" {
                    test.outcome.get_or_insert(TestOutcome::Passed);
                    if let Some(reason) = record.wasxfail {
                        test.message = Some(reasoned("passed, though expected to fail", &reason));
                    }
                }
            }
            "skipped" => {
                test.outcome.get_or_insert(TestOutcome::Skipped);
                test.message = match record.wasxfail {
                    Some(reason) => Some(reasoned("failed as expected", &reason)),
                    None => skip_reason(&record.longrepr),
                };
            }
            "rerun" => {
                test.again = true;
                test.retries = test.retries.saturating_add(1);
                let message = record.longrepr.pointer("/reprcrash/message").and_then(Value::as_str);
                let message = message.map(|message| format!("first try: {message}"));
                test.first_failure = test.first_failure.take().or(message);
            }
            _ => test.fail(when, &record.longrepr),
        }
    }

    fn subtest(&mut self, record: &Record) {
        if record.outcome == "failed" {
            self.test(&record.nodeid).fail("subtest", &record.longrepr);
        }
    }
}

impl Test {
    fn fail(&mut self, when: &str, longrepr: &Value) {
        let message = longrepr.pointer("/reprcrash/message").and_then(Value::as_str);
        let detail = text(longrepr);
        let message = message.unwrap_or(&detail);
        let outcome = failed_or_timed_out(&[message]);
        match self.outcome {
            Some(TestOutcome::Failed | TestOutcome::TimedOut) => {}
            Some(TestOutcome::Passed | TestOutcome::Skipped) | None => {
                self.outcome = Some(outcome);
                self.message = Some(match when {
                    "setup" | "teardown" => format!("{when}: {message}"),
                    _ => message.to_owned(),
                });
            }
        }
        self.details.push(detail);
    }

    fn finish(self, spec: &str) -> TestResult {
        let id = ids::pytest(&self.node).to_owned();
        let name = id.split("::").collect::<Vec<_>>();
        let name = match id.find('[') {
            // Values may hold `::` themselves.
            Some(at) => format!("{}{}", id[..at].replace("::", " > "), &id[at..]),
            None => ids::titles(&name),
        };
        let mut test = result(id, name, self.outcome.unwrap_or(TestOutcome::Failed));
        test.duration_micros = micros_of_seconds(self.seconds);
        test.message = match (self.outcome, self.again) {
            (None, false) => Some("pytest reported no result for its call".to_owned()),
            (None, true) => Some("it was to be run again, but was not".to_owned()),
            (Some(_), _) => self.message.or(self.first_failure),
        };
        test.detail = Some(self.details.join("\n\n"));
        test.output = self.output;
        test.retries = self.retries;
        let (file, line) = self.place.unwrap_or_else(|| (file_of(&self.node).to_owned(), None));
        test.location = location(spec, &file, line).or_else(|| location(spec, file_of(&self.node), None));
        test
    }
}

fn reasoned(what: &str, reason: &Value) -> String {
    match reason.as_str().map(|reason| reason.strip_prefix("reason: ").unwrap_or(reason)) {
        Some(reason) if !reason.is_empty() => format!("{what}: {reason}"),
        Some(_) | None => what.to_owned(),
    }
}

/// `[file, line, "Skipped: reason"]`.
fn skip_reason(longrepr: &Value) -> Option<String> {
    let reason = longrepr.get(2)?.as_str()?;
    Some(reason.strip_prefix("Skipped: ").unwrap_or(reason).to_owned())
}

fn output(sections: Vec<(String, String)>) -> String {
    let mut output = String::new();
    for (title, content) in sections {
        if !output.is_empty() && !output.ends_with('\n') {
            output.push('\n');
        }
        output.push_str(&format!("--- {title} ---\n{content}"));
    }
    output
}

/// A failure as pytest would print it, near enough: the chain of exceptions with their source lines.
fn text(longrepr: &Value) -> String {
    if let Some(text) = longrepr.as_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    match longrepr.get("chain").and_then(Value::as_array) {
        Some(chain) => {
            for link in chain {
                traceback(link.get(0), &mut text);
                if let Some(joint) = link.get(2).and_then(Value::as_str) {
                    text.push_str(&format!("\n\n{joint}\n\n"));
                }
            }
        }
        None => traceback(longrepr.get("reprtraceback"), &mut text),
    }
    if text.is_empty() && !longrepr.is_null() {
        // A plugin's own kind of failure: better raw than nothing.
        return longrepr.to_string();
    }
    text
}

fn traceback(traceback: Option<&Value>, text: &mut String) {
    let entries = traceback.and_then(|traceback| traceback.get("reprentries")).and_then(Value::as_array);
    for data in entries.into_iter().flatten().filter_map(|entry| entry.get("data")) {
        if !text.is_empty() && !text.ends_with("\n\n") {
            text.push_str("\n\n");
        }
        for line in
            data.get("lines").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            text.push_str(line);
            text.push('\n');
        }
        let place = |name| data.pointer(&format!("/reprfileloc/{name}"));
        if let Some(path) = place("path").and_then(Value::as_str) {
            let line = place("lineno").and_then(Value::as_u64).unwrap_or(0);
            let message = place("message").and_then(Value::as_str).unwrap_or_default();
            text.push_str(&format!("\n{path}:{line}: {message}"));
        }
    }
}
