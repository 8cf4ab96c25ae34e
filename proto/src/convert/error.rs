//! What can be wrong with a message.

use thiserror::Error;

/// A message that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// A field that must be there is not.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field's value makes no sense.
    #[error("{field} is wrong: {what}")]
    Wrong {
        /// The field.
        field: &'static str,
        /// Why.
        what: String,
    },
    /// Messages of a stream came in an order that makes no sense.
    #[error("out of order: {what}")]
    OutOfOrder {
        /// What came when it should not.
        what: &'static str,
    },
    /// A stream holds more than is accepted.
    #[error("{what}: {limit} at most")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
}

impl WireError {
    pub(crate) fn wrong(field: &'static str, what: impl ToString) -> Self {
        WireError::Wrong { field, what: what.to_string() }
    }
}

/// The content of a field that must be there.
pub(crate) fn required<T>(field: &'static str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or(WireError::Missing { field })
}
