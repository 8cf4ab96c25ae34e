//! The document: suites, what they claim, and what they hold.

use super::{
    case,
    identity::{Case, Dialect, identity, nested},
};
use crate::report::{
    bounds,
    collect::{Budget, Collector},
    error::ReportError,
    source::Source,
    text::{before_stack, clip, non_empty},
    xml::{Document, Element, Node},
};
use part_core::{TestOutcome, TestResult};
use std::collections::HashMap;

/// Reads one file.
pub(in crate::report) fn read(
    source: &Source<'_>,
    spec: &str,
    all: &mut Collector,
) -> Result<(), ReportError> {
    let mut document = Document::new(source);
    let mut report = Report {
        source,
        spec,
        open: Vec::new(),
        dialect: Dialect::Common,
        tests: Vec::new(),
        budget: Budget::default(),
        nameless: None,
    };
    loop {
        match document.next()? {
            Node::Open(element) => report.open(&mut document, &element, all)?,
            Node::Close => report.close(all),
            Node::Text(_) => {}
            Node::End => break,
        }
    }
    if let Some((count, offset)) = report.nameless {
        let place = source.place(offset);
        all.error(format!(
            "{count} test cases have no name, the first is in line {} at byte {}",
            place.line, place.offset
        ));
    }
    for test in report.merged() {
        all.test(source, test)?;
    }
    Ok(())
}

struct Report<'a> {
    source: &'a Source<'a>,
    spec: &'a str,
    open: Vec<Level>,
    dialect: Dialect,
    tests: Vec<TestResult>,
    budget: Budget,
    /// How many test cases have no name, and where the first of them is.
    nameless: Option<(u64, usize)>,
}

/// An open element outside of test cases.
struct Level {
    name: String,
    /// The titles down to here; see [`nested`].
    titles: String,
    capabilities: String,
    /// What the element says is in it.
    declared: Counts,
    /// What really is.
    found: Counts,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tests: u64,
    failures: u64,
    skipped: u64,
}

impl Report<'_> {
    fn open(
        &mut self,
        document: &mut Document<'_>,
        element: &Element,
        all: &mut Collector,
    ) -> Result<(), ReportError> {
        match element.name.as_str() {
            "testsuites" | "testsuite" => self.suite(element),
            name if self.open.is_empty() => {
                let what = format!("not a JUnit report: it begins with <{name}>");
                return Err(self.source.malformed(element.offset, what));
            }
            "testcase" => self.case(document, element, all)?,
            "failure" | "error" => {
                let text = document.content()?;
                let message = element.attribute("message").or_else(|| non_empty(before_stack(&text)));
                let error = format!("{}: {}", self.title(), message.unwrap_or("failed"));
                all.error(format!("{error}\n{}", text.trim_end()));
                self.count_failure();
            }
            "property" => {
                if element.attribute("name") == Some("capabilities")
                    && let Some(suite) = self.open.iter_mut().rfind(|level| level.name == "testsuite")
                {
                    suite.capabilities =
                        clip(element.attribute("value").unwrap_or_default(), bounds::NAME_BYTES);
                }
                document.skip()?;
            }
            "system-out" | "system-err" => document.skip()?,
            // Anything else is looked through: a test must not be lost because of what is around it.
            _ => self.push(element, String::new()),
        }
        Ok(())
    }

    fn suite(&mut self, element: &Element) {
        let name = element.attribute("name").unwrap_or_default();
        if self.open.is_empty() && element.name == "testsuites" && !element.has_attributes() {
            self.dialect = Dialect::NodeTest;
        }
        if name == "pytest tests" && element.name == "testsuites" || name == "pytest" {
            self.dialect = Dialect::Pytest;
        }
        let outer = self.open.last().map_or("", |level| &level.titles);
        let titles = if element.name == "testsuite" { nested(outer, name, self.spec) } else { String::new() };
        self.push(element, titles);
    }

    fn push(&mut self, element: &Element, titles: String) {
        let outer = self.open.last();
        let is_suite = element.name.starts_with("testsuite");
        let count = |name| if is_suite { element.count(name).unwrap_or(0) } else { 0 };
        let declared = Counts {
            tests: count("tests"),
            failures: count("failures").saturating_add(count("errors")),
            skipped: count("skipped"),
        };
        let level = Level {
            titles: if is_suite {
                titles
            } else {
                outer.map(|level| level.titles.clone()).unwrap_or_default()
            },
            capabilities: outer.map(|level| level.capabilities.clone()).unwrap_or_default(),
            name: element.name.clone(),
            declared,
            found: Counts::default(),
        };
        self.open.push(level);
    }

    fn close(&mut self, all: &mut Collector) {
        let Some(level) = self.open.pop() else { return };
        let title = if level.titles.is_empty() { &level.name } else { &level.titles };
        let Level { declared, mut found, .. } = level;
        // Some writers count skipped tests and leave them out.
        let left_out = declared.skipped.saturating_sub(found.skipped);
        let is_outermost_count = self.open.iter().all(|outer| outer.declared.tests == 0);
        if declared.tests > found.tests.saturating_add(left_out) && is_outermost_count {
            all.note(format!("`{title}` says it has {} tests, there are {}", declared.tests, found.tests));
        }
        if declared.failures > 0 && found.failures == 0 {
            all.error(format!("`{title}` says it has {} failures, but none is in it", declared.failures));
            found.failures = 1;
        }
        if let Some(outer) = self.open.last_mut() {
            outer.found.tests += found.tests;
            outer.found.failures += found.failures;
            outer.found.skipped += found.skipped;
        }
    }

    fn case(
        &mut self,
        document: &mut Document<'_>,
        element: &Element,
        all: &mut Collector,
    ) -> Result<(), ReportError> {
        let (mut test, has_failure) = case::read(document, self.source, element, self.spec)?;
        let class = element.attribute("classname").or_else(|| element.attribute("class")).unwrap_or_default();
        let level = self.open.last();
        let (suites, capabilities) = level.map_or(("", ""), |l| (l.titles.as_str(), l.capabilities.as_str()));
        let dialect = if !capabilities.is_empty() && class.starts_with(capabilities) {
            Dialect::WebdriverIo
        } else if self.dialect == Dialect::NodeTest && class != "test" {
            Dialect::Common
        } else {
            self.dialect
        };
        let name = element.attribute("name").unwrap_or_default();
        let case = Case { class, name, suites, capabilities, spec: self.spec };
        (test.id, test.name) = identity(dialect, &case);
        self.budget.take(self.source, &test)?;
        if let Some(level) = self.open.last_mut() {
            level.found.tests += 1;
            level.found.failures += u64::from(has_failure || failed(&test));
            level.found.skipped += u64::from(test.outcome == TestOutcome::Skipped);
        }
        if test.id.is_empty() {
            // pytest writes such an entry for the test in which it was told to exit.
            self.nameless.get_or_insert((0, element.offset)).0 += 1;
            return Ok(());
        }
        let collecting = dialect == Dialect::Pytest && class.is_empty();
        if collecting && test.message.as_deref() == Some("collection failure") {
            all.error(format!(
                "{}: {}",
                test.name,
                test.detail.as_deref().unwrap_or("could not be collected")
            ));
        } else {
            if dialect == Dialect::WebdriverIo {
                self.dialect = dialect;
            }
            self.tests.push(test);
        }
        Ok(())
    }

    fn count_failure(&mut self) {
        if let Some(level) = self.open.last_mut() {
            level.found.failures += 1;
        }
    }

    fn title(&self) -> &str {
        self.open.last().map_or("", |level| if level.titles.is_empty() { &level.name } else { &level.titles })
    }

    /// The tests, with the several entries that two dialects write for one test made into one.
    fn merged(self) -> Vec<TestResult> {
        let merge: fn(&mut TestResult, TestResult) -> Option<TestResult> = match self.dialect {
            Dialect::Pytest => merge_pytest,
            Dialect::WebdriverIo => merge_webdriverio,
            Dialect::Common | Dialect::NodeTest => return self.tests,
        };
        let mut merged: Vec<TestResult> = Vec::with_capacity(self.tests.len());
        let mut latest: HashMap<String, usize> = HashMap::with_capacity(self.tests.len());
        for test in self.tests {
            let id = test.id.clone();
            let left = match latest.get(&id) {
                Some(&at) => merge(&mut merged[at], test),
                None => Some(test),
            };
            if let Some(test) = left {
                latest.insert(id, merged.len());
                merged.push(test);
            }
        }
        merged
    }
}

fn failed(test: &TestResult) -> bool {
    match test.outcome {
        TestOutcome::Failed | TestOutcome::TimedOut => true,
        TestOutcome::Passed | TestOutcome::Skipped => false,
    }
}

/// pytest: a node id is unique, so it is the same test. Tries that were run again look like passes; the call's
/// failure and the teardown's error are two entries.
fn merge_pytest(first: &mut TestResult, second: TestResult) -> Option<TestResult> {
    if failed(first) && failed(&second) {
        let details = [first.detail.take(), second.message, second.detail];
        first.detail = Some(details.into_iter().flatten().collect::<Vec<_>>().join("\n\n"));
    } else if !failed(first) {
        let retries = first.retries.saturating_add(1);
        *first = TestResult { retries, ..second };
    }
    None
}

/// WebdriverIO: a try that is followed by another is written as skipped.
fn merge_webdriverio(first: &mut TestResult, second: TestResult) -> Option<TestResult> {
    if first.outcome != TestOutcome::Skipped {
        return Some(second);
    }
    let retries = first.retries.saturating_add(1);
    *first = TestResult { retries, ..second };
    None
}
