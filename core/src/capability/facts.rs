//! Facts about workers.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

/// What a worker can do: facts by dotted key, such as `os = linux`, `browser.chromium = 156.0.8078.73`,
/// `device.00008110-001A = iPhone 15`, `device.00008110-001A.os = 17.2`, `label.gpu = ""`. A key that is present with
/// an empty value is a plain label.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(pub BTreeMap<String, String>);

impl Capabilities {
    /// The value of a fact; none where there is no such fact.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The facts whose key is `family`, or begins with it and a dot, in order of their keys.
    pub(crate) fn family<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        // Other keys may lie between `device` and `device.x`, such as `device-farm`.
        let range = self.0.range::<str, _>((Bound::Included(family), Bound::Unbounded));
        let facts = range.map(|(key, value)| (key.as_str(), value.as_str()));
        facts.take_while(move |(key, _)| key.starts_with(family)).filter(move |(key, _)| {
            let rest = &key[family.len()..];
            rest.is_empty() || rest.starts_with('.')
        })
    }
}

/// Compares dotted versions part by part: numbers as numbers, other text as text and before every number, a missing
/// part as 0. `.`, `-` and `+` stand between parts.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
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
