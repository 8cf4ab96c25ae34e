//! How a condition is written.
//!
//! ```text
//! any   = all { ("||" | "or") all }
//! all   = one { ("&&" | "and") one }
//! one   = ("!" | "not") one | "(" any ")" | "absent" "(" key ")" | "anything"
//!       | key | key operator value | key "in" "(" value { "," value } ")"
//! value = words without ( ) & | < > = !   or   text in ' or ", with \ before quotes and \
//! ```

use super::expression::{ANYTHING, Expression, Operator};
use crate::bounds::{EXPRESSION_BYTES, EXPRESSION_DEPTH};
use thiserror::Error;

/// Text that is not a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a requirement: {problem} (column {column})")]
pub struct RequirementParseError {
    text: String,
    problem: Problem,
    column: usize,
}

impl RequirementParseError {
    /// Where the text is wrong: the number of a character, from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Problem {
    #[error("a capability is missing, such as `os` in `os = linux`")]
    NoKey,
    #[error("a capability is expected, not `{0}`")]
    NotAKey(String),
    #[error("a value is missing after `{0}`; an empty one is \"\"")]
    NoValue(&'static str),
    #[error("`in` needs a list, such as (a, b)")]
    NoList,
    #[error("`,` or `)` is expected in the list")]
    ListEnd,
    #[error("`absent` needs one capability, such as absent(label.gpu)")]
    Absent,
    #[error("a comparison, `&&`, `||` or the end is expected, not `{0}`")]
    NoEnd(String),
    #[error("this `(` is not closed")]
    Parenthesis,
    #[error("this quotation mark has no second one")]
    Quote,
    #[error("it is longer than {EXPRESSION_BYTES} bytes: write it as several")]
    TooLong,
    #[error("it is nested more than {EXPRESSION_DEPTH} deep")]
    TooDeep,
}

/// How much of a wrong text an error repeats, in characters.
const SHOWN: usize = 120;

/// Reads a condition of at most `limit` bytes.
pub(super) fn parse(text: &str, limit: usize) -> Result<Expression, RequirementParseError> {
    if text.len() > limit {
        return Err(error(text, 0, Problem::TooLong));
    }
    let mut parser = Parser { text, at: 0 };
    let read = parser.any(0).and_then(|expression| {
        parser.blanks();
        if parser.rest().is_empty() {
            Ok(expression)
        } else {
            Err((parser.at, Problem::NoEnd(parser.found())))
        }
    });
    match read {
        Ok(expression) => Ok(expression),
        Err((at, problem)) => older(text).ok_or_else(|| error(text, at, problem)),
    }
}

/// Checks that what was read can be written and read again.
pub(super) fn check_length(text: &str, canonical: &str) -> Result<(), RequirementParseError> {
    if canonical.len() > EXPRESSION_BYTES { Err(error(text, 0, Problem::TooLong)) } else { Ok(()) }
}

/// Checks a key that does not come from a text.
pub(super) fn check_key(key: &str) -> Result<(), RequirementParseError> {
    if !key.is_empty() && key.chars().all(is_key) {
        return Ok(());
    }
    Err(error(key, 0, Problem::NotAKey(key.to_owned())))
}

fn error(text: &str, at: usize, problem: Problem) -> RequirementParseError {
    let column = text.get(..at).unwrap_or(text).chars().count() + 1;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    RequirementParseError { text: shown, problem, column }
}

/// Before there were expressions, everything after `key=` was the value, such as `device=iPad Pro (11-inch)`. What
/// can only have been meant that way still is.
fn older(text: &str) -> Option<Expression> {
    let (key, value) = text.split_once('=')?;
    let (key, value) = (key.trim(), value.trim_start_matches('=').trim());
    let opened = value.matches('(').count();
    let odd = ["&&", "||", "\"", "'", "<", ">", "=", "!"];
    let plain =
        !value.is_empty() && !value.starts_with(['(', ')']) && !odd.iter().any(|odd| value.contains(odd));
    if !plain || opened != value.matches(')').count() || check_key(key).is_err() {
        return None;
    }
    Some(Expression::Compare { key: key.to_owned(), operator: Operator::Equal, value: value.to_owned() })
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':')
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '&' | '|' | '<' | '>' | '=' | '!')
}

/// A place in the text, and what is wrong there.
type Wrong = (usize, Problem);

struct Parser<'a> {
    text: &'a str,
    /// The byte that is read next; always the beginning of a character.
    at: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self, depth: usize) -> Result<Expression, Wrong> {
        let mut parts = vec![self.all(depth)?];
        while self.eat("||") || self.eat_word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(Expression::any(parts))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, Wrong> {
        let mut parts = vec![self.one(depth)?];
        while self.eat("&&") || self.eat_word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(Expression::all(parts))
    }

    fn one(&mut self, depth: usize) -> Result<Expression, Wrong> {
        self.blanks();
        let start = self.at;
        if depth >= EXPRESSION_DEPTH {
            return Err((start, Problem::TooDeep));
        }
        if self.eat("!") || self.eat_word("not") {
            // `!(` is one step down, so that the canonical text of what was read is not deeper than what was read.
            self.blanks();
            let inner = match self.rest().starts_with('(') {
                true => self.group(depth + 1)?,
                false => self.one(depth + 1)?,
            };
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.rest().starts_with('(') {
            return self.group(depth + 1);
        }
        if self.eat_word("absent") {
            if self.eat("(") {
                // It is written as `!key`, which is one step down.
                if depth + 1 >= EXPRESSION_DEPTH {
                    return Err((start, Problem::TooDeep));
                }
                let key = self.key().map_err(|(at, _)| (at, Problem::Absent))?;
                let absent = Expression::Not(Box::new(Expression::Present(key)));
                return if self.eat(")") { Ok(absent) } else { Err((self.at, Problem::Absent)) };
            }
            self.at = start;
        }
        if self.eat_word(ANYTHING) {
            return Ok(Expression::All(Vec::new()));
        }
        self.condition()
    }

    fn group(&mut self, depth: usize) -> Result<Expression, Wrong> {
        let start = self.at;
        self.eat("(");
        let inner = self.any(depth)?;
        if self.eat(")") {
            return Ok(inner);
        }
        let problem = match self.rest().is_empty() {
            true => (start, Problem::Parenthesis),
            false => (self.at, Problem::NoEnd(self.found())),
        };
        Err(problem)
    }

    fn condition(&mut self) -> Result<Expression, Wrong> {
        let key = self.key()?;
        if self.eat_word("in") {
            return Ok(Expression::OneOf { key, values: self.list()? });
        }
        let Some(operator) = Operator::ALL.into_iter().find(|operator| self.eat(operator.text())) else {
            return Ok(Expression::Present(key));
        };
        // `==` is `=` for those who program.
        let equal = operator == Operator::Equal && self.rest().starts_with('=') && self.eat("=");
        let value = self.value(false, if equal { "==" } else { operator.text() })?;
        Ok(Expression::Compare { key, operator, value })
    }

    fn list(&mut self) -> Result<Vec<String>, Wrong> {
        if !self.eat("(") {
            return Err((self.at, Problem::NoList));
        }
        let mut values = vec![self.value(true, "(")?];
        while self.eat(",") {
            values.push(self.value(true, ",")?);
        }
        if self.eat(")") { Ok(values) } else { Err((self.at, Problem::ListEnd)) }
    }

    fn key(&mut self) -> Result<String, Wrong> {
        self.blanks();
        let key = self.take(|c| !is_key(c));
        match key {
            "" if self.rest().is_empty() => Err((self.at, Problem::NoKey)),
            "" => Err((self.at, Problem::NotAKey(self.found()))),
            "and" | "or" | "not" | "in" => Err((self.at - key.len(), Problem::NotAKey(key.to_owned()))),
            _ => Ok(key.to_owned()),
        }
    }

    /// A value after `what`: a quoted text, or words up to whatever cannot be part of one. In a list, `,` cannot.
    fn value(&mut self, in_list: bool, what: &'static str) -> Result<String, Wrong> {
        self.blanks();
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            return self.quoted(quote);
        }
        let ends = |c: char| ends_word(c) || (in_list && c == ',');
        let start = self.at;
        let mut end = start;
        loop {
            let word = self.take(ends);
            let joins = matches!(word, "and" | "or") && end > start;
            if word.is_empty() || joins {
                self.at = end;
                break;
            }
            end = self.at;
            self.blanks();
        }
        if end == start { Err((start, Problem::NoValue(what))) } else { Ok(self.text[start..end].to_owned()) }
    }

    fn quoted(&mut self, quote: char) -> Result<String, Wrong> {
        let start = self.at;
        let mut value = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.at = start + offset + c.len_utf8();
                return Ok(value);
            }
            // Before anything else a backslash is just one, as in a Windows path.
            let escaped = |next: &char| matches!(next, '"' | '\'' | '\\');
            match chars.clone().next().map(|(_, next)| next).filter(|next| c == '\\' && escaped(next)) {
                Some(next) => {
                    value.push(next);
                    chars.next();
                }
                None => value.push(c),
            }
        }
        Err((start, Problem::Quote))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.take(|c| !c.is_whitespace());
    }

    /// Takes characters up to the first one that `ends` it.
    fn take(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = rest.find(ends).map_or(rest, |end| &rest[..end]);
        self.at += taken.len();
        taken
    }

    /// Takes `what`, with blanks before it, where it comes next.
    fn eat(&mut self, what: &str) -> bool {
        self.blanks();
        let comes = self.rest().starts_with(what);
        if comes {
            self.at += what.len();
        }
        comes
    }

    /// Takes a word of the language, where it comes next and is not the beginning of a longer one.
    fn eat_word(&mut self, word: &str) -> bool {
        self.blanks();
        let after = self.rest().strip_prefix(word);
        let comes = after.is_some_and(|after| !after.starts_with(is_key));
        if comes {
            self.at += word.len();
        }
        comes
    }

    /// What comes next, for an error: up to the next blank, but not much.
    fn found(&self) -> String {
        self.rest().split_whitespace().next().unwrap_or_default().chars().take(20).collect()
    }
}
