//! Where the dialects put what they read: applies the bounds, so that no dialect can forget one.

use super::{
    bounds,
    error::ReportError,
    source::Source,
    text::{clip, without_escapes},
};
use part_core::{TestOutcome, TestResult};
use std::collections::HashMap;

/// What a report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Every test of the report, in its order. Two may have the same id where the framework allows that.
    pub tests: Vec<TestResult>,
    /// Oddities worth showing, which change no verdict.
    pub notes: Vec<String>,
    /// Errors outside any test, such as a file that could not be loaded or a hook that failed. With any of these
    /// the attempt has failed, even if all tests passed.
    pub errors: Vec<String>,
}

impl Parsed {
    /// True when the report itself says that something went wrong.
    pub fn has_failed(&self) -> bool {
        !self.errors.is_empty() || self.tests.iter().any(is_failure)
    }
}

fn is_failure(test: &TestResult) -> bool {
    match test.outcome {
        TestOutcome::Failed | TestOutcome::TimedOut => true,
        TestOutcome::Passed | TestOutcome::Skipped => false,
    }
}

/// A result with nothing but its identity and outcome.
pub(super) fn result(id: String, name: String, outcome: TestOutcome) -> TestResult {
    TestResult {
        id,
        name,
        outcome,
        duration_micros: None,
        message: None,
        detail: None,
        output: None,
        retries: 0,
        location: None,
    }
}

/// How much has been taken of what one report may hold. Readers that gather results before they hand them over
/// keep one of their own.
#[derive(Default)]
pub(super) struct Budget {
    tests: usize,
    name_bytes: usize,
}

impl Budget {
    pub(super) fn take(&mut self, source: &Source<'_>, test: &TestResult) -> Result<(), ReportError> {
        self.tests += 1;
        if self.tests > bounds::REPORT_TESTS {
            return Err(ReportError::too_large(source.path, "its tests", bounds::REPORT_TESTS as u64));
        }
        self.take_names(source, test.id.len() + test.name.len())
    }

    pub(super) fn take_names(&mut self, source: &Source<'_>, bytes: usize) -> Result<(), ReportError> {
        self.name_bytes += bytes;
        if self.name_bytes > bounds::REPORT_NAME_BYTES {
            let limit = bounds::REPORT_NAME_BYTES as u64;
            return Err(ReportError::too_large(source.path, "the names of its tests", limit));
        }
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct Collector {
    parsed: Parsed,
    budget: Budget,
    more_notes: usize,
    more_errors: usize,
}

impl Collector {
    /// Takes a test in. Cuts its texts to their bounds and takes terminal escapes out of message and detail.
    pub(super) fn test(&mut self, source: &Source<'_>, mut test: TestResult) -> Result<(), ReportError> {
        shorten(&mut test.id, bounds::NAME_BYTES);
        shorten(&mut test.name, bounds::NAME_BYTES);
        self.budget.take(source, &test)?;
        test.message = test.message.and_then(|text| tidy(&text, bounds::MESSAGE_BYTES));
        test.detail = test.detail.and_then(|text| tidy(&text, bounds::DETAIL_BYTES));
        test.output = test.output.filter(|text| !text.trim().is_empty());
        if let Some(output) = &mut test.output {
            shorten(output, bounds::OUTPUT_BYTES);
        }
        if let Some(location) = &mut test.location {
            shorten(location, bounds::NAME_BYTES);
        }
        // Said once is enough.
        if test.detail == test.message {
            test.detail = None;
        }
        self.parsed.tests.push(test);
        Ok(())
    }

    pub(super) fn note(&mut self, text: impl AsRef<str>) {
        if self.parsed.notes.len() < bounds::NOTES {
            self.parsed.notes.push(clip(text.as_ref(), bounds::NOTE_BYTES));
        } else {
            self.more_notes += 1;
        }
    }

    pub(super) fn error(&mut self, text: impl AsRef<str>) {
        if self.parsed.errors.len() < bounds::ERRORS {
            let text = tidy(text.as_ref(), bounds::MESSAGE_BYTES);
            self.parsed.errors.push(text.unwrap_or_else(|| "an error without a message".to_owned()));
        } else {
            self.more_errors += 1;
        }
    }

    /// Results so far.
    pub(super) fn tests(&self) -> &[TestResult] {
        &self.parsed.tests
    }

    /// True when a test or an error since `mark` has failed.
    pub(super) fn has_failed_since(&self, mark: Mark) -> bool {
        self.parsed.errors.len() > mark.errors || self.parsed.tests[mark.tests..].iter().any(is_failure)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { tests: self.parsed.tests.len(), errors: self.parsed.errors.len() }
    }

    pub(super) fn finish(mut self) -> Parsed {
        self.note_shared_ids();
        let Collector { mut parsed, more_notes, more_errors, .. } = self;
        if more_notes > 0 {
            parsed.notes.push(format!("{more_notes} more notes"));
        }
        if more_errors > 0 {
            parsed.errors.push(format!("{more_errors} more errors"));
        }
        parsed
    }

    fn note_shared_ids(&mut self) {
        let mut times: HashMap<&str, usize> = HashMap::with_capacity(self.parsed.tests.len());
        let mut shared: Vec<&str> = Vec::new();
        for test in &self.parsed.tests {
            let count = times.entry(&test.id).or_default();
            *count += 1;
            if *count == 2 {
                shared.push(&test.id);
            }
        }
        let note = match shared.as_slice() {
            [] => return,
            [id] => format!("{} tests are called `{id}`", times[id]),
            [id, ..] => format!("{} names belong to more than one test, such as `{id}`", shared.len()),
        };
        self.note(note);
    }
}

/// How far a [`Collector`] was.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    tests: usize,
    errors: usize,
}

fn shorten(text: &mut String, bound: usize) {
    if text.len() > bound {
        *text = clip(text, bound);
    }
}

fn tidy(text: &str, bound: usize) -> Option<String> {
    let plain = without_escapes(text);
    let plain = plain.trim_end();
    (!plain.is_empty()).then(|| clip(plain, bound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::parse::ReportFile;
    use std::path::Path;

    #[test]
    fn texts_are_bounded_and_plain() {
        let source = Source::read(&ReportFile { path: Path::new("r"), bytes: b"x" });
        let source = source.unwrap_or_else(|e| unreachable!("{e}"));
        let mut all = Collector::default();
        let mut test = result("i".repeat(10_000), "n".repeat(10_000), TestOutcome::Failed);
        test.message = Some(format!("\u{1b}[31m{}", "m".repeat(100_000)));
        test.detail = Some("d".repeat(100_000));
        test.output = Some("o".repeat(100_000));
        assert_eq!(all.test(&source, test), Ok(()));
        let test = &all.tests()[0];
        assert!(test.id.len() <= bounds::NAME_BYTES && test.name.len() <= bounds::NAME_BYTES);
        assert!(
            test.message.as_ref().is_some_and(|m| m.len() <= bounds::MESSAGE_BYTES && m.starts_with('m'))
        );
        assert!(test.detail.as_ref().is_some_and(|d| d.len() <= bounds::DETAIL_BYTES && d.contains("cut")));
        assert!(test.output.as_ref().is_some_and(|o| o.len() <= bounds::OUTPUT_BYTES));
        for _ in 0..200 {
            all.note("n");
            all.error("e");
        }
        let parsed = all.finish();
        assert_eq!(parsed.notes.last().map(String::as_str), Some("150 more notes"));
        assert_eq!(parsed.errors.last().map(String::as_str), Some("100 more errors"));
    }
}
