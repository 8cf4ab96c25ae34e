//! Identifiers. Each kind is its own type, so that a run can never be taken for a spec.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A run: a UUIDv7 made by the client or daemon. Its bytes are also the run's trace id.
///
/// Written as `run_` and 26 Crockford base-32 digits, the random half of the UUID first, so that the first
/// eight digits are enough to tell runs apart and any unique prefix names one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u128);

/// One `partctl submit`: chosen by the client, so that sending it twice makes one run.
///
/// Stored as 32 hexadecimal digits: JSON readers lose the low bits of a 128-bit number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId(pub u128);

/// A group's place in its run, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupIndex(pub u32);

/// A spec's place in its run, from 0, over all groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecIndex(pub u32);

/// One try of one spec. `number` counts from 1 within the spec and is never reused: it is the attempt's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The run.
    pub run: RunId,
    /// The spec within the run.
    pub spec: SpecIndex,
    /// 1 for the first try.
    pub number: u32,
}

/// A worker's stable name, unique in the mesh.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub String);

/// One life of a worker process; differs after each restart. Reports are numbered within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

/// A slot's number, unique on its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotId(pub u32);

/// A leadership period. Every commit and every command carries one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Term(pub u64);

/// Names the caller that waits for a [`crate::Reply`]; chosen by the driver, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Text that is not an identifier of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a run id (expected run_ and 26 letters or digits)")]
pub struct IdParseError {
    text: String,
}

const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 26;
const PREFIX: &str = "run_";

impl RunId {
    /// The first eight digits with the prefix: what people are shown.
    pub fn short(&self) -> String {
        self.to_string()[..PREFIX.len() + 8].to_owned()
    }

    /// Normalises what a person typed (`run_7K3M`, `7k3m`) to the prefix of a full id, or says why it cannot be one.
    pub fn normalise_prefix(typed: &str) -> Result<String, IdParseError> {
        let lower = typed.trim().to_ascii_lowercase();
        let digits = lower.strip_prefix(PREFIX).unwrap_or(&lower);
        let valid =
            !digits.is_empty() && digits.len() <= DIGITS && digits.bytes().all(|b| CROCKFORD.contains(&b));
        if valid { Ok(format!("{PREFIX}{digits}")) } else { Err(IdParseError { text: typed.to_owned() }) }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rotated = self.0.rotate_left(64);
        let mut text = [0u8; DIGITS];
        for (place, digit) in text.iter_mut().enumerate() {
            // 26 digits hold 130 bits: the first digit carries the top three bits only.
            let shift = 5 * (DIGITS - 1 - place) as u32;
            *digit = CROCKFORD[(rotated.checked_shr(shift).unwrap_or(0) & 31) as usize];
        }
        write!(f, "{PREFIX}{}", String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl FromStr for RunId {
    type Err = IdParseError;

    fn from_str(text: &str) -> Result<Self, IdParseError> {
        let wrong = || IdParseError { text: text.to_owned() };
        let digits = text.strip_prefix(PREFIX).ok_or_else(wrong)?;
        if digits.len() != DIGITS {
            return Err(wrong());
        }
        let mut value: u128 = 0;
        for byte in digits.bytes() {
            let digit = CROCKFORD.iter().position(|c| *c == byte).ok_or_else(wrong)? as u128;
            if value >> 123 != 0 {
                return Err(wrong());
            }
            value = value << 5 | digit;
        }
        Ok(RunId(value.rotate_right(64)))
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for SubmissionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for SubmissionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(SubmissionId).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.run, self.spec.0, self.number)
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn run_id_text_round_trips(value: u128) {
            let id = RunId(value);
            prop_assert_eq!(id.to_string().parse::<RunId>(), Ok(id));
            prop_assert!(id.to_string().starts_with(&id.short()));
            prop_assert_eq!(RunId::normalise_prefix(&id.short().to_uppercase()), Ok(id.short()));
        }
    }

    #[test]
    fn what_is_no_run_id_is_refused() {
        for text in ["", "run_", "run_u", "12 34", "run_00000000000000000000000000z", "latest"] {
            assert!(RunId::normalise_prefix(text).is_err(), "{text:?}");
        }
    }
}
