//! Where the dialects put what they read: applies the bounds, so that no dialect can forget one.

use super::{
    bounds,
    error::ReportError,
    source::Source,
    text::{clip, owner, without_escapes},
};
use part_core::{TestOutcome, TestResult};
use std::collections::HashMap;
use std::sync::Arc;

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

/// True for a test that did not pass and was not skipped.
pub(crate) fn is_failure(test: &TestResult) -> bool {
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

/// A report of several specs, apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// What it says of each spec, in their order.
    pub specs: Vec<Parsed>,
    /// What it says of none of them, or of all together.
    pub rest: Parsed,
}

impl Split {
    /// True when the report itself says that something went wrong.
    pub fn has_failed(&self) -> bool {
        self.rest.has_failed() || self.specs.iter().any(Parsed::has_failed)
    }
}

/// Takes in what a report says of one spec, or of several. Readers say with [`Collector::enter`] whose part comes; a
/// single spec owns all of its report.
pub(super) struct Collector {
    specs: Arc<[String]>,
    /// One for each spec, and one for what is nobody's.
    parts: Vec<Part>,
    current: usize,
    budget: Budget,
    failures: usize,
}

#[derive(Default)]
struct Part {
    parsed: Parsed,
    more_notes: usize,
    more_errors: usize,
}

impl Collector {
    pub(super) fn new(specs: &[String]) -> Self {
        let parts = (0..=specs.len()).map(|_| Part::default()).collect();
        let mut all =
            Collector { specs: specs.into(), parts, current: 0, budget: Budget::default(), failures: 0 };
        all.leave();
        all
    }

    /// What comes now is about the spec that `file` names (a file, a package, a binary). Gives that spec's name; empty
    /// where it is none of them.
    pub(super) fn enter(&mut self, file: &str) -> String {
        self.enter_any(&[file])
    }

    /// As [`Collector::enter`], by the first of `names` that names a spec.
    pub(super) fn enter_any(&mut self, names: &[&str]) -> String {
        if self.specs.len() == 1 {
            return self.specs[0].clone();
        }
        let found = names.iter().find_map(|name| owner(name, &self.specs));
        self.current = found.unwrap_or(self.specs.len());
        self.specs.get(self.current).cloned().unwrap_or_default()
    }

    /// What comes now is about no spec in particular.
    pub(super) fn leave(&mut self) {
        self.current = if self.specs.len() == 1 { 0 } else { self.specs.len() };
    }

    /// Whose part comes; only good to be compared and for [`Collector::back_to`].
    pub(super) fn whose(&self) -> usize {
        self.current
    }

    /// What comes now belongs where [`Collector::whose`] was said before.
    pub(super) fn back_to(&mut self, whose: usize) {
        self.current = whose;
    }

    /// The names of several specs; none of a single one, which owns everything anyway.
    pub(super) fn several(&self) -> Arc<[String]> {
        if self.specs.len() == 1 { Arc::new([]) } else { Arc::clone(&self.specs) }
    }

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
        self.failures += usize::from(is_failure(&test));
        self.parts[self.current].parsed.tests.push(test);
        Ok(())
    }

    pub(super) fn note(&mut self, text: impl AsRef<str>) {
        self.parts[self.current].note(text.as_ref());
    }

    pub(super) fn error(&mut self, text: impl AsRef<str>) {
        self.failures += 1;
        let part = &mut self.parts[self.current];
        if part.parsed.errors.len() < bounds::ERRORS {
            let text = tidy(text.as_ref(), bounds::MESSAGE_BYTES);
            part.parsed.errors.push(text.unwrap_or_else(|| "an error without a message".to_owned()));
        } else {
            part.more_errors += 1;
        }
    }

    /// True while there is no result at all.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.parsed.tests.is_empty())
    }

    /// True when something has failed of whose part it is now.
    pub(super) fn has_failed_here(&self) -> bool {
        self.parts[self.current].parsed.has_failed()
    }

    /// True when a test or an error since `mark` has failed.
    pub(super) fn has_failed_since(&self, mark: Mark) -> bool {
        self.failures > mark.failures
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { failures: self.failures }
    }

    pub(super) fn finish(mut self) -> Split {
        let rest = self.parts.pop().unwrap_or_default().finish();
        Split { specs: self.parts.into_iter().map(Part::finish).collect(), rest }
    }
}

impl Part {
    fn note(&mut self, text: &str) {
        if self.parsed.notes.len() < bounds::NOTES {
            self.parsed.notes.push(clip(text, bounds::NOTE_BYTES));
        } else {
            self.more_notes += 1;
        }
    }

    fn finish(mut self) -> Parsed {
        self.note_shared_ids();
        let Part { mut parsed, more_notes, more_errors } = self;
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
        self.note(&note);
    }
}

/// How far a [`Collector`] was.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    failures: usize,
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
        let mut all = Collector::new(&["s".to_owned()]);
        let mut test = result("i".repeat(10_000), "n".repeat(10_000), TestOutcome::Failed);
        test.message = Some(format!("\u{1b}[31m{}", "m".repeat(100_000)));
        test.detail = Some("d".repeat(100_000));
        test.output = Some("o".repeat(100_000));
        assert_eq!(all.test(&source, test), Ok(()));
        let test = &all.parts[0].parsed.tests[0];
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
        let parsed = all.finish().specs.remove(0);
        assert_eq!(parsed.notes.last().map(String::as_str), Some("150 more notes"));
        assert_eq!(parsed.errors.last().map(String::as_str), Some("100 more errors"));
    }

    #[test]
    fn what_several_specs_did_is_kept_apart() {
        let source = Source::read(&ReportFile { path: Path::new("r"), bytes: b"x" });
        let source = source.unwrap_or_else(|e| unreachable!("{e}"));
        let mut all = Collector::new(&["a.js".to_owned(), "b/a.js".to_owned()]);
        for (file, name) in [("/w/b/a.js", "b/a.js"), ("/w/a.js", "a.js"), ("/w/c.js", "")] {
            assert_eq!(all.enter(file), name);
            let test = result(file.to_owned(), file.to_owned(), TestOutcome::Passed);
            assert_eq!(all.test(&source, test), Ok(()));
        }
        all.enter("a.js");
        all.error("no");
        all.leave();
        all.note("of all");
        let Split { specs, rest } = all.finish();
        let ids = |parsed: &Parsed| parsed.tests.iter().map(|test| test.id.clone()).collect::<Vec<_>>();
        assert_eq!(
            (ids(&specs[0]), ids(&specs[1])),
            (vec!["/w/a.js".to_owned()], vec!["/w/b/a.js".to_owned()])
        );
        assert_eq!((ids(&rest), rest.notes.len()), (vec!["/w/c.js".to_owned()], 1));
        assert!(specs[0].has_failed() && !specs[1].has_failed() && !rest.has_failed());
    }
}
