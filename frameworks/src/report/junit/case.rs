//! One `<testcase>`.

use crate::report::{
    collect::result,
    error::ReportError,
    source::Source,
    text::{before_stack, block, location, micros_of_seconds, non_empty},
    timeouts::failed_or_timed_out,
    xml::{Document, Element, Node},
};
use part_core::{TestOutcome, TestResult};

/// What a `<testcase>` holds besides its identity, while it is read.
#[derive(Default)]
struct Content {
    failures: Vec<Failure>,
    skipped: Option<Failure>,
    /// Failures of earlier tries of a test that passed in the end.
    flaky: Vec<Failure>,
    /// Failures of further tries of a test that failed in all of them.
    reruns: Vec<Failure>,
    output: String,
}

#[derive(Default)]
struct Failure {
    kind: String,
    message: String,
    text: String,
}

/// Reads the rest of a `<testcase>` that was just opened. Id and name are the caller's business. Also says whether
/// there is a failure in it, which is not the same as having failed: a test that is still to be written may fail.
pub(super) fn read(
    document: &mut Document<'_>,
    source: &Source<'_>,
    element: &Element,
    spec: &str,
) -> Result<(TestResult, bool), ReportError> {
    let mut content = Content::default();
    loop {
        match document.next()? {
            Node::Open(child) => content.child(document, source, &child)?,
            Node::Text(_) => {}
            Node::Close | Node::End => break,
        }
    }
    let has_failure = !content.failures.is_empty();
    let mut test = content.into_result(element);
    test.duration_micros = element.attribute("time").and_then(seconds).and_then(micros_of_seconds);
    test.location = element.attribute("file").and_then(|file| location(spec, file, element.count("line")));
    Ok((test, has_failure))
}

impl Content {
    fn child(
        &mut self,
        document: &mut Document<'_>,
        source: &Source<'_>,
        child: &Element,
    ) -> Result<(), ReportError> {
        match child.name.as_str() {
            "failure" | "error" => self.failures.push(Failure::read(document, child)?),
            "skipped" => self.skipped = Some(Failure::read(document, child)?),
            "flakyFailure" | "flakyError" => self.flaky.push(Failure::read(document, child)?),
            "rerunFailure" | "rerunError" => self.reruns.push(Failure::read(document, child)?),
            "system-out" | "system-err" => {
                if let Some(text) = block(&document.content()?) {
                    if !self.output.is_empty() {
                        self.output.push('\n');
                    }
                    self.output.push_str(&text);
                }
            }
            // To read over these would be to lose a result.
            "testcase" | "testsuite" => {
                return Err(source.malformed(child.offset, format!("<{}> inside <testcase>", child.name)));
            }
            _ => document.skip()?,
        }
        Ok(())
    }

    fn into_result(self, element: &Element) -> TestResult {
        let Content { mut failures, skipped, flaky, reruns, output } = self;
        // node:test says both, and means skipped.
        let todo = skipped.as_ref().is_some_and(|skipped| skipped.kind == "todo");
        let status = Status::of(element);
        let retries = u32::try_from(flaky.len() + reruns.len()).unwrap_or(u32::MAX);
        if failures.is_empty() {
            failures = reruns;
        }
        let (outcome, causes) = if !failures.is_empty() && !todo {
            let first = &failures[0];
            (failed_or_timed_out(&[&first.kind, &first.message, &first.text]), failures)
        } else if status == Status::Failed {
            (TestOutcome::Failed, Vec::new())
        } else if let Some(skipped) = skipped {
            (TestOutcome::Skipped, vec![skipped])
        } else if status == Status::NotRun {
            (TestOutcome::Skipped, Vec::new())
        } else {
            (TestOutcome::Passed, flaky)
        };
        let mut test = result(String::new(), String::new(), outcome);
        test.retries = retries;
        test.message = causes.iter().find_map(Failure::summary);
        test.detail = joined(causes.iter().filter_map(|cause| block(&cause.text)));
        test.output = non_empty(&output).is_some().then_some(output);
        test
    }
}

impl Failure {
    fn read(document: &mut Document<'_>, element: &Element) -> Result<Self, ReportError> {
        let attribute = |name| element.attribute(name).unwrap_or_default().to_owned();
        let (kind, message) = (attribute("type"), attribute("message"));
        let mut text = String::new();
        loop {
            match document.next()? {
                Node::Text(piece) => text.push_str(&piece),
                // Surefire: the failure of another try has its stack in an element of its own.
                Node::Open(child) if child.name == "stackTrace" => {
                    text.truncate(text.trim_end().len());
                    text.push_str(&document.content()?);
                }
                Node::Open(_) => document.skip()?,
                Node::Close | Node::End => break,
            }
        }
        Ok(Failure { kind, message, text })
    }

    fn summary(&self) -> Option<String> {
        // node:test and WebdriverIO write these for want of a reason.
        let message = non_empty(&self.message).filter(|message| *message != "true");
        let text = || non_empty(before_stack(&self.text));
        let kind = || non_empty(&self.kind).filter(|kind| !matches!(*kind, "skipped" | "pytest.skip"));
        message.or_else(text).or_else(kind).map(str::to_owned)
    }
}

fn joined(texts: impl Iterator<Item = String>) -> Option<String> {
    let texts: Vec<_> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// Outcomes that some dialects write as attributes and not as elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Unsaid,
    Failed,
    NotRun,
}

impl Status {
    fn of(element: &Element) -> Self {
        let words =
            ["status", "result"].map(|name| element.attribute(name).unwrap_or_default().to_lowercase());
        if words.iter().any(|word| matches!(word.as_str(), "failed" | "failure" | "error" | "fail")) {
            return Status::Failed;
        }
        // GoogleTest: `status="notrun" result="suppressed"`.
        let not_run = |word: &String| {
            matches!(word.as_str(), "notrun" | "skipped" | "suppressed" | "disabled" | "ignored" | "pending")
        };
        if words.iter().any(not_run) { Status::NotRun } else { Status::Unsaid }
    }
}

/// Seconds as JUnit writers write them: `0.005`, with thousands separators (`1,234.5`), or in the machine's locale
/// (`0,005`, `1 234,5`, `1.234,5`). A single comma without a dot is the decimal one: tests take seconds, not hours.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let mut digits: String =
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’')).collect();
    if let Ok(plain) = digits.parse() {
        return Some(plain);
    }
    let decimal = match (digits.rfind(','), digits.rfind('.')) {
        (Some(comma), Some(dot)) => Some(comma.max(dot)),
        (Some(comma), None) if digits.matches(',').count() == 1 => Some(comma),
        (Some(_), None) => None,
        (None, dot) => dot.filter(|_| digits.matches('.').count() == 1),
    };
    if let Some(at) = decimal {
        let (whole, fraction) = digits.split_at(at);
        digits = format!("{}.{}", whole.replace([',', '.'], ""), &fraction[1..]);
    } else {
        digits = digits.replace([',', '.'], "");
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_all_locales() {
        for (text, expected) in [
            ("0.005", Some(0.005)),
            ("1,234.5", Some(1234.5)),
            ("1,234,567.5", Some(1_234_567.5)),
            ("1,234,567", Some(1_234_567.0)),
            ("0,005", Some(0.005)),
            ("1.234,5", Some(1234.5)),
            ("1 234,5", Some(1234.5)),
            ("1\u{a0}234.5", Some(1234.5)),
            ("1'234.5", Some(1234.5)),
            ("12", Some(12.0)),
            ("1e-3", Some(0.001)),
            (".5", Some(0.5)),
            ("", None),
            ("soon", None),
            ("1.2.3", Some(123.0)),
            (",", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
