//! Common Test Report Format, JSON.
//!
//! **Ids.** Suites and name joined by ` > `; suites that name the spec itself are left out. Older writers give the
//! suites as one text, with ` > ` between them already; newer ones as a list.

use super::{
    collect::{Collector, result},
    error::ReportError,
    ids, json,
    source::Source,
    text::{before_stack, location, micros_of_millis, names_spec, non_empty},
    timeouts::failed_or_timed_out,
};
use part_core::{TestOutcome, TestResult};
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    summary: Option<Summary>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    tests: u64,
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    other: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    name: String,
    status: String,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    suite: Option<Texts>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    trace: Option<String>,
    #[serde(default)]
    line: Option<u64>,
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    raw_status: Option<String>,
    #[serde(default)]
    retries: Option<u32>,
    #[serde(default)]
    stdout: Option<Texts>,
    #[serde(default)]
    stderr: Option<Texts>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

pub(super) fn read(source: &Source<'_>, _spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let Report { results: Results { summary, tests } } = json::document(source, all)?;
    let mark = all.mark();
    let count = tests.len() as u64;
    for test in tests {
        let spec = test.enter(all);
        all.test(source, test.into_result(&spec))?;
    }
    all.leave();
    if let Some(summary) = summary {
        if summary.tests > count {
            all.note(format!("the summary says there are {} tests, there are {count}", summary.tests));
        }
        let failed = summary.failed.saturating_add(summary.other);
        if failed > 0 && !all.has_failed_since(mark) {
            all.error(format!("the summary says that {failed} tests failed, but none is in the report"));
        }
    }
    Ok(())
}

impl Test {
    /// By its file, or by a suite that is one.
    fn enter(&self, all: &mut Collector) -> String {
        let suites: &[String] = match &self.suite {
            Some(Texts::One(suite)) => std::slice::from_ref(suite),
            Some(Texts::Many(suites)) => suites,
            None => &[],
        };
        let names = self.file_path.iter().chain(suites).map(String::as_str);
        all.enter_any(&names.collect::<Vec<_>>())
    }

    fn into_result(self, spec: &str) -> TestResult {
        let mut titles = match self.suite {
            Some(Texts::One(suites)) => suites.split(" > ").map(str::to_owned).collect(),
            Some(Texts::Many(suites)) => suites,
            None => Vec::new(),
        };
        titles.retain(|title| !names_spec(title, spec));
        titles.push(self.name);
        let id = ids::titles(&titles);
        let raw = self.raw_status.unwrap_or_default();
        let message = self.message.unwrap_or_default();
        let outcome = match self.status.as_str() {
            "passed" => TestOutcome::Passed,
            "skipped" | "pending" => TestOutcome::Skipped,
            _ if raw.eq_ignore_ascii_case("timedOut") => TestOutcome::TimedOut,
            // `other` is what a writer says when the test neither passed nor was skipped on purpose.
            _ => failed_or_timed_out(&[&message]),
        };
        let mut test = result(id.clone(), id, outcome);
        test.duration_micros = self.duration.and_then(micros_of_millis);
        let told = outcome != TestOutcome::Passed || self.retries.is_some_and(|retries| retries > 0);
        test.message = non_empty(before_stack(&message)).filter(|_| told).map(str::to_owned);
        if !matches!(self.status.as_str(), "passed" | "failed" | "skipped" | "pending") {
            test.message.get_or_insert(format!("the status is `{}` {raw}", self.status));
        }
        let trace = self.trace.filter(|_| told).unwrap_or_default();
        let said = !told || message.is_empty() || trace.contains(&message);
        test.detail = non_empty(&if said { trace } else { format!("{message}\n{trace}") }).map(str::to_owned);
        let output = [self.stdout, self.stderr].into_iter().flatten().flat_map(Texts::into_vec);
        test.output = Some(output.collect::<Vec<_>>().join("\n"));
        test.retries = self.retries.unwrap_or(0);
        test.location = self.file_path.and_then(|file| location(spec, &file, self.line));
        test
    }
}

impl Texts {
    fn into_vec(self) -> Vec<String> {
        match self {
            Texts::One(text) => vec![text],
            Texts::Many(texts) => texts,
        }
    }
}
