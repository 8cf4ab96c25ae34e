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
        of_spec: spec.to_owned(),
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
    all.leave();
    if let Some((count, offset)) = report.nameless {
        let place = source.place(offset);
        all.error(format!(
            "{count} test cases have no name, the first is in line {} at byte {}",
            place.line, place.offset
        ));
    }
    for (whose, test) in report.merged() {
        all.back_to(whose);
        all.test(source, test)?;
    }
    all.leave();
    Ok(())
}

struct Report<'a> {
    source: &'a Source<'a>,
    /// The spec that is read about; empty where it is none, or not known.
    of_spec: String,
    open: Vec<Level>,
    dialect: Dialect,
    /// With whose they are.
    tests: Vec<(usize, TestResult)>,
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
    /// The file that the element says it is about, and its name: of a suite, these may be a spec.
    file: String,
    name_given: String,
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
            "testsuites" | "testsuite" => self.suite(element, all),
            name if self.open.is_empty() => {
                let what = format!("not a JUnit report: it begins with <{name}>");
                return Err(self.source.malformed(element.offset, what));
            }
            "testcase" => self.case(document, element, all)?,
            "failure" | "error" => {
                let text = document.content()?;
                let message = element.attribute("message").or_else(|| non_empty(before_stack(&text)));
                let error = format!("{}: {}", self.title(), message.unwrap_or("failed"));
                self.enter(&[], all);
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

    fn suite(&mut self, element: &Element, all: &mut Collector) {
        let name = element.attribute("name").unwrap_or_default();
        if self.open.is_empty() && element.name == "testsuites" && !element.has_attributes() {
            self.dialect = Dialect::NodeTest;
        }
        if name == "pytest tests" && element.name == "testsuites" || name == "pytest" {
            self.dialect = Dialect::Pytest;
        }
        let file = element.attribute("file").or_else(|| element.attribute("filepath")).unwrap_or_default();
        self.of_spec = self.enter(&[file, name], all);
        let outer = self.open.last().map_or("", |level| &level.titles);
        let titles =
            if element.name == "testsuite" { nested(outer, name, &self.of_spec) } else { String::new() };
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
        let text = |name| element.attribute(name).unwrap_or_default().to_owned();
        let level = Level {
            file: if is_suite { text("file") } else { String::new() },
            name_given: if is_suite { text("name") } else { String::new() },
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
        self.enter(&[], all);
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
        let class = element.attribute("classname").or_else(|| element.attribute("class")).unwrap_or_default();
        let file = element.attribute("file").unwrap_or_default();
        let module = self.module(class, element.attribute("name").unwrap_or_default(), all);
        let spec = self.enter(&[file, &module, class], all);
        let (mut test, has_failure) = case::read(document, self.source, element, &spec)?;
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
        let case = Case { class, name, suites, capabilities, spec: &spec };
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
            self.tests.push((all.whose(), test));
        }
        Ok(())
    }

    /// What comes now is about the spec that one of `names` names, or that one of the open suites does.
    fn enter(&self, names: &[&str], all: &mut Collector) -> String {
        let outer = self.open.iter().rev().flat_map(|level| [level.file.as_str(), level.name_given.as_str()]);
        all.enter_any(&names.iter().copied().chain(outer).collect::<Vec<_>>())
    }

    /// pytest names a module by dots where it gives no file: the spec that it is.
    fn module(&self, class: &str, name: &str, all: &Collector) -> String {
        let dotted = if class.is_empty() { name } else { class };
        let is_it = |spec: &&String| {
            let module = spec.strip_suffix(".py").unwrap_or(spec).replace(['/', '\\'], ".");
            let ends = |long: &str, short: &str| {
                long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            !dotted.is_empty() && (ends(dotted, &module) || ends(&module, dotted))
        };
        let specs = all.several();
        let mut found = specs.iter().filter(|_| self.dialect == Dialect::Pytest).filter(is_it);
        match (found.next(), found.next()) {
            (Some(spec), None) => spec.clone(),
            (_, _) => String::new(),
        }
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
    fn merged(self) -> Vec<(usize, TestResult)> {
        let merge: fn(&mut TestResult, TestResult) -> Option<TestResult> = match self.dialect {
            Dialect::Pytest => merge_pytest,
            Dialect::WebdriverIo => merge_webdriverio,
            Dialect::Common | Dialect::NodeTest => return self.tests,
        };
        let mut merged: Vec<(usize, TestResult)> = Vec::with_capacity(self.tests.len());
        let mut latest: HashMap<(usize, String), usize> = HashMap::with_capacity(self.tests.len());
        for (whose, test) in self.tests {
            let id = (whose, test.id.clone());
            let left = match latest.get(&id) {
                Some(&at) => merge(&mut merged[at].1, test),
                None => Some(test),
            };
            if let Some(test) = left {
                latest.insert(id, merged.len());
                merged.push((whose, test));
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
