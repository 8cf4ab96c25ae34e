//! What workers can do and what specs ask for.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What a worker can do: facts by dotted key, such as `os = linux`, `browser.chromium = 156.0.8078.73`,
/// `label.gpu = ""`. A key that is present with an empty value is a plain label.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(pub BTreeMap<String, String>);

/// How a [`Requirement`] compares a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The key is there, whatever its value.
    Present,
    /// The value equals, ignoring ASCII case.
    Equal,
    /// The value is that version or a later one.
    AtLeast,
}

/// One condition on a worker's capabilities.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// Dotted capability key.
    pub key: String,
    /// How to compare.
    pub comparison: Comparison,
    /// What to compare with; empty for [`Comparison::Present`].
    pub value: String,
}

/// All conditions that a spec's worker must meet. Kept sorted and without doubles, so that equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Requirements(Vec<Requirement>);

/// Text that is not a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a requirement (write `key`, `key=value` or `key>=version`)")]
pub struct RequirementParseError {
    text: String,
}

impl Requirements {
    /// Sorts and removes doubles.
    pub fn new(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort();
        requirements.dedup();
        Requirements(requirements)
    }

    /// The conditions, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.0.iter()
    }

    /// The browser or device class that is required, in words: what forecasts are kept apart by. `anything` where none
    /// is. Versions and labels do not count.
    pub fn target(&self) -> String {
        let target = |requirement: &&Requirement| {
            matches!(requirement.key.split('.').next(), Some("browser" | "device" | "simulator" | "os"))
        };
        let text = |requirement: &Requirement| match requirement.comparison {
            Comparison::Present | Comparison::AtLeast => requirement.key.clone(),
            Comparison::Equal => requirement.to_string(),
        };
        let mut classes: Vec<String> = self.0.iter().filter(target).map(text).collect();
        classes.dedup();
        if classes.is_empty() { "anything".to_owned() } else { classes.join(" and ") }
    }

    /// True when nothing is required.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first condition that `capabilities` does not meet.
    pub fn unmet<'a>(&'a self, capabilities: &Capabilities) -> Option<&'a Requirement> {
        self.0.iter().find(|requirement| !requirement.is_met_by(capabilities))
    }
}

impl Requirement {
    /// True when `capabilities` meets this condition.
    pub fn is_met_by(&self, capabilities: &Capabilities) -> bool {
        let Some(has) = capabilities.0.get(&self.key) else { return false };
        match self.comparison {
            Comparison::Present => true,
            Comparison::Equal => has.eq_ignore_ascii_case(&self.value),
            Comparison::AtLeast => compare_versions(has, &self.value) != Ordering::Less,
        }
    }
}

/// Compares dotted versions part by part: numbers as numbers, other text as text, a missing part as 0.
fn compare_versions(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split(['.', '-', '+']), right.split(['.', '-', '+']));
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or("0"), b.unwrap_or("0")),
        };
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Greater,
            (Err(_), Ok(_)) => Ordering::Less,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl FromStr for Requirement {
    type Err = RequirementParseError;

    fn from_str(text: &str) -> Result<Self, RequirementParseError> {
        let wrong = || RequirementParseError { text: text.to_owned() };
        let (key, comparison, value) = if let Some((key, value)) = text.split_once(">=") {
            (key, Comparison::AtLeast, value.trim())
        } else if let Some((key, value)) = text.split_once('=') {
            (key, Comparison::Equal, value.trim_start_matches('=').trim())
        } else {
            (text, Comparison::Present, "")
        };
        let key = key.trim();
        let valid_key =
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        if !valid_key || (comparison != Comparison::Present && value.is_empty()) {
            return Err(wrong());
        }
        Ok(Requirement { key: key.to_owned(), comparison, value: value.to_owned() })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.comparison {
            Comparison::Present => f.write_str(&self.key),
            Comparison::Equal => write!(f, "{}={}", self.key, self.value),
            Comparison::AtLeast => write!(f, "{}>={}", self.key, self.value),
        }
    }
}

impl fmt::Display for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("anything");
        }
        for (place, requirement) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" and ")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> Capabilities {
        Capabilities(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn requirements_compare_as_people_expect() {
        let has = facts(&[("os", "linux"), ("browser.chromium", "156.0.8078.73"), ("label.gpu", "")]);
        let table = [
            ("os=Linux", true),
            ("os == linux", true),
            ("os=macos", false),
            ("browser.chromium>=99", true),
            ("browser.chromium>=156.0.8078.73", true),
            ("browser.chromium >= 157", false),
            ("browser.firefox", false),
            ("label.gpu", true),
        ];
        for (text, met) in table {
            let requirement: Requirement = text.parse().expect(text);
            assert_eq!(requirement.is_met_by(&has), met, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for text in ["", "=x", "os=", "a b", "os>="] {
            let error = text.parse::<Requirement>().expect_err(text);
            assert!(error.to_string().contains(&format!("{text:?}")));
        }
    }
}
