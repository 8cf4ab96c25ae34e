//! The diagnostics behind a test point: a block between `---` and `...`, indented by two more than the point. It is
//! meant to be YAML; what is needed of it can be had line by line, and producers differ too much to be strict.

use super::line::indent;
use crate::report::{error::ReportError, source::Line, source::Source, text::block};
use std::iter::Peekable;

/// What a test point's diagnostics say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Diagnostics {
    /// Everything, without the indentation.
    pub(super) text: String,
    pub(super) message: String,
    pub(super) millis: Option<f64>,
    /// `file:line:column`.
    pub(super) location: Option<String>,
    /// node:test's word for the cause, such as `testCodeFailure`.
    pub(super) failure_type: String,
    /// node:test: it is a suite and no test.
    pub(super) is_suite: bool,
    /// node:test: it is a file, and its process ended with a code.
    pub(super) has_exit_code: bool,
}

/// True for the line that begins the diagnostics of a point with the given indentation.
pub(super) fn begins(line: &str, point_indent: usize) -> bool {
    indent(line) == point_indent + 2 && line.trim() == "---"
}

impl Diagnostics {
    /// Reads up to and including the closing line.
    pub(super) fn read<'a>(
        lines: &mut Peekable<impl Iterator<Item = Line<'a>>>,
        point_indent: usize,
        source: &Source<'_>,
    ) -> Result<Self, ReportError> {
        let base = point_indent + 2;
        let mut text = String::new();
        for line in lines.by_ref() {
            if !line.complete {
                break;
            }
            if indent(line.text) == base && line.text.trim() == "..." {
                return Ok(Diagnostics::of(text));
            }
            text.push_str(line.text.get(base.min(indent(line.text))..).unwrap_or_default());
            text.push('\n');
        }
        Err(source.cut_off("the file ends inside a test's diagnostics"))
    }

    fn of(text: String) -> Self {
        let mut found = Diagnostics::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some((key, value)) = line.split_once(':').filter(|_| !line.starts_with(' ')) else {
                continue;
            };
            let value = match value.trim() {
                "|" | "|-" | "|+" | ">" | ">-" | ">+" => {
                    let mut value = String::new();
                    while let Some(more) = lines.next_if(|more| more.starts_with(' ') || more.is_empty()) {
                        value.push_str(more.strip_prefix("  ").unwrap_or(more));
                        value.push('\n');
                    }
                    block(&value).unwrap_or_default()
                }
                plain => unquote(plain),
            };
            match key.trim() {
                "duration_ms" => found.millis = value.parse().ok(),
                // TAP's own examples say `message`, node:test `error`, others `operator` and the like.
                "message" | "error" if found.message.is_empty() => found.message = value,
                "location" | "at" if found.location.is_none() && !value.is_empty() => {
                    found.location = Some(value)
                }
                "failureType" => found.failure_type = value,
                "type" => found.is_suite = value == "suite",
                "exitCode" => found.has_exit_code = true,
                _ => {}
            }
        }
        found.text = text;
        found
    }
}

fn unquote(text: &str) -> String {
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(inner) = quoted('\'') {
        return inner.replace("''", "'");
    }
    if let Some(inner) = quoted('"') {
        // YAML's double quotes are nearly JSON's.
        return serde_json::from_str(text).unwrap_or_else(|_| inner.to_owned());
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let text = "duration_ms: 1.5\nlocation: '/a/b.js:5:3'\nfailureType: 'testCodeFailure'\nerror: |-\n  it's\n  \n  so\n\
                    stack: |-\n  error: no\ntype: 'suite'\nexpected:\n  message: no\n";
        let found = Diagnostics::of(text.to_owned());
        assert_eq!(found.millis, Some(1.5));
        assert_eq!(found.location.as_deref(), Some("/a/b.js:5:3"));
        assert_eq!(found.message, "it's\n\nso");
        assert_eq!(found.failure_type, "testCodeFailure");
        assert!(found.is_suite && !found.has_exit_code);
        assert_eq!(found.text, text);
    }

    #[test]
    fn quotes() {
        for (text, expected) in
            [("'it''s'", "it's"), ("\"a\\nb\"", "a\nb"), ("plain", "plain"), ("'", "'"), ("\"\\q\"", "\\q")]
        {
            assert_eq!(unquote(text), expected, "{text}");
        }
    }
}
