//! Values as xUnit.net writes them: the number of threads, the level, the algorithm.

use part_core::{Algorithm, Parallel, Threads};
use thiserror::Error;

/// Why a text is no such value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValueError {
    /// No number of threads.
    #[error(
        "{text:?} is no number of threads: write \"default\" (or 0), \"unlimited\" (or -1), a number from 1, or a \
         multiple of the CPUs such as \"2.0x\""
    )]
    Threads {
        /// What was written.
        text: String,
    },
    /// A multiple of the CPUs in steps smaller than we can count.
    #[error("{text:?} has more than two decimals; write {nearest:?}")]
    Decimals {
        /// What was written.
        text: String,
        /// The same, cut to what can be had.
        nearest: String,
    },
    /// No level.
    #[error(
        "{text:?} is no level of parallel runs: write \"none\", \"collections\", \"assemblies\" or \"all\""
    )]
    Parallel {
        /// What was written.
        text: String,
    },
    /// No algorithm.
    #[error("{text:?} is no algorithm: write \"conservative\" or \"aggressive\"")]
    Algorithm {
        /// What was written.
        text: String,
    },
}

/// Reads a number of threads: `default` or `0`, `unlimited` or `-1`, a number from 1, or a multiple of the CPUs such as
/// `2.0x` and `0,5X`, in any case.
///
/// # Errors
/// When it is none of these; also for a multiple with more than two decimals, which would have to be cut.
pub fn parse_threads(text: &str) -> Result<Threads, ValueError> {
    match read_multiple(text) {
        Some(multiple) if multiple.exact => Ok(multiple.threads()),
        Some(multiple) => Err(ValueError::Decimals { text: text.to_owned(), nearest: multiple.to_string() }),
        None => {
            let unknown = || ValueError::Threads { text: text.to_owned() };
            if let Some(word) = threads_word(text) {
                return Ok(word);
            }
            threads_of(text.parse().map_err(|_| unknown())?).ok_or_else(unknown)
        }
    }
}

/// Reads a level: `none`, `collections`, `assemblies` or `all`, in any case.
///
/// # Errors
/// When it is none of these.
pub fn parse_parallel(text: &str) -> Result<Parallel, ValueError> {
    let levels = [
        ("none", Parallel::None),
        ("collections", Parallel::Collections),
        ("assemblies", Parallel::Assemblies),
        ("all", Parallel::All),
    ];
    named(text, levels).ok_or_else(|| ValueError::Parallel { text: text.to_owned() })
}

/// Reads an algorithm: `conservative` or `aggressive`, in any case.
///
/// # Errors
/// When it is none of these.
pub fn parse_algorithm(text: &str) -> Result<Algorithm, ValueError> {
    let algorithms = [("conservative", Algorithm::Conservative), ("aggressive", Algorithm::Aggressive)];
    named(text, algorithms).ok_or_else(|| ValueError::Algorithm { text: text.to_owned() })
}

/// The value of the name that is `text` in any case.
pub(super) fn named<T>(text: &str, values: impl IntoIterator<Item = (&'static str, T)>) -> Option<T> {
    values.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, value)| value)
}

/// The words for numbers of threads.
pub(super) fn threads_word(text: &str) -> Option<Threads> {
    named(text, [("default", Threads::Default), ("unlimited", Threads::Unlimited)])
}

/// What a plain number means; none below -1 and above what fits.
pub(super) fn threads_of(number: i64) -> Option<Threads> {
    match number {
        0 => Some(Threads::Default),
        -1 => Some(Threads::Unlimited),
        // xUnit.net counts in 32 bits with a sign.
        1.. => i32::try_from(number).ok().map(|count| Threads::Count(count.unsigned_abs())),
        ..-1 => None,
    }
}

/// A multiple of the CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multiple {
    /// In hundredths.
    hundredths: u32,
    /// Whether nothing was cut.
    pub(super) exact: bool,
}

impl Multiple {
    /// What it comes to. A multiple of nothing is the default, as it is for xUnit.net.
    pub(super) fn threads(self) -> Threads {
        match self.hundredths {
            0 => Threads::Default,
            hundredths => Threads::PerHundredCpus(hundredths),
        }
    }
}

impl std::fmt::Display for Multiple {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{:02}x", self.hundredths / 100, self.hundredths % 100)
    }
}

/// Reads digits, perhaps a dot or comma with more digits, and an `x` in either case. None for anything else, also for
/// more than fits.
pub(super) fn read_multiple(text: &str) -> Option<Multiple> {
    let number = text.strip_suffix(['x', 'X'])?;
    let (whole, decimals) = match number.split_once(['.', ',']) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (number, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !decimals.is_none_or(digits) {
        return None;
    }
    let decimals = decimals.unwrap_or_default();
    let digit = |place: usize| decimals.as_bytes().get(place).map_or(0, |digit| u32::from(digit - b'0'));
    let whole: u32 = whole.parse().ok()?;
    let hundredths = whole.checked_mul(100)?.checked_add(digit(0) * 10 + digit(1))?;
    let exact = decimals.bytes().skip(2).all(|digit| digit == b'0');
    Some(Multiple { hundredths, exact })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_number_of_threads() {
        let table = [
            ("0", Threads::Default),
            ("default", Threads::Default),
            ("Default", Threads::Default),
            ("-1", Threads::Unlimited),
            ("unlimited", Threads::Unlimited),
            ("UNLIMITED", Threads::Unlimited),
            ("1", Threads::Count(1)),
            ("16", Threads::Count(16)),
            ("2147483647", Threads::Count(2_147_483_647)),
            ("2.0x", Threads::PerHundredCpus(200)),
            ("2x", Threads::PerHundredCpus(200)),
            ("0,5X", Threads::PerHundredCpus(50)),
            ("0.5x", Threads::PerHundredCpus(50)),
            ("1.25x", Threads::PerHundredCpus(125)),
            ("1.2500x", Threads::PerHundredCpus(125)),
            ("0.01x", Threads::PerHundredCpus(1)),
            ("0x", Threads::Default),
            ("0.00x", Threads::Default),
        ];
        for (text, threads) in table {
            assert_eq!(parse_threads(text), Ok(threads), "{text}");
        }
        let none = [
            "",
            "-2",
            "-1.0",
            "x",
            ".5x",
            "2.x",
            "2.0",
            "-1x",
            "2 x",
            "2.0.0x",
            "two",
            "99999999999",
            "2147483648",
            "50000000x",
            "٣x",
        ];
        for text in none {
            let error = parse_threads(text).expect_err(text);
            assert_eq!(error, ValueError::Threads { text: text.to_owned() });
        }
    }

    #[test]
    fn a_multiple_is_cut_to_hundredths_and_says_so() {
        let error = parse_threads("0.125x").expect_err("three decimals").to_string();
        assert_eq!(error, "\"0.125x\" has more than two decimals; write \"0.12x\"");
        assert_eq!(read_multiple("0,129X"), Some(Multiple { hundredths: 12, exact: false }));
    }

    #[test]
    fn levels_and_algorithms() {
        let levels = [
            ("none", Parallel::None),
            ("Collections", Parallel::Collections),
            ("ASSEMBLIES", Parallel::Assemblies),
            ("all", Parallel::All),
        ];
        for (text, level) in levels {
            assert_eq!(parse_parallel(text), Ok(level));
        }
        assert_eq!(parse_algorithm("Aggressive"), Ok(Algorithm::Aggressive));
        assert_eq!(parse_algorithm("conservative"), Ok(Algorithm::Conservative));
        let error = parse_parallel("tests").expect_err("unknown").to_string();
        assert!(error.contains("\"tests\"") && error.contains("\"collections\""), "{error}");
        assert!(parse_algorithm("greedy").is_err());
    }
}
