//! What a condition on a worker is: its shape, its meaning and its canonical text.

use super::facts::compare_versions;
use std::cmp::Ordering;
use std::fmt;

/// A condition. Its canonical text ([`fmt::Display`]) reads back as the same value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// The key is there, whatever its value.
    Present(String),
    /// The key's value compares like that.
    Compare {
        /// Dotted capability key.
        key: String,
        /// How it compares.
        operator: Operator,
        /// With what.
        value: String,
    },
    /// The key's value is one of these.
    OneOf {
        /// Dotted capability key.
        key: String,
        /// At least one value.
        values: Vec<String>,
    },
    /// The condition does not hold.
    Not(Box<Expression>),
    /// All hold; none of them is another `All`, and there is never just one. Without any it asks for nothing.
    All(Vec<Expression>),
    /// At least one holds; there are at least two, and none of them is another `Any`.
    Any(Vec<Expression>),
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// The same text, ignoring ASCII case.
    Equal,
    /// Another text, or no such key.
    NotEqual,
    /// An earlier version.
    Less,
    /// That version or an earlier one.
    AtMost,
    /// A later version.
    Greater,
    /// That version or a later one.
    AtLeast,
    /// It begins with that, ignoring ASCII case.
    StartsWith,
    /// It ends with that, ignoring ASCII case.
    EndsWith,
    /// That is somewhere in it, ignoring ASCII case.
    Contains,
}

impl Operator {
    /// All of them, those whose text begins with another's text first.
    pub(crate) const ALL: [Operator; 9] = [
        Operator::NotEqual,
        Operator::AtMost,
        Operator::Less,
        Operator::AtLeast,
        Operator::Greater,
        Operator::StartsWith,
        Operator::EndsWith,
        Operator::Contains,
        Operator::Equal,
    ];

    /// As it is written.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::Greater => ">",
            Operator::AtLeast => ">=",
            Operator::StartsWith => "^=",
            Operator::EndsWith => "$=",
            Operator::Contains => "*=",
        }
    }

    /// True when a capability with this value (none: without the key) compares like that with `wanted`.
    ///
    /// What is not there compares with nothing: every comparison of a missing key is false, but for `!=`, which is the
    /// opposite of `=` and therefore true.
    pub(crate) fn holds(self, has: Option<&str>, wanted: &str) -> bool {
        let Some(has) = has else { return self == Operator::NotEqual };
        let order = || compare_versions(has, wanted);
        let (low, sought) = (|| has.to_ascii_lowercase(), || wanted.to_ascii_lowercase());
        match self {
            Operator::Equal => has.eq_ignore_ascii_case(wanted),
            Operator::NotEqual => !has.eq_ignore_ascii_case(wanted),
            Operator::Less => order() == Ordering::Less,
            Operator::AtMost => order() != Ordering::Greater,
            Operator::Greater => order() == Ordering::Greater,
            Operator::AtLeast => order() != Ordering::Less,
            Operator::StartsWith => low().starts_with(&sought()),
            Operator::EndsWith => low().ends_with(&sought()),
            Operator::Contains => low().contains(&sought()),
        }
    }
}

impl Expression {
    /// All of `parts`, in its one shape.
    pub(crate) fn all(parts: Vec<Expression>) -> Expression {
        let mut flat = Vec::with_capacity(parts.len());
        parts.into_iter().for_each(|part| part.into_parts(&mut flat));
        match flat.len() {
            1 => flat.remove(0),
            _ => Expression::All(flat),
        }
    }

    /// One of `parts`, which are not empty, in its one shape.
    pub(crate) fn any(parts: Vec<Expression>) -> Expression {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Expression::Any(inner) => flat.extend(inner),
                Expression::Present(_)
                | Expression::Compare { .. }
                | Expression::OneOf { .. }
                | Expression::Not(_)
                | Expression::All(_) => flat.push(part),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => Expression::Any(flat),
        }
    }

    /// The conditions that must all hold, one by one.
    pub(crate) fn into_parts(self, parts: &mut Vec<Expression>) {
        match self {
            Expression::All(inner) => parts.extend(inner),
            Expression::Present(_)
            | Expression::Compare { .. }
            | Expression::OneOf { .. }
            | Expression::Not(_)
            | Expression::Any(_) => parts.push(self),
        }
    }

    /// True when it holds for capabilities that `get` looks up.
    pub(crate) fn holds<'a>(&self, get: &impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Expression::Present(key) => get(key).is_some(),
            Expression::Compare { key, operator, value } => operator.holds(get(key), value),
            Expression::OneOf { key, values } => {
                get(key).is_some_and(|has| values.iter().any(|value| has.eq_ignore_ascii_case(value)))
            }
            Expression::Not(inner) => !inner.holds(get),
            Expression::All(parts) => parts.iter().all(|part| part.holds(get)),
            Expression::Any(parts) => parts.iter().any(|part| part.holds(get)),
        }
    }

    /// Every key that it mentions, in its order.
    pub(crate) fn keys<'a>(&'a self, keys: &mut Vec<&'a str>) {
        match self {
            Expression::Present(key) | Expression::Compare { key, .. } | Expression::OneOf { key, .. } => {
                keys.push(key)
            }
            Expression::Not(inner) => inner.keys(keys),
            Expression::All(parts) | Expression::Any(parts) => {
                parts.iter().for_each(|part| part.keys(keys));
            }
        }
    }

    /// How tightly its text holds together: what stands in something tighter needs parentheses.
    fn tightness(&self) -> u8 {
        match self {
            Expression::Any(_) => 0,
            Expression::All(parts) if !parts.is_empty() => 1,
            Expression::Present(_)
            | Expression::Compare { .. }
            | Expression::OneOf { .. }
            | Expression::Not(_)
            | Expression::All(_) => 2,
        }
    }

    fn write_within(&self, f: &mut fmt::Formatter<'_>, tightness: u8) -> fmt::Result {
        if self.tightness() < tightness { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

/// What an expression without any condition is written as.
pub(crate) const ANYTHING: &str = "anything";

/// Words with a meaning of their own: as values they are quoted.
pub(crate) const WORDS: [&str; 6] = ["and", "or", "not", "in", "absent", ANYTHING];

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Expression], with: &str, tightness| {
            for (place, part) in parts.iter().enumerate() {
                if place > 0 {
                    f.write_str(with)?;
                }
                part.write_within(f, tightness)?;
            }
            Ok(())
        };
        match self {
            Expression::Present(key) => f.write_str(key),
            Expression::Compare { key, operator, value } => {
                write!(f, "{key}{}{}", operator.text(), Quoted(value))
            }
            Expression::OneOf { key, values } => {
                write!(f, "{key} in (")?;
                for (place, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if place > 0 { ", " } else { "" }, Quoted(value))?;
                }
                f.write_str(")")
            }
            Expression::Not(inner) => {
                // `!a=b` would read as the same, but not to people.
                let plain = matches!(**inner, Expression::Present(_) | Expression::Not(_));
                if plain { write!(f, "!{inner}") } else { write!(f, "!({inner})") }
            }
            Expression::All(parts) if parts.is_empty() => f.write_str(ANYTHING),
            Expression::All(parts) => joined(f, parts, " && ", 2),
            Expression::Any(parts) => joined(f, parts, " || ", 1),
        }
    }
}

/// A value as it is written: in quotes where it would not read as one word.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/' | '@' | '+' | '~');
        if !self.0.is_empty() && self.0.chars().all(bare) && !WORDS.contains(&self.0) {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}
