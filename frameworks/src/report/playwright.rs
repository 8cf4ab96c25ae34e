//! Playwright Test's JSON reporter.
//!
//! **Ids.** `[project] › describe › title`, without the project where it has no name, and without the file: see
//! [`ids::playwright`]. The same as a line of `--list` without its place.
//!
//! Playwright calls tests that it interrupted or never came to "skipped", and exits with 0 or 1 as it pleases. Here
//! an interrupted test has failed, and a run in which nothing failed but tests were left out has an error.

use super::{
    collect::{Collector, result},
    error::ReportError,
    ids, json,
    source::Source,
    text::{before_stack, clip, location, micros_of_millis, non_empty, without_escapes},
};
use crate::report::bounds;
use part_core::{TestOutcome, TestResult};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Report {
    suites: Vec<Suite>,
    #[serde(default)]
    errors: Vec<Failure>,
    #[serde(default)]
    stats: Option<Stats>,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    /// What the files of tests are relative to.
    #[serde(default)]
    root_dir: String,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(default)]
    unexpected: u64,
}

#[derive(Deserialize)]
struct Suite {
    #[serde(default)]
    title: String,
    #[serde(default)]
    specs: Vec<Spec>,
    #[serde(default)]
    suites: Vec<Suite>,
}

#[derive(Deserialize)]
struct Spec {
    title: String,
    #[serde(default)]
    tests: Vec<Test>,
    #[serde(default)]
    file: String,
    #[serde(default)]
    line: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    #[serde(default)]
    project_name: String,
    status: String,
    #[serde(default)]
    expected_status: String,
    #[serde(default)]
    results: Vec<Try>,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
struct Try {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    duration: f64,
    #[serde(default)]
    error: Option<Failure>,
    #[serde(default)]
    errors: Vec<Failure>,
    #[serde(default)]
    stdout: Vec<Piece>,
    #[serde(default)]
    stderr: Vec<Piece>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    stack: Option<String>,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    snippet: Option<String>,
    #[serde(default)]
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    file: String,
    #[serde(default)]
    line: Option<u64>,
}

/// Output that is not text comes in another member, which is left out.
#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    text: String,
}

pub(super) fn read(source: &Source<'_>, _spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let report: Report = json::document(source, all)?;
    let mark = all.mark();
    let mut left_out = BTreeMap::new();
    let context = Context { source, root: report.config.root_dir.trim_end_matches('/') };
    for file in &report.suites {
        // The outermost suite is the file.
        suite(file, &Titles::default(), &context, all, &mut left_out)?;
    }
    for error in &report.errors {
        let file = error.location.as_ref().map_or("", |place| place.file.as_str());
        let spec = all.enter(file);
        all.error(error.in_full(&spec));
    }
    for (whose, left_out) in left_out {
        all.back_to(whose);
        if !all.has_failed_here() {
            all.error(format!("{} tests did not run, such as `{}`", left_out.count, left_out.first));
        }
    }
    all.leave();
    if let Some(stats) = report.stats.filter(|stats| stats.unexpected > 0 && !all.has_failed_since(mark)) {
        let count = stats.unexpected;
        all.error(format!("the statistics say that {count} tests failed, but none is in the report"));
    }
    Ok(())
}

struct Context<'a> {
    source: &'a Source<'a>,
    root: &'a str,
}

/// Titles of the enclosing suites, joined for ids and for names. Cut at every level, since every test below repeats
/// them.
#[derive(Default)]
struct Titles {
    id: String,
    name: String,
}

/// Tests that were to run and did not.
#[derive(Default)]
struct LeftOut {
    count: usize,
    first: String,
}

/// Reads a suite; its depth is bounded by that of JSON documents.
fn suite(
    suite_read: &Suite,
    titles: &Titles,
    context: &Context<'_>,
    all: &mut Collector,
    left_out: &mut BTreeMap<usize, LeftOut>,
) -> Result<(), ReportError> {
    for spec in &suite_read.specs {
        let name = all.enter(&format!("{}/{}", context.root, spec.file));
        for test in &spec.tests {
            let mut result = test.result(titles, spec, &name);
            if test.was_left_out() {
                result.message = Some("did not run".to_owned());
                let left_out = left_out.entry(all.whose()).or_default();
                if left_out.count == 0 {
                    left_out.first = clip(&result.id, bounds::NOTE_BYTES);
                }
                left_out.count += 1;
            }
            all.test(context.source, result)?;
        }
    }
    for inner in &suite_read.suites {
        let id = clip(&ids::playwright("", &[&titles.id, &inner.title]), bounds::NAME_BYTES);
        let name = clip(&ids::titles(&[&titles.name, &inner.title]), bounds::NAME_BYTES);
        suite(inner, &Titles { id, name }, context, all, left_out)?;
    }
    Ok(())
}

impl Test {
    /// Skipped, but not because anybody said so: an earlier failure or limit got in the way.
    fn was_left_out(&self) -> bool {
        self.status == "skipped" && self.expected_status != "skipped" && !self.was_interrupted()
    }

    fn was_interrupted(&self) -> bool {
        self.results.last().is_some_and(|last| last.status.as_deref() == Some("interrupted"))
    }

    fn result(&self, titles: &Titles, spec: &Spec, spec_name: &str) -> TestResult {
        let last = self.results.last();
        let outcome = match self.status.as_str() {
            "expected" | "flaky" => TestOutcome::Passed,
            "skipped" if !self.was_interrupted() => TestOutcome::Skipped,
            _ if last.is_some_and(|last| last.status.as_deref() == Some("timedOut")) => TestOutcome::TimedOut,
            _ => TestOutcome::Failed,
        };
        let project = match self.project_name.as_str() {
            "" => String::new(),
            project => format!("[{project}]"),
        };
        let id = ids::playwright(&self.project_name, &[&titles.id, &spec.title]);
        let mut test = result(id, ids::titles(&[&project, &titles.name, &spec.title]), outcome);
        test.retries = u32::try_from(self.results.len().saturating_sub(1)).unwrap_or(u32::MAX);
        test.duration_micros = last.and_then(|last| micros_of_millis(last.duration));
        test.location = location(spec_name, &spec.file, spec.line);
        test.output = last.map(Try::output);
        // A flaky test is told by why it failed first, a failed one by its last try.
        let told = match outcome {
            TestOutcome::Passed => self.results.first().filter(|_| self.status == "flaky"),
            TestOutcome::Failed | TestOutcome::TimedOut => last,
            TestOutcome::Skipped => None,
        };
        if let Some(told) = told {
            test.message = told.message();
            test.detail = told.detail(spec_name);
        }
        test.message = match outcome {
            TestOutcome::Skipped => self.reason(),
            TestOutcome::Failed if test.message.is_none() && self.was_interrupted() => {
                Some("interrupted".to_owned())
            }
            TestOutcome::Failed if test.message.is_none() && self.expected_status == "failed" => {
                Some("expected to fail, but passed".to_owned())
            }
            TestOutcome::Passed | TestOutcome::Failed | TestOutcome::TimedOut => test.message,
        };
        test
    }

    fn reason(&self) -> Option<String> {
        let skips =
            self.annotations.iter().filter(|annotation| matches!(annotation.kind.as_str(), "skip" | "fixme"));
        skips.filter_map(|skip| skip.description.clone()).find(|reason| !reason.is_empty())
    }
}

impl Try {
    fn failures(&self) -> impl Iterator<Item = &Failure> {
        // `error` is the first of `errors`, which older versions do not have.
        let only = if self.errors.is_empty() { self.error.as_ref() } else { None };
        self.errors.iter().chain(only)
    }

    fn message(&self) -> Option<String> {
        let first = self.error.as_ref().or_else(|| self.errors.first())?;
        let text = without_escapes(first.message.as_deref().or(first.value.as_deref())?);
        non_empty(before_stack(&text)).map(str::to_owned)
    }

    fn detail(&self, spec: &str) -> Option<String> {
        let failures: Vec<_> = self.failures().map(|failure| failure.in_full(spec)).collect();
        (!failures.is_empty()).then(|| failures.join("\n\n"))
    }

    fn output(&self) -> String {
        self.stdout.iter().chain(&self.stderr).map(|piece| piece.text.as_str()).collect()
    }
}

impl Failure {
    fn in_full(&self, spec: &str) -> String {
        let text =
            self.stack.as_deref().or(self.message.as_deref()).or(self.value.as_deref()).unwrap_or("failed");
        let place = self.location.as_ref().and_then(|place| location(spec, &place.file, place.line));
        let has_place = place.as_ref().is_none_or(|place| text.contains(place.as_str()));
        [Some(text), self.snippet.as_deref(), place.as_deref().filter(|_| !has_place)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}
