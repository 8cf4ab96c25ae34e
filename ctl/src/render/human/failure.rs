//! A failure in full: what failed, why, what was printed, and how to run it again.

use super::reproduce::reproduce;
use super::words::{Commands, exit_words};
use crate::text::{Palette, bytes, clean, count};
use crate::view::{AttemptView, RunView, SpecView};
use part_core::{AttemptVerdict, Finish, TestOutcome, TestResult};

/// Failed tests that are shown in full.
const TESTS: usize = 20;
/// Lines of one test's detail or output.
const TEST_LINES: usize = 60;
/// Lines of the attempt's output, the last ones.
pub(crate) const OUTPUT_LINES: usize = 60;
/// Names of missing tests or left-over processes.
const NAMES: usize = 20;
/// A line longer than this is cut.
const LINE_CHARS: usize = 2000;

const INDENT: &str = "           ";

/// The end of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// It wrote nothing.
    Empty,
    /// The last bytes of it; `whole` when they are all there is.
    Text {
        /// The bytes as text.
        text: String,
        /// Nothing is missing.
        whole: bool,
    },
    /// It is there, but could not be read.
    Unread {
        /// Why.
        why: String,
    },
}

/// The failure's text, below its line. Empty for an attempt that passed or was cancelled without a word.
pub(crate) fn failure(
    view: &RunView,
    spec: &SpecView,
    attempt: &AttemptView,
    tail: &Tail,
    palette: Palette,
    commands: &Commands,
) -> String {
    let Some(finish) = attempt.finish() else { return String::new() };
    if finish.verdict == AttemptVerdict::Passed {
        return String::new();
    }
    let mut page = Page { text: String::new(), palette };
    tests(&mut page, view, spec, attempt, tail, commands);
    output(&mut page, view, spec, attempt, finish, tail, commands);
    if !spec.because.is_empty() {
        page.labelled("because", &spec.because);
    }
    reasons(&mut page, finish);
    if finish.verdict != AttemptVerdict::Cancelled {
        page.labelled("again", &reproduce(view, spec));
    }
    page.text.push('\n');
    page.text
}

fn tests(
    page: &mut Page,
    view: &RunView,
    spec: &SpecView,
    attempt: &AttemptView,
    tail: &Tail,
    commands: &Commands,
) {
    for test in attempt.failures().take(TESTS) {
        let place = test.location.as_deref().map(|place| format!("  ({place})")).unwrap_or_default();
        let word = if test.outcome == TestOutcome::TimedOut { "timed out " } else { "" };
        let mark = page.palette.fail("✗");
        let title = clean::line(&format!("{word}{}{place}", test.name), page.palette.into());
        page.line(&format!("{mark} {}", page.palette.name(&title)));
        page.block(&explanation(test), TEST_LINES);
        if let Some(output) = test.output.as_deref().filter(|output| !is_in(output, tail)) {
            page.line(&format!("  {}", page.palette.dim("it wrote:")));
            page.block(output, TEST_LINES);
        }
    }
    let more = attempt.failures().count().saturating_sub(TESTS);
    if more > 0 {
        let show = commands.line(&["show", &view.short(), "--spec", &spec.name]);
        page.line(&format!("… and {}: {show}", count(more as u64, "more failed test")));
    }
}

/// Message and detail; most frameworks repeat the message in the detail.
fn explanation(test: &TestResult) -> String {
    let message = test.message.as_deref().unwrap_or_default().trim();
    let detail = test.detail.as_deref().unwrap_or_default().trim_end();
    match (message.is_empty(), detail.trim().is_empty()) {
        (_, true) => message.to_owned(),
        (true, false) => detail.to_owned(),
        (false, false) if detail.contains(message) => detail.to_owned(),
        (false, false) => format!("{message}\n{detail}"),
    }
}

fn is_in(output: &str, tail: &Tail) -> bool {
    let output = output.trim();
    match tail {
        Tail::Text { text, .. } => text.contains(output),
        Tail::Empty | Tail::Unread { .. } => output.is_empty(),
    }
}

fn output(
    page: &mut Page,
    view: &RunView,
    spec: &SpecView,
    attempt: &AttemptView,
    finish: &Finish,
    tail: &Tail,
    commands: &Commands,
) {
    let number = attempt.number.to_string();
    let logs = commands.line(&["logs", &view.short(), &spec.name, "--attempt", &number]);
    match tail {
        Tail::Empty => {}
        Tail::Unread { why } => page.line(&format!("its output could not be read ({why}): {logs}")),
        Tail::Text { text, whole } => {
            let text = text.trim_end_matches(['\n', '\r']);
            let lines = text.split('\n').count();
            let complete = *whole && lines <= OUTPUT_LINES;
            let title = if complete {
                format!("output ({}):", count(lines as u64, "line"))
            } else {
                let cut = match finish.output.dropped_bytes {
                    0 => String::new(),
                    dropped => format!(", {} cut out of the middle", bytes(dropped)),
                };
                format!(
                    "end of the output ({} in all{cut}; the rest: {logs}):",
                    bytes(finish.output.total_bytes)
                )
            };
            page.line(&page.palette.dim(&clean::line(&title, page.palette.into())));
            let skipped = lines.saturating_sub(OUTPUT_LINES);
            let shown: Vec<&str> = text.split('\n').skip(skipped).collect();
            page.block(&shown.join("\n"), OUTPUT_LINES);
        }
    }
}

fn reasons(page: &mut Page, finish: &Finish) {
    let mut why = finish.message.trim().to_owned();
    if let Some(exit) = finish.exit {
        let exit = exit_words(exit);
        why = match why.as_str() {
            "" => exit,
            said if said.contains(&exit) => why,
            said => format!("{said} ({exit})"),
        };
    }
    if !why.is_empty() {
        page.labelled("why", &why);
    }
    page.names("missing", &finish.missing_tests);
    page.names("left over and killed", &finish.leaked);
}

/// Indented text.
struct Page {
    text: String,
    palette: Palette,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(&format!("{INDENT}{text}\n"));
    }

    /// Text from a test, cleaned and bounded.
    fn block(&mut self, text: &str, lines: usize) {
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        let all = text.split('\n').count();
        for line in text.split('\n').take(lines) {
            let line: String = match line.char_indices().nth(LINE_CHARS) {
                Some((end, _)) => format!("{}…", &line[..end]),
                None => line.to_owned(),
            };
            let line = clean::block(line.trim_end_matches('\r'), self.palette.into());
            self.text.push_str(format!("{INDENT}  {line}").trim_end());
            self.text.push('\n');
        }
        if all > lines {
            self.line(&format!("  {}", self.palette.dim(&format!("… {} more lines", all - lines))));
        }
    }

    fn labelled(&mut self, label: &str, text: &str) {
        let label = self.palette.dim(&format!("{label}:"));
        let text = clean::block(text, self.palette.into()).replace('\n', &format!("\n{INDENT}  "));
        self.line(&format!("{label} {text}"));
    }

    fn names(&mut self, label: &str, names: &[String]) {
        for name in names.iter().take(NAMES) {
            self.labelled(label, &clean::line(name, self.palette.into()));
        }
        if names.len() > NAMES {
            self.labelled(label, &format!("… and {} more", names.len() - NAMES));
        }
    }
}
