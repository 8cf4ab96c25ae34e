//! What a rule says about a place.

use std::fmt::{self, Display};

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    place: String,
    text: String,
}

impl Complaint {
    /// `place` is a path or a crate, `text` the broken rule with what to do.
    pub(super) fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }

    /// The same with the line (from 1).
    pub(super) fn at_line(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self::new(format!("{path}:{line}"), text)
    }
}

impl Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}
