//! BLAKE3 digests and their text.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A BLAKE3 digest. Its text is 64 lowercase hexadecimal digits and nothing else, so it is safe in a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a digest (expected 64 lowercase hexadecimal digits)")]
pub struct DigestParseError {
    text: String,
}

/// Of a text that is not a digest, as much is quoted.
const QUOTED_CHARACTERS: usize = 80;

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// A digest from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || DigestParseError { text: text.chars().take(QUOTED_CHARACTERS).collect() };
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong());
        }
        let hash = blake3::Hash::from_hex(text).map_err(|_| wrong())?;
        Ok(Digest(*hash.as_bytes()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_anything_else_is_refused() {
        let digest = Digest::of(b"part");
        let text = digest.to_string();
        assert_eq!((text.len(), text.parse::<Digest>()), (64, Ok(digest)));
        let long = "a".repeat(10_000);
        let wrong = ["", "../../etc/passwd", &text[1..], &text.to_uppercase(), &format!("{text}0"), &long];
        for text in wrong {
            let error = text.parse::<Digest>().expect_err(text);
            assert!(error.to_string().len() < 200);
        }
    }
}
