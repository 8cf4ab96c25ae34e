//! What went wrong, in words.

use std::fmt::Display;

/// Why a scenario cannot go on, for whoever reads the test's output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

impl Trouble {
    /// Words, as they are.
    pub fn new(text: impl Into<String>) -> Trouble {
        Trouble(text.into())
    }
}

/// Says what was being done when something failed.
pub trait During<T> {
    /// The failure, with what was being done in front.
    fn during(self, doing: impl Display) -> Result<T, Trouble>;
}

impl<T, E: Display> During<T> for Result<T, E> {
    fn during(self, doing: impl Display) -> Result<T, Trouble> {
        self.map_err(|error| Trouble(format!("{doing}: {error}")))
    }
}

impl<T> During<T> for Option<T> {
    fn during(self, doing: impl Display) -> Result<T, Trouble> {
        self.ok_or_else(|| Trouble(doing.to_string()))
    }
}
