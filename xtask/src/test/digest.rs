//! What a long run of tests comes to: of thousands of lines, those that a reader needs.

use std::mem;

/// Most lines that are repeated at the end: the start of the first failure matters more than the last of a hundred.
const MOST: usize = 400;

/// Reads what the test harness prints, line by line: [`Digest::line`] says whether a line is worth printing now, and
/// [`Digest::failures`] what to repeat when all is over.
///
/// The harness prints, for each program of tests, a line for every test, then what the failed ones printed (between
/// `failures:` and a second `failures:`), their names, and `test result: …`.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    failing: Vec<String>,
    told: Vec<String>,
    place: Place,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Running,
    /// In what the failed tests printed.
    Output,
    /// In the list of their names.
    Names,
}

impl Digest {
    /// Takes in a line. True when it belongs on the screen: all but those of tests that passed or were not asked for.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        if line.starts_with("test result: ") {
            self.place = Place::Running;
            return true;
        }
        if line == "failures:" {
            self.place = match mem::take(&mut self.place) {
                Place::Running => Place::Output,
                Place::Output | Place::Names => Place::Names,
            };
            return true;
        }
        match self.place {
            Place::Running => {
                if line.starts_with("test ") && line.ends_with(" FAILED") {
                    self.failing.push(line.to_owned());
                }
                !(line.is_empty() || line.starts_with("running ") || is_quiet(line))
            }
            Place::Output => {
                if self.told.len() < MOST {
                    self.told.push(line.to_owned());
                }
                true
            }
            Place::Names => true,
        }
    }

    /// What to repeat at the end: what the failed tests printed, and then their names. Empty when none failed.
    pub(crate) fn failures(&self) -> Vec<&str> {
        if self.failing.is_empty() && self.told.is_empty() {
            return Vec::new();
        }
        let mut lines: Vec<&str> = self.told.iter().map(String::as_str).collect();
        if self.told.len() == MOST {
            lines.push("… the rest is above");
        }
        lines.extend(self.failing.iter().map(String::as_str));
        lines
    }
}

/// A test that went as it should.
fn is_quiet(line: &str) -> bool {
    line.starts_with("test ") && (line.ends_with(" ok") || line.contains(" ... ignored"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "
running 3 tests
test a::good ... ok
test a::bad ... FAILED
test a::later ... ignored, needs a Mac

failures:

---- a::bad stdout ----
thread 'a::bad' panicked at src/a.rs:1:1:
no

failures:
    a::bad

test result: FAILED. 1 passed; 1 failed; 1 ignored

running 1 test
test b::good ... ok

test result: ok. 1 passed";

    #[test]
    fn what_failed_is_repeated_and_what_passed_is_not_printed() {
        let mut digest = Digest::default();
        let shown: Vec<&str> = RUN.lines().filter(|line| digest.line(line)).collect();
        assert!(shown.contains(&"test a::bad ... FAILED"), "{shown:?}");
        assert!(!shown.iter().any(|line| line.contains("good") || line.contains("later")), "{shown:?}");
        assert_eq!(shown.last(), Some(&"test result: ok. 1 passed"));
        let failures = digest.failures();
        assert!(failures.contains(&"---- a::bad stdout ----"), "{failures:?}");
        assert_eq!(failures.last(), Some(&"test a::bad ... FAILED"));
    }

    #[test]
    fn nothing_is_repeated_when_all_passed() {
        let mut digest = Digest::default();
        assert!(digest.line("test result: ok. 1 passed"));
        assert!(digest.failures().is_empty());
    }
}
