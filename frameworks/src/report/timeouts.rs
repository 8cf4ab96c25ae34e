//! Telling a test that its framework stopped for taking too long from one that failed.

use part_core::TestOutcome;

/// Pieces of text with which frameworks report that their own time limit stopped a test. Where a format has a
/// status of its own for that (Playwright's JSON, TRX, nextest), the dialect uses it and not this list.
const PHRASES: &[&str] = &[
    "test timeout",          // nextest's JUnit type, Playwright: "Test timeout of 1000ms exceeded."
    "testtimeoutfailure",    // node:test
    "testtimeouterror",      // Vitest
    "testtimedoutexception", // JUnit 4
    "test timed out",        // Vitest, Go
    "test execution timed out", // xUnit.net
    "exceeded timeout of",   // Jest
    "from pytest-timeout",   // pytest-timeout
    "test exceeded execution time allowance", // XCTest
];

/// [`TestOutcome::TimedOut`] when the first line of one of the texts is a framework's word for a time limit,
/// else [`TestOutcome::Failed`].
pub(super) fn failed_or_timed_out(texts: &[&str]) -> TestOutcome {
    if texts.iter().any(|text| is_timeout(text)) { TestOutcome::TimedOut } else { TestOutcome::Failed }
}

fn is_timeout(text: &str) -> bool {
    // The first line is enough, and a test that prints a phrase further down has not timed out.
    let line = text.trim_start().lines().next().unwrap_or_default();
    let line: String = line.chars().take(300).collect::<String>().to_lowercase();
    // Mocha and WebdriverIO: "Timeout of 2000ms exceeded. …".
    let mocha = line.contains("timeout of ") && line.contains("ms exceeded");
    mocha || PHRASES.iter().any(|phrase| line.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_phrases() {
        for text in [
            "Test timeout of 1000ms exceeded.",
            "test timeout",
            "TestTimeoutError: Test timed out in 50ms.",
            "thrown: \"Exceeded timeout of 50 ms for a test.\nAdd a timeout value",
            "Error: Timeout of 50ms exceeded. For async tests and hooks, ensure",
            "Failed: Timeout (>0.2s) from pytest-timeout.",
            "org.junit.runners.model.TestTimedOutException: test timed out after 100 milliseconds",
            "Test execution timed out after 50 milliseconds",
            "panic: test timed out after 1s",
            "testTimeoutFailure",
        ] {
            assert_eq!(failed_or_timed_out(&["", text]), TestOutcome::TimedOut, "{text}");
        }
        for text in [
            "",
            "AssertionError: expected timeout to be 3",
            "page.click: Timeout 30000ms",
            "a\ntest timed out",
        ] {
            assert_eq!(failed_or_timed_out(&[text]), TestOutcome::Failed, "{text}");
        }
    }
}
