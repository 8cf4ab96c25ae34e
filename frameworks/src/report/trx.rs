//! Visual Studio test results (TRX): VSTest's `trx` logger and xUnit.net's `--report-xunit-trx`.
//!
//! **Ids.** `testName`, the display name, which is also what `dotnet test --list-tests` prints. xUnit.net's holds
//! namespace and class unless the project says otherwise.
//!
//! Rows of a data-driven test that the framework folds into one result (`InnerResults`) stay one test, as in the
//! listing; the rows that failed are in its detail.

use super::{
    collect::{Collector, result},
    error::ReportError,
    source::Source,
    text::{location, micros_of_seconds, non_empty},
    timeouts::failed_or_timed_out,
    xml::{Document, Element, Node},
};
use part_core::{TestOutcome, TestResult};
use std::collections::HashMap;

pub(super) fn read(source: &Source<'_>, spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let mut document = Document::new(source);
    let mut report = Report { spec, ..Report::default() };
    loop {
        match document.next()? {
            Node::Open(element) => report.open(&mut document, source, &element, all)?,
            Node::Close | Node::Text(_) => {}
            Node::End => break,
        }
    }
    report.finish(source, all)
}

#[derive(Default)]
struct Report<'a> {
    spec: &'a str,
    rooted: bool,
    /// Results with their test's key into the definitions, which stand after them.
    results: Vec<(String, TestResult)>,
    /// Classes of the test definitions.
    classes: HashMap<String, String>,
    /// The definition being read.
    definition: String,
    /// What `ResultSummary` says about the whole run.
    summary: Option<String>,
    declared: Option<u64>,
    problems: Vec<String>,
}

impl Report<'_> {
    fn open(
        &mut self,
        document: &mut Document<'_>,
        source: &Source<'_>,
        element: &Element,
        all: &mut Collector,
    ) -> Result<(), ReportError> {
        if !self.rooted {
            if element.name != "TestRun" {
                let what = format!("not a test result file: it begins with <{}>", element.name);
                return Err(source.malformed(element.offset, what));
            }
            self.rooted = true;
            return Ok(());
        }
        let attribute = |name| element.attribute(name).unwrap_or_default().to_owned();
        match element.name.as_str() {
            "UnitTestResult" | "TestResult" | "GenericTestResult" | "WebTestResult" | "ManualTestResult" => {
                let test = Row::read(document, element)?.into_result(self.spec);
                self.results.push((attribute("testId"), test));
            }
            "UnitTest" => self.definition = attribute("id"),
            "TestMethod" => {
                self.classes.insert(self.definition.clone(), attribute("className"));
            }
            "ResultSummary" => self.summary = Some(attribute("outcome")),
            "Counters" => self.declared = element.count("total"),
            "RunInfo" => {
                let text = children_text(document)?;
                match element.attribute("outcome").unwrap_or_default() {
                    // xUnit.net repeats every failed test here.
                    _ if text.is_empty() || text.ends_with("[FAIL]") || text.ends_with("[SKIP]") => {}
                    "Error" | "Failed" | "Aborted" => self.problems.push(text),
                    _ => all.note(text),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self, source: &Source<'_>, all: &mut Collector) -> Result<(), ReportError> {
        let Report { results, classes, summary, declared, problems, .. } = self;
        let mark = all.mark();
        if let Some(declared) = declared.filter(|declared| *declared > results.len() as u64) {
            all.note(format!(
                "{}: says it has {declared} tests, there are {}",
                source.path.display(),
                results.len()
            ));
        }
        for (key, mut test) in results {
            if test.id.is_empty() {
                test.id.clone_from(&key);
            }
            test.name = name(&test.id, classes.get(&key).map_or("", String::as_str));
            all.test(source, test)?;
        }
        for problem in problems {
            all.error(problem);
        }
        match summary.as_deref() {
            None => return Err(source.cut_off("the file has no <ResultSummary>")),
            // "Completed" and "Passed" are fine; an aborted run has results up to that point.
            Some(
                outcome @ ("Failed"
                | "Error"
                | "Aborted"
                | "Timeout"
                | "Disconnected"
                | "PassedButRunAborted"),
            ) => {
                if !all.has_failed_since(mark) {
                    all.error(format!("the test run's outcome is `{outcome}`"));
                }
            }
            Some(_) => {}
        }
        Ok(())
    }
}

/// The class, then what the display name adds to it.
fn name(display: &str, class: &str) -> String {
    if class.is_empty() {
        return display.to_owned();
    }
    let method = display.strip_prefix(class).map_or(display, |rest| rest.trim_start_matches('.'));
    format!("{class} > {method}")
}

/// The texts of the elements inside the one that was just opened.
fn children_text(document: &mut Document<'_>) -> Result<String, ReportError> {
    let mut text = String::new();
    loop {
        match document.next()? {
            Node::Open(_) => text.push_str(&document.content()?),
            Node::Text(_) => {}
            Node::Close | Node::End => return Ok(text.trim().to_owned()),
        }
    }
}

/// One `<UnitTestResult>`.
#[derive(Default)]
struct Row {
    name: String,
    outcome: String,
    duration: Option<u64>,
    message: String,
    stack: String,
    output: String,
    /// Failures of the rows inside.
    inner: Vec<String>,
    inner_failed: bool,
}

impl Row {
    /// Reads the rest of the element. The depth of nested rows is bounded by that of elements.
    fn read(document: &mut Document<'_>, element: &Element) -> Result<Self, ReportError> {
        let attribute = |name| element.attribute(name).unwrap_or_default().to_owned();
        let mut row = Row {
            name: attribute("testName"),
            outcome: attribute("outcome"),
            duration: element.attribute("duration").and_then(duration),
            ..Row::default()
        };
        let mut depth = 0;
        loop {
            match document.next()? {
                Node::Open(child) => match child.name.as_str() {
                    "StdOut" | "StdErr" | "DebugTrace" => append(&mut row.output, &document.content()?),
                    "TextMessages" => append(&mut row.output, &children_text(document)?),
                    "Message" => append(&mut row.message, &document.content()?),
                    "StackTrace" => append(&mut row.stack, &document.content()?),
                    "UnitTestResult" | "TestResult" => {
                        let inner = Row::read(document, &child)?;
                        row.take(inner);
                    }
                    _ => depth += 1,
                },
                Node::Text(_) => {}
                Node::Close if depth == 0 => return Ok(row),
                Node::Close => depth -= 1,
                Node::End => return Ok(row),
            }
        }
    }

    fn take(&mut self, inner: Row) {
        if inner
            .verdict()
            .is_some_and(|outcome| outcome == TestOutcome::Passed || outcome == TestOutcome::Skipped)
        {
            return;
        }
        self.inner_failed = true;
        let mut text = format!("{}: {}", inner.name, inner.message.trim());
        append(&mut text, &inner.stack);
        self.inner.push(text);
        self.inner.extend(inner.inner);
    }

    /// None for outcomes that mean nothing to us.
    fn verdict(&self) -> Option<TestOutcome> {
        Some(match self.outcome.as_str() {
            _ if self.inner_failed => TestOutcome::Failed,
            "Passed" | "Completed" | "Warning" => TestOutcome::Passed,
            "Failed" | "Error" => failed_or_timed_out(&[&self.message]),
            "Timeout" => TestOutcome::TimedOut,
            "NotExecuted" | "Inconclusive" | "Pending" => TestOutcome::Skipped,
            _ => return None,
        })
    }

    fn into_result(self, spec: &str) -> TestResult {
        let outcome = self.verdict();
        let mut test = result(self.name, String::new(), outcome.unwrap_or(TestOutcome::Failed));
        test.duration_micros = self.duration;
        test.location = place(&self.stack).and_then(|(file, line)| location(spec, file, Some(line)));
        test.message = non_empty(&self.message).or(self.inner.first().map(String::as_str)).map(str::to_owned);
        if outcome.is_none() && test.message.is_none() {
            test.message = Some(format!("the outcome is `{}`", self.outcome));
        }
        let mut detail = self.message;
        append(&mut detail, &self.stack);
        for inner in &self.inner {
            append(&mut detail, inner);
        }
        test.detail = non_empty(&detail).map(str::to_owned);
        test.output = Some(self.output);
        test
    }
}

fn append(text: &mut String, more: &str) {
    if non_empty(more).is_some() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(more.trim_end());
    }
}

/// `hh:mm:ss.fffffff`, with days in front as `d.` where there are any.
fn duration(text: &str) -> Option<u64> {
    let mut parts = text.rsplitn(3, ':');
    let seconds: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let hours = parts.next()?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let (days, hours): (f64, f64) = (days.parse().ok()?, hours.parse().ok()?);
    micros_of_seconds(((days * 24.0 + hours) * 60.0 + minutes) * 60.0 + seconds)
}

/// The first place in a .NET stack: `   at Class.Method() in /path/File.cs:line 12`.
fn place(stack: &str) -> Option<(&str, u64)> {
    stack.lines().find_map(|line| {
        let (before, number) = line.trim_end().rsplit_once(":line ")?;
        let (_, file) = before.split_once(" in ")?;
        Some((file, number.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("00:00:00.0012345"), Some(1235));
        assert_eq!(duration("1.02:03:04.5"), Some(93_784_500_000));
        for bad in ["", "1", "1:2", "a:b:c", "-1:00:00"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn places_and_names() {
        let stack = "   at Shop.Cart.Add() in /src/Cart.cs:line 12\n   at B in /src/B.cs:line 3";
        assert_eq!(place(stack), Some(("/src/Cart.cs", 12)));
        assert_eq!(place("   at Shop.Cart.Add()"), None);
        assert_eq!(name("Shop.CartTests.Adds(n: 1)", "Shop.CartTests"), "Shop.CartTests > Adds(n: 1)");
        assert_eq!(name("adds things", "Shop.CartTests"), "Shop.CartTests > adds things");
        assert_eq!(name("adds", ""), "adds");
    }
}
