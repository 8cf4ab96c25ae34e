//! cargo-nextest's `libtest-json` and `libtest-json-plus` lines.
//!
//! **Ids.** The test's path inside its binary: what follows the `$` in `package::binary$path`, without the number of
//! tries (`#2`) that a test has which was run again.
//!
//! nextest ends a binary's suite as soon as it believes that nothing runs any more, and may begin it anew for the
//! rest; a skipped test may have no event but its start. So a suite's last event alone does not prove that the
//! report is complete: the number of tests that its first event announces has to come together. A shortfall is an
//! error, but for a run that stopped at a failure.

use super::{
    collect::{Collector, result},
    error::ReportError,
    json,
    source::Source,
    text::{block, micros_of_seconds, non_empty},
};
use part_core::{TestOutcome, TestResult};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    test_count: Option<usize>,
    #[serde(default)]
    ignored: Option<usize>,
    #[serde(default)]
    exec_time: Option<f64>,
    #[serde(default)]
    stdout: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    /// Only in `libtest-json-plus`.
    #[serde(default)]
    nextest: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(rename = "crate")]
    package: String,
    test_binary: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    stress_index: Option<u64>,
}

pub(super) fn read(source: &Source<'_>, _spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let mut report = Report::default();
    for line in source.lines().filter(|line| !line.text.trim().is_empty()) {
        if !line.text.starts_with('{') {
            all.note(format!("skipped a line that is not JSON: {}", line.text));
            continue;
        }
        let event: Event = json::line(source, line)?;
        match event.kind.as_str() {
            "suite" => report.suite(&event),
            "test" | "bench" => report.test(event),
            _ => {}
        }
    }
    report.finish(source, all)
}

#[derive(Default)]
struct Report {
    /// By the part of the tests' names before the `$`.
    binaries: HashMap<String, Binary>,
    tests: Vec<Test>,
    by_name: HashMap<String, usize>,
    /// The count of a suite whose lines do not name their binary: its next test does.
    unclaimed: Option<usize>,
    /// The binary of the latest test. Suites that do not name their binary never overlap.
    current: String,
    open_suites: usize,
    had_suite: bool,
}

/// What a binary's suites say, over all of them, and what came of it.
#[derive(Default)]
struct Binary {
    /// By the kind of target: a library and a program of one package may share their name.
    suites: HashMap<String, Announced>,
    /// Tests with an outcome.
    finished: usize,
    /// Tests that were said to be ignored.
    ignored: usize,
    /// Tests that only ever started.
    unfinished: usize,
}

#[derive(Default)]
struct Announced {
    tests: usize,
    ignored: usize,
}

struct Test {
    binary: String,
    path: String,
    result: Option<TestResult>,
}

impl Report {
    fn suite(&mut self, event: &Event) {
        self.had_suite = true;
        let starts = event.event == "started";
        self.open_suites = if starts { self.open_suites + 1 } else { self.open_suites.saturating_sub(1) };
        let (binary, kind) = match &event.nextest {
            Some(target) => (target.binary(), target.kind.as_str()),
            None if starts => {
                self.unclaimed = event.test_count;
                return;
            }
            None => (self.current.clone(), ""),
        };
        let announced = self.binaries.entry(binary).or_default().suites.entry(kind.to_owned()).or_default();
        announced.tests = announced.tests.max(event.test_count.unwrap_or(0));
        announced.ignored = announced.ignored.max(event.ignored.unwrap_or(0));
    }

    fn test(&mut self, event: Event) {
        let (name, retries) = without_tries(&event.name);
        let (binary, path) = name.split_once('$').unwrap_or(("", name));
        if let Some(count) = self.unclaimed.take() {
            let announced =
                self.binaries.entry(binary.to_owned()).or_default().suites.entry(String::new()).or_default();
            announced.tests = announced.tests.max(count);
        }
        if self.current != binary {
            binary.clone_into(&mut self.current);
        }
        let at = *self.by_name.entry(name.to_owned()).or_insert_with(|| {
            self.tests.push(Test { binary: binary.to_owned(), path: path.to_owned(), result: None });
            self.tests.len() - 1
        });
        let outcome = match event.event.as_str() {
            "ok" => TestOutcome::Passed,
            "ignored" => TestOutcome::Skipped,
            "failed" if event.reason.as_deref() == Some("time limit exceeded") => TestOutcome::TimedOut,
            "failed" => TestOutcome::Failed,
            // `started`, and libtest's `timeout`, which only warns.
            _ => return,
        };
        let mut test = result(path.to_owned(), path.replace("::", " > "), outcome);
        test.retries = retries;
        test.duration_micros = event.exec_time.and_then(micros_of_seconds);
        describe(&mut test, &event.stdout.unwrap_or_default());
        test.message = event.message.or(test.message).or(event.reason);
        self.tests[at].result = Some(test);
    }

    fn finish(mut self, source: &Source<'_>, all: &mut Collector) -> Result<(), ReportError> {
        if !self.had_suite {
            return Err(source.cut_off("there is no suite in it"));
        }
        if self.open_suites > 0 || self.unclaimed.is_some() {
            return Err(source.cut_off("the file ends before the last event of a suite"));
        }
        for test in &self.tests {
            let binary = self.binaries.entry(test.binary.clone()).or_default();
            match test.result.as_ref().map(|result| result.outcome) {
                Some(TestOutcome::Skipped) => binary.ignored += 1,
                Some(TestOutcome::Passed | TestOutcome::Failed | TestOutcome::TimedOut) => {
                    binary.finished += 1
                }
                None => binary.unfinished += 1,
            }
        }
        let mark = all.mark();
        let mut unfinished = Vec::new();
        for test in self.tests {
            enter(all, &test.binary, self.binaries.get(&test.binary));
            let name = test.path.replace("::", " > ");
            match test.result {
                Some(result) => all.test(source, result)?,
                None if self.binaries.get(&test.binary).is_some_and(Binary::skips_unfinished) => {
                    all.test(source, result(test.path, name, TestOutcome::Skipped))?;
                }
                None => unfinished.push((all.whose(), result(test.path, name, TestOutcome::Failed))),
            }
        }
        all.leave();
        let missing: usize = self.binaries.values().map(Binary::missing).sum();
        if !all.has_failed_since(mark) && missing + unfinished.len() > 0 {
            let missing = missing + unfinished.len();
            return Err(source.cut_off(format!("{missing} of the tests that were announced have no result")));
        }
        for (whose, mut test) in unfinished {
            all.back_to(whose);
            test.message = Some("it started, but no result was reported".to_owned());
            all.test(source, test)?;
        }
        all.leave();
        if missing > 0 {
            all.note(format!("{missing} tests did not run: nextest stopped at a failure"));
        }
        Ok(())
    }
}

impl Target {
    /// As it stands in front of the tests' names.
    fn binary(&self) -> String {
        let stress = self.stress_index.map(|index| format!("@stress-{index}")).unwrap_or_default();
        format!("{}::{}{stress}", self.package, self.test_binary)
    }
}

impl Binary {
    /// True when the tests that only started are just the ones that were skipped.
    fn skips_unfinished(&self) -> bool {
        self.ignored + self.unfinished <= self.suites.values().map(|suite| suite.ignored).sum()
    }

    /// Announced tests that no line is about.
    fn missing(&self) -> usize {
        let announced: usize = self.suites.values().map(|suite| suite.tests).sum();
        announced.saturating_sub(self.finished + self.ignored + self.unfinished)
    }
}

/// What comes now is about a binary: the lines name it by package and target, a spec by the binary's id, which also says
/// the kind of target. Where targets of different kinds share a name, there is no telling them apart.
fn enter(all: &mut Collector, name: &str, binary: Option<&Binary>) {
    let specs = all.several();
    if specs.is_empty() {
        return;
    }
    let (package, target) = name.split_once("::").unwrap_or((name, ""));
    let mut kinds = binary.into_iter().flat_map(|binary| binary.suites.keys());
    let id = match (kinds.next().map(String::as_str), kinds.next()) {
        (Some("lib"), None) => package.to_owned(),
        (Some("test"), None) => format!("{package}::{target}"),
        (Some(kind), None) if !kind.is_empty() => format!("{package}::{kind}/{target}"),
        (_, _) => String::new(),
    };
    match specs.iter().find(|spec| **spec == id) {
        Some(spec) => drop(all.enter(spec)),
        None => all.leave(),
    }
}

/// A test's name without the number of tries behind it, and how often it was run again.
fn without_tries(name: &str) -> (&str, u32) {
    match name.rsplit_once('#').and_then(|(name, tries)| Some((name, tries.parse::<u32>().ok()?))) {
        Some((name, tries)) if tries >= 2 => (name, tries - 1),
        Some(_) | None => (name, 0),
    }
}

/// Takes message and place of a panic out of what the test wrote.
fn describe(test: &mut TestResult, stdout: &str) {
    let Some(text) = block(stdout) else { return };
    if let Some((_, panic)) = text.split_once(" panicked at ") {
        let (place, rest) = panic.split_once('\n').unwrap_or((panic, ""));
        let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
        if let (Some(_), Some(line), Some(file)) = (parts.next(), parts.next(), parts.next()) {
            test.location = Some(format!("{file}:{line}"));
        }
        let end = ["\nstack backtrace:", "\nnote: "].iter().filter_map(|end| rest.find(end)).min();
        test.message = non_empty(&rest[..end.unwrap_or(rest.len())]).map(str::to_owned);
    } else {
        let line = text.lines().find(|line| line.starts_with("Error: ")).or_else(|| text.lines().next());
        test.message = line.map(str::to_owned);
    }
    test.detail = Some(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries() {
        assert_eq!(without_tries("a::a$b::c#3"), ("a::a$b::c", 2));
        assert_eq!(without_tries("a::a$b::c"), ("a::a$b::c", 0));
        assert_eq!(without_tries("a::a$case#1"), ("a::a$case#1", 0));
    }

    #[test]
    fn panics() {
        let mut test = result("a".to_owned(), "a".to_owned(), TestOutcome::Failed);
        describe(
            &mut test,
            "out\n\nthread 'a' (7) panicked at src/lib.rs:7:73:\nleft\nright\nstack backtrace:\n  0: x\n",
        );
        assert_eq!(test.message.as_deref(), Some("left\nright"));
        assert_eq!(test.location.as_deref(), Some("src/lib.rs:7"));
    }
}
