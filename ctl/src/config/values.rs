//! Single values that part.toml and the command line have in common.

use crate::bounds::{LEAST_TIMES, LOCK_NAME_BYTES, LOCK_PERMITS, MOST_TIMES};
use part_core::{Bounds, Lock, Millis};
use part_frameworks::table::{Span, SpanError};
use thiserror::Error;

/// A name that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// There is nothing in it.
    #[error("a {what} cannot be empty")]
    Empty {
        /// What is named.
        what: &'static str,
    },
    /// It is longer than the mesh takes.
    #[error("a {what} has at most {limit} bytes, this one has {size}")]
    TooLong {
        /// What is named.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The largest allowed.
        limit: usize,
    },
    /// It has characters that cannot be shown, or blanks around it.
    #[error("{text:?} cannot be a {what}: no control characters, no blanks at either end")]
    Characters {
        /// What is named.
        what: &'static str,
        /// The name.
        text: String,
    },
}

/// An environment variable that cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvError {
    /// Its name is not one.
    #[error("{0:?} cannot be the name of an environment variable")]
    Name(String),
    /// Part sets it itself.
    #[error("{0} is one of the variables that Part sets for each attempt")]
    Reserved(String),
    /// Its value holds a NUL.
    #[error("the value of {0} has a NUL character")]
    Value(String),
}

/// A size that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is no size: write a whole number and a unit, such as \"500MiB\" or \"8GiB\"")]
pub struct SizeError {
    /// What was written.
    pub text: String,
}

/// A limit for one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// This long; zero means that there is none.
    Length(Millis),
    /// This many hundredths of the forecast.
    Times(u32),
}

/// A limit that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimeLimitError {
    /// It is neither a length nor a multiple.
    #[error(
        "{0:?} is neither a length of time (write `90s`, `5m`, `1h30m` or `500ms`) nor a multiple of the forecast \
         (write `5x`)"
    )]
    Unreadable(String),
    /// The multiple is not useful.
    #[error(
        "{0:?} is no multiple of the forecast that can be a limit: allowed are \"1x\" to \"1000x\", with two decimals"
    )]
    Multiple(String),
}

/// A lock that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LockError {
    /// Its name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is something else after the colon.
    #[error(
        "{0:?} is no lock: after the colon stands how many specs may hold it, from 1 to {LOCK_PERMITS}, as in \"sandbox:2\""
    )]
    Permits(String),
}

/// Reads a limit for one attempt: a length such as `90s`, or a multiple of the forecast such as `5x` and `2,5X`.
pub fn parse_time_limit(text: &str) -> Result<TimeLimit, TimeLimitError> {
    let plain = text.trim();
    let Some(number) = plain.strip_suffix(['x', 'X']) else {
        let length = parse_duration(plain).map_err(|_| TimeLimitError::Unreadable(text.to_owned()))?;
        return Ok(TimeLimit::Length(length));
    };
    let hundredths = hundredths(number).ok_or_else(|| TimeLimitError::Multiple(text.to_owned()))?;
    match (LEAST_TIMES..=MOST_TIMES).contains(&hundredths) {
        true => Ok(TimeLimit::Times(hundredths)),
        false => Err(TimeLimitError::Multiple(text.to_owned())),
    }
}

/// Hundredths of a number with at most two decimals after a dot or a comma.
fn hundredths(number: &str) -> Option<u32> {
    let (whole, decimals) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
        return None;
    }
    let decimals: u32 = format!("{decimals:0<2}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(decimals)
}

/// Reads `sandbox:2`: a lock and how many specs may hold it at a time; without a number one.
pub fn parse_lock(text: &str) -> Result<Lock, LockError> {
    let (name, permits) = match text.split_once(':') {
        Some((name, permits)) => (name, Some(permits)),
        None => (text, None),
    };
    check_length("lock's name", name, LOCK_NAME_BYTES)?;
    let permits = match permits {
        None => 1,
        Some(number) => {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let count = number.parse().ok().filter(|count| digits && (1..=LOCK_PERMITS).contains(count));
            count.ok_or_else(|| LockError::Permits(text.to_owned()))?
        }
    };
    Ok(Lock { name: name.to_owned(), permits })
}

/// Reads `500MiB`, `8GiB`, `10GB`: a whole number above 0 with its unit.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    const UNITS: [(&str, u64); 9] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1000),
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    let wrong = || SizeError { text: text.to_owned() };
    let plain = text.trim();
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| plain.strip_suffix(unit).map(|number| (number.trim_end(), *factor)))
        .ok_or_else(wrong)?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|number| digits && *number > 0).ok_or_else(wrong)?;
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Reads `90s`, `5m`, `1h30m`, `500ms`: numbers with their units. As a limit, `0s` means that there is none.
pub fn parse_duration(text: &str) -> Result<Millis, SpanError> {
    text.parse().map(|Span(length)| length)
}

/// Checks the name of a project, suite or group, or a build id: shown in tables and addresses.
pub fn check_name(what: &'static str, text: &str) -> Result<(), NameError> {
    check_length(what, text, Bounds::DEFAULT.label_bytes)
}

fn check_length(what: &'static str, text: &str, limit: usize) -> Result<(), NameError> {
    if text.trim().is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > limit {
        return Err(NameError::TooLong { what, size: text.len(), limit });
    }
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(NameError::Characters { what, text: text.to_owned() });
    }
    Ok(())
}

/// The environment variables of `PART_*` that belong to the attempt and cannot be overridden.
const RESERVED: [&str; 6] =
    ["PART_RUN_ID", "PART_GROUP", "PART_SPEC", "PART_ATTEMPT", "PART_SLOT", "PART_WORKER"];

/// Checks an environment variable for specs.
pub fn check_env(name: &str, value: &str) -> Result<(), EnvError> {
    if name.is_empty() || name.contains(['=', '\0']) || name.chars().any(char::is_whitespace) {
        return Err(EnvError::Name(name.to_owned()));
    }
    if RESERVED.contains(&name) {
        return Err(EnvError::Reserved(name.to_owned()));
    }
    if value.contains('\0') {
        return Err(EnvError::Value(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        let table = [("500ms", 500), ("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("0s", 0)];
        for (text, millis) in table {
            assert_eq!(parse_duration(text), Ok(Millis(millis)), "{text}");
        }
        for text in ["", "90", "-5s", "5 parsecs", "soon", "PT5M", "99999999999999999h"] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn limits_are_lengths_or_multiples() {
        let table = [
            ("90s", TimeLimit::Length(Millis(90_000))),
            ("0s", TimeLimit::Length(Millis::ZERO)),
            ("5x", TimeLimit::Times(500)),
            ("2.5x", TimeLimit::Times(250)),
            ("2,05X", TimeLimit::Times(205)),
            ("1x", TimeLimit::Times(100)),
            ("1000x", TimeLimit::Times(100_000)),
        ];
        for (text, limit) in table {
            assert_eq!(parse_time_limit(text), Ok(limit), "{text}");
        }
        for text in
            ["", "5", "x", "5 x", "0x", "0.9x", "1000.01x", "1.x", ".5x", "1.005x", "-5x", "5xx", "soon"]
        {
            let error = parse_time_limit(text).expect_err(text).to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn locks_have_a_name_and_permits() {
        let table = [("printer", 1), ("printer:1", 1), ("printer:10000", 10_000), ("printer:007", 7)];
        for (text, permits) in table {
            assert_eq!(parse_lock(text), Ok(Lock { name: "printer".to_owned(), permits }), "{text}");
        }
        let wrong = [
            ("", "cannot be empty"),
            (":2", "cannot be empty"),
            (" a", "no blanks"),
            ("a\n", "no control characters"),
            ("a:", "after the colon"),
            ("a:0", "after the colon"),
            ("a:10001", "after the colon"),
            ("a:+2", "after the colon"),
            ("a:b:2", "after the colon"),
            (&"x".repeat(129), "at most 128 bytes"),
        ];
        for (text, expected) in wrong {
            let error = parse_lock(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        let table =
            [("500MiB", 500 << 20), ("8GiB", 8 << 30), ("10 GB", 10_000_000_000), ("1kB", 1000), ("7B", 7)];
        for (text, bytes) in table {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "5", "GiB", "-1GiB", "+1GiB", "1.5GiB", "0B", "99999999999TiB", "1 PB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_variables_are_checked() {
        assert_eq!(check_name("group label", "package/admin – ü"), Ok(()));
        for text in ["", "  ", " a", "a\n", "a\u{7}b", &"x".repeat(513)] {
            assert!(check_name("group label", text).is_err(), "{text:?}");
        }
        assert_eq!(check_env("BASE_URL", "http://localhost:8080/?a=b"), Ok(()));
        assert_eq!(check_env("PART_MODE", "x"), Ok(()));
        for (name, value) in [("", "x"), ("A=B", "x"), ("A B", "x"), ("PART_SPEC", "x"), ("A", "x\0")] {
            assert!(check_env(name, value).is_err(), "{name:?}");
        }
    }
}
