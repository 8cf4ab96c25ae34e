//! Words for verdicts, counts and commands.

use crate::text::{Palette, command_line, count};
use part_core::{AttemptVerdict, ExitStatus, InvalidReason, SpecVerdict, TestCounts};

/// Columns of the longest status word.
pub(super) const STATUS_COLUMNS: usize = 9;

/// The word for what an attempt came to, in its colour.
pub(super) fn attempt_word(verdict: AttemptVerdict, flaky: bool, palette: Palette) -> String {
    match verdict {
        AttemptVerdict::Passed if flaky => palette.warn("FLAKY"),
        AttemptVerdict::Passed => palette.pass("PASS"),
        AttemptVerdict::Failed => palette.fail("FAIL"),
        AttemptVerdict::TimedOut => palette.fail("TIMEOUT"),
        AttemptVerdict::Crashed => palette.fail("CRASH"),
        AttemptVerdict::Lost => palette.fail("LOST"),
        AttemptVerdict::Cancelled => palette.warn("CANCELLED"),
        AttemptVerdict::SetupFailed => palette.fail("SETUP"),
        AttemptVerdict::Invalid(InvalidReason::NoTests) => palette.fail("NO TESTS"),
        AttemptVerdict::Invalid(InvalidReason::Report) => palette.fail("INVALID"),
        AttemptVerdict::Invalid(InvalidReason::MissingTests) => palette.fail("MISSING"),
    }
}

/// The word for a spec's verdict, in its colour.
fn verdict_word(verdict: SpecVerdict, palette: Palette) -> String {
    match verdict {
        SpecVerdict::Passed { flaky } => attempt_word(AttemptVerdict::Passed, flaky, palette),
        SpecVerdict::Carried => palette.pass("CARRIED"),
        SpecVerdict::NotPassed(verdict) => attempt_word(verdict, false, palette),
        SpecVerdict::Cancelled => palette.warn("CANCELLED"),
    }
}

/// The word for a spec that may not have a verdict yet.
pub(super) fn state_word(verdict: Option<SpecVerdict>, running: bool, palette: Palette) -> String {
    match (verdict, running) {
        (Some(verdict), _) => verdict_word(verdict, palette),
        (None, true) => palette.note("RUNNING"),
        (None, false) => palette.dim("WAITING"),
    }
}

/// `12 tests`, `1 of 5 tests failed`, with skipped and flaky ones; empty when no test was reported.
pub(super) fn counted_tests(tests: &TestCounts) -> String {
    if tests.total() == 0 {
        return String::new();
    }
    let mut text = match tests.failed {
        0 => count(tests.total(), "test"),
        failed => format!("{failed} of {} failed", count(tests.total(), "test")),
    };
    if tests.skipped > 0 {
        text.push_str(&format!(", {} skipped", tests.skipped));
    }
    if tests.flaky > 0 {
        text.push_str(&format!(", {} flaky", tests.flaky));
    }
    text
}

/// `exit code 1`, `killed by signal 9 (SIGKILL)`.
pub(super) fn exit_words(exit: ExitStatus) -> String {
    match exit {
        ExitStatus::Code(code) => format!("exit code {code}"),
        ExitStatus::Signal(signal) => match signal_name(signal) {
            Some(name) => format!("ended by signal {signal} ({name})"),
            None => format!("ended by signal {signal}"),
        },
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    // The numbers that all systems share.
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

/// Makes the commands that people are told to type next, for the mesh at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commands {
    prefix: Vec<String>,
}

impl Default for Commands {
    fn default() -> Self {
        Commands { prefix: vec!["partctl".into()] }
    }
}

impl Commands {
    /// `options` are the ones that named the mesh on the command line, such as `--server HOST:PORT`.
    pub(crate) fn with_options(options: &[String]) -> Self {
        let mut commands = Commands::default();
        commands.prefix.extend_from_slice(options);
        commands
    }

    /// The command line for these words.
    pub(crate) fn line(&self, words: &[&str]) -> String {
        let words: Vec<&str> = self.prefix.iter().map(String::as_str).chain(words.iter().copied()).collect();
        command_line(&words)
    }
}
