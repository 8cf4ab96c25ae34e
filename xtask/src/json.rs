//! Just enough JSON to read what cargo prints: a small parser, so that this program builds in a moment.

use std::fmt::{self, Display};
use std::iter::Peekable;
use std::str::CharIndices;

/// A JSON value. Numbers are kept as they were written: nothing here calculates with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string, unescaped.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object, in the order of its keys in the text.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The value of this key, if this is an object that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The string, if this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The elements, or none at all if this is not a list.
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Object(_) => &[],
        }
    }
}

/// What was expected at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    expected: &'static str,
    at_byte: usize,
}

impl Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at byte {}", self.expected, self.at_byte)
    }
}

/// Reads one JSON value and nothing after it.
pub(crate) fn parse(text: &str) -> Result<Value, ParseError> {
    let mut parser = Parser { text, rest: text.char_indices().peekable() };
    let value = parser.value()?;
    parser.skip_space();
    if parser.rest.peek().is_some() { Err(parser.expected("the end")) } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<Value, ParseError> {
        self.skip_space();
        match self.rest.peek().map(|&(_, found)| found) {
            Some('{') => self.object(),
            Some('[') => self.list(),
            Some('"') => self.string().map(Value::Text),
            Some('t') => self.word("true", Value::Bool(true)),
            Some('f') => self.word("false", Value::Bool(false)),
            Some('n') => self.word("null", Value::Null),
            Some('-' | '0'..='9') => Ok(self.number()),
            _ => Err(self.expected("a value")),
        }
    }

    fn object(&mut self) -> Result<Value, ParseError> {
        self.take('{', "`{`")?;
        let mut entries = Vec::new();
        self.skip_space();
        if self.take_if('}') {
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.take(':', "`:`")?;
            entries.push((key, self.value()?));
            self.skip_space();
            if !self.take_if(',') {
                self.take('}', "`,` or `}`")?;
                return Ok(Value::Object(entries));
            }
        }
    }

    fn list(&mut self) -> Result<Value, ParseError> {
        self.take('[', "`[`")?;
        let mut items = Vec::new();
        self.skip_space();
        if self.take_if(']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_space();
            if !self.take_if(',') {
                self.take(']', "`,` or `]`")?;
                return Ok(Value::List(items));
            }
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.take('"', "a string")?;
        let mut out = String::new();
        loop {
            match self.rest.next() {
                Some((_, '"')) => return Ok(out),
                Some((_, '\\')) => out.push(self.escaped()?),
                Some((_, plain)) => out.push(plain),
                None => return Err(self.expected("the end of the string")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, ParseError> {
        let kind = self.rest.next().map(|(_, kind)| kind);
        match kind {
            Some(same @ ('"' | '\\' | '/')) => Ok(same),
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('u') => self.unicode(),
            _ => Err(self.expected("an escape")),
        }
    }

    /// Halves of surrogate pairs become the replacement character: no path or name of ours has any.
    fn unicode(&mut self) -> Result<char, ParseError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.rest.next().and_then(|(_, digit)| digit.to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.expected("a hexadecimal digit"))?;
        }
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn number(&mut self) -> Value {
        let mut out = String::new();
        while let Some((_, part)) =
            self.rest.next_if(|&(_, c)| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
        {
            out.push(part);
        }
        Value::Number(out)
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, ParseError> {
        for letter in word.chars() {
            self.take(letter, word)?;
        }
        Ok(value)
    }

    fn take(&mut self, wanted: char, expected: &'static str) -> Result<(), ParseError> {
        if self.take_if(wanted) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn take_if(&mut self, wanted: char) -> bool {
        self.rest.next_if(|&(_, found)| found == wanted).is_some()
    }

    fn skip_space(&mut self) {
        while self.rest.next_if(|&(_, found)| found.is_ascii_whitespace()).is_some() {}
    }

    fn expected(&mut self, expected: &'static str) -> ParseError {
        let at_byte = self.rest.peek().map_or(self.text.len(), |&(at, _)| at);
        ParseError { expected, at_byte }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cargo_prints() {
        let text = r#" {"packages":[{"name":"part-core","deps":[],"optional":false,"edition":"2024"}],
            "target_directory":"\/t\u0061rget \"x\"","n":-1.5e3,"none":null} "#;
        let value = parse(text).unwrap_or(Value::Null);
        let package = value.get("packages").and_then(|packages| packages.items().first());
        assert_eq!(package.and_then(|package| package.get("name")).and_then(Value::text), Some("part-core"));
        assert_eq!(value.get("target_directory").and_then(Value::text), Some("/target \"x\""));
        assert_eq!(value.get("n"), Some(&Value::Number("-1.5e3".into())));
        assert_eq!(value.get("none"), Some(&Value::Null));
    }

    #[test]
    fn says_what_it_expected_and_where() {
        for (text, expected, at_byte) in [
            ("", "a value", 0),
            ("{\"a\" 1}", "`:`", 5),
            ("[1, 2", "`,` or `]`", 5),
            ("\"open", "the end of the string", 5),
            ("[] []", "the end", 3),
            ("nul", "null", 3),
        ] {
            assert_eq!(parse(text), Err(ParseError { expected, at_byte }), "{text}");
        }
    }
}
