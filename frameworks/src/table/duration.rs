//! Lengths of time as people write them: `90s`, `5m`, `1h`, `500ms`, `1m30s`.

use part_core::Millis;
use serde::{Deserialize, Deserializer};
use std::str::FromStr;
use thiserror::Error;

/// A length of time in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Millis);

/// A text that is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a length of time (write `90s`, `5m`, `1h30m` or `500ms`)")]
pub struct SpanError {
    text: String,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError { text: text.to_owned() };
        let mut rest = text.trim();
        let mut total = 0_u64;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            let unit_end =
                rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
            let factor = match &rest[digits..unit_end] {
                "ms" => 1,
                "s" => 1_000,
                "m" | "min" => 60_000,
                "h" => 3_600_000,
                _ => return Err(wrong()),
            };
            total = count.checked_mul(factor).and_then(|more| total.checked_add(more)).ok_or_else(wrong)?;
            rest = &rest[unit_end..];
        }
        Ok(Span(Millis(total)))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_written() {
        let table = [("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("500ms", 500), ("0s", 0)];
        for (text, millis) in table {
            assert_eq!(text.parse(), Ok(Span(Millis(millis))), "{text}");
        }
        for text in ["", "5", "m", "5 m", "-1s", "1.5s", "99999999999999999999h", "5000000000000000h"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
