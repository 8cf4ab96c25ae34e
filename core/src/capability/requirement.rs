//! What specs ask of their workers.

use super::expression::{ANYTHING, Expression, Operator};
use super::facts::Capabilities;
use super::parse::{self, RequirementParseError};
use super::view;
use crate::bounds::{CONDITIONS, EXPRESSION_BYTES};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A condition on a worker's capabilities, as one expression. Two that have the same canonical text are equal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Requirement {
    /// The capability that it mentions first; empty where it mentions none.
    pub key: String,
    text: String,
    expression: Expression,
}

/// All conditions that a spec's worker must meet together. Kept apart at the outermost `&&`, sorted and without doubles,
/// so that equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Requirement>")]
pub struct Requirements(Vec<Requirement>);

impl Requirement {
    pub(super) fn of(expression: Expression) -> Requirement {
        let mut keys = Vec::new();
        expression.keys(&mut keys);
        let key = keys.first().copied().unwrap_or_default().to_owned();
        Requirement { key, text: expression.to_string(), expression }
    }

    pub(super) fn expression(&self) -> &Expression {
        &self.expression
    }

    /// True when `capabilities` meets this condition by itself.
    pub fn is_met_by(&self, capabilities: &Capabilities) -> bool {
        view::unmet([&self.expression].into_iter(), capabilities).is_empty()
    }
}

impl Requirements {
    /// Keeps the conditions apart, sorts them and removes doubles.
    pub fn new(requirements: Vec<Requirement>) -> Self {
        let mut parts = Vec::with_capacity(requirements.len());
        for requirement in requirements {
            match requirement.expression {
                Expression::All(inner) => parts.extend(inner.into_iter().map(Requirement::of)),
                Expression::Present(_)
                | Expression::Compare { .. }
                | Expression::OneOf { .. }
                | Expression::Not(_)
                | Expression::Any(_) => parts.push(requirement),
            }
        }
        parts.sort();
        parts.dedup();
        Requirements(parts)
    }

    /// The conditions, sorted.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Requirement> {
        self.0.iter()
    }

    /// True when nothing is required.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first condition that `capabilities` does not meet, with the choice of one browser and one device of each
    /// kind that meets the most. None when one choice meets them all.
    pub fn unmet<'a>(&'a self, capabilities: &Capabilities) -> Option<&'a Requirement> {
        self.all_unmet(capabilities).first().and_then(|place| self.0.get(*place))
    }

    pub(super) fn all_unmet(&self, capabilities: &Capabilities) -> Vec<usize> {
        view::unmet(self.0.iter().map(Requirement::expression), capabilities)
    }
}

impl From<Vec<Requirement>> for Requirements {
    fn from(requirements: Vec<Requirement>) -> Self {
        Requirements::new(requirements)
    }
}

impl FromStr for Requirement {
    type Err = RequirementParseError;

    fn from_str(text: &str) -> Result<Self, RequirementParseError> {
        let requirement = Requirement::of(parse::parse(text, EXPRESSION_BYTES)?);
        parse::check_length(text, &requirement.text)?;
        Ok(requirement)
    }
}

impl FromStr for Requirements {
    type Err = RequirementParseError;

    fn from_str(text: &str) -> Result<Self, RequirementParseError> {
        // Each condition may be as long as one that is written by itself; the rest is for what joins them.
        let expression = parse::parse(text, CONDITIONS * (EXPRESSION_BYTES + 8))?;
        let mut parts = Vec::new();
        expression.into_parts(&mut parts);
        let requirements = Requirements::new(parts.into_iter().map(Requirement::of).collect());
        requirements.0.iter().try_for_each(|requirement| parse::check_length(text, &requirement.text))?;
        Ok(requirements)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(ANYTHING);
        }
        for (place, requirement) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" and ")?;
            }
            let loose = self.0.len() > 1 && matches!(requirement.expression, Expression::Any(_));
            if loose { write!(f, "({requirement})")? } else { write!(f, "{requirement}")? }
        }
        Ok(())
    }
}

impl PartialEq for Requirement {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Requirement {}

impl PartialOrd for Requirement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Requirement {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Requirement {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// A condition in a ledger: the three forms that there were before expressions as they were stored then, so that a
/// daemon of that version reads them; everything else as text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Simple { key: String, comparison: Comparison, value: String },
    Text(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Comparison {
    Present,
    Equal,
    AtLeast,
}

impl From<Requirement> for Stored {
    fn from(requirement: Requirement) -> Stored {
        let (key, comparison, value) = match requirement.expression {
            Expression::Present(key) => (key, Comparison::Present, String::new()),
            Expression::Compare { key, operator: Operator::Equal, value } => (key, Comparison::Equal, value),
            Expression::Compare { key, operator: Operator::AtLeast, value } => {
                (key, Comparison::AtLeast, value)
            }
            Expression::Compare { .. }
            | Expression::OneOf { .. }
            | Expression::Not(_)
            | Expression::All(_)
            | Expression::Any(_) => return Stored::Text(requirement.text),
        };
        Stored::Simple { key, comparison, value }
    }
}

impl TryFrom<Stored> for Requirement {
    type Error = RequirementParseError;

    fn try_from(stored: Stored) -> Result<Requirement, RequirementParseError> {
        let (key, comparison, value) = match stored {
            Stored::Text(text) => return text.parse(),
            Stored::Simple { key, comparison, value } => (key, comparison, value),
        };
        parse::check_key(&key)?;
        Ok(Requirement::of(match comparison {
            Comparison::Present => Expression::Present(key),
            Comparison::Equal => Expression::Compare { key, operator: Operator::Equal, value },
            Comparison::AtLeast => Expression::Compare { key, operator: Operator::AtLeast, value },
        }))
    }
}
