//! Texts with placeholders: `{spec}`, `{report_dir}`, `{spec|regex}`, `{test|cut "["|regex}`; `{{` and `}}` are literal
//! braces.
//!
//! To add a placeholder: its variant here with both of its names, the stage that fills it in (`build.rs`,
//! `expand.rs`, `listing/plan.rs` or `select.rs`), and its row in docs/frameworks.md.

use crate::filter::Filter;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A text with placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself.
    Text(String),
    /// What is filled in.
    Slot {
        /// Which value.
        placeholder: Placeholder,
        /// What is done to the value first, in this order.
        filters: Vec<Filter>,
    },
}

/// What can be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The one spec.
    Spec,
    /// Each spec in turn: the argument is repeated.
    Specs,
    /// The workspace's folder.
    Workspace,
    /// The folder that the command runs in.
    Folder,
    /// The file for the report.
    Report,
    /// The folder for reports.
    ReportDir,
    /// The attempt's folder for artifacts.
    Artifacts,
    /// The attempt's own folder for anything else.
    Scratch,
    /// Number of the attempt.
    Attempt,
    /// Number of the slot.
    Slot,
    /// The browser that the group asks for.
    Browser,
    /// Extra arguments: those of the browser, of the suite and of a selection. A whole argument.
    Options,
    /// The table's `script`.
    Script,
    /// A program, looked for in the table's `programs.folders` first.
    Program(String),
    /// One selected test, by its id.
    Test,
    /// The project in front of a selected test's id; empty where it has none.
    Project,
    /// All selected tests, joined.
    Tests,
    /// Each selected test in turn: the argument is repeated.
    EachTest,
    /// A file with one selected test per line.
    TestsFile,
    /// Where one argument ends and the next begins, in what is repeated for each test.
    Next,
    /// The folder with Part's own helpers for processes that run several specs.
    Kit,
}

/// A text that is not a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// Nothing by that name.
    #[error("unknown placeholder {{{name}}} (a literal brace is written twice)")]
    UnknownPlaceholder {
        /// What stands in the braces.
        name: String,
    },
    /// No filter by that name, or not with these texts.
    #[error(
        "unknown filter {text:?} (there are `regex`, `pattern`, `glob`, `bare`, `cut \"TEXT\"`, `after \"TEXT\"` and `swap \"TEXT\" \"BY\"`)"
    )]
    UnknownFilter {
        /// What stands after the bar.
        text: String,
    },
    /// An opening brace without a closing one, or the other way round.
    #[error("unpaired brace in {text:?} (a literal brace is written twice)")]
    Unpaired {
        /// The whole text.
        text: String,
    },
}

impl Template {
    /// `text` as it is, braces included.
    pub fn literal(text: impl Into<String>) -> Self {
        Template(vec![Piece::Text(text.into())])
    }

    /// Its parts in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// True when `wanted` occurs in it.
    pub fn mentions(&self, wanted: &Placeholder) -> bool {
        self.placeholders().any(|placeholder| placeholder == wanted)
    }

    /// All placeholders in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Slot { placeholder, .. } => Some(placeholder),
            Piece::Text(_) => None,
        })
    }

    /// True when it is this placeholder and nothing else.
    pub fn is(&self, wanted: &Placeholder) -> bool {
        matches!(self.0.as_slice(), [Piece::Slot { placeholder, filters }] if placeholder == wanted && filters.is_empty())
    }

    /// Fills in what `value` knows and leaves the rest in place.
    pub(crate) fn fill_some(&self, value: impl Fn(&Placeholder) -> Option<Template>) -> Template {
        let mut pieces = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            match piece {
                Piece::Slot { placeholder, filters } if filters.is_empty() => match value(placeholder) {
                    Some(filled) => pieces.extend(filled.0),
                    None => pieces.push(piece.clone()),
                },
                Piece::Slot { .. } | Piece::Text(_) => pieces.push(piece.clone()),
            }
        }
        Template(pieces)
    }

    /// The same text with other slots: `change` gives a slot's placeholder and filters anew, or none to leave it.
    pub(crate) fn with_slots(
        &self,
        change: impl Fn(&Placeholder, &[Filter]) -> Option<(Placeholder, Vec<Filter>)>,
    ) -> Template {
        let changed = self.0.iter().map(|piece| match piece {
            Piece::Slot { placeholder, filters } => match change(placeholder, filters) {
                Some((placeholder, filters)) => Piece::Slot { placeholder, filters },
                None => piece.clone(),
            },
            Piece::Text(_) => piece.clone(),
        });
        Template(changed.collect())
    }

    /// Several texts as one, with `{next}` between them.
    pub(crate) fn joined(parts: &[Template]) -> Template {
        let mut pieces = Vec::new();
        for part in parts {
            if !pieces.is_empty() {
                pieces.push(Piece::Slot { placeholder: Placeholder::Next, filters: Vec::new() });
            }
            pieces.extend(part.0.iter().cloned());
        }
        Template(pieces)
    }

    /// The texts between `{next}`.
    pub(crate) fn parts(&self) -> Vec<Template> {
        let is_next = |piece: &Piece| matches!(piece, Piece::Slot { placeholder: Placeholder::Next, .. });
        self.0.split(is_next).map(|pieces| Template(pieces.to_vec())).collect()
    }

    /// Fills in everything.
    ///
    /// # Errors
    /// The first error of `value`.
    pub(crate) fn fill<E>(
        &self,
        mut value: impl FnMut(&Placeholder) -> Result<String, E>,
    ) -> Result<String, E> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Slot { placeholder, filters } => {
                    let filled = value(placeholder)?;
                    text.push_str(&filters.iter().fold(filled, |value, filter| filter.apply(&value)));
                }
            }
        }
        Ok(text)
    }
}

impl Placeholder {
    /// True for those that stand for a folder.
    pub(crate) fn is_folder(&self) -> bool {
        match self {
            Placeholder::Workspace
            | Placeholder::Folder
            | Placeholder::ReportDir
            | Placeholder::Artifacts
            | Placeholder::Kit
            | Placeholder::Scratch => true,
            Placeholder::Spec
            | Placeholder::Specs
            | Placeholder::Report
            | Placeholder::Attempt
            | Placeholder::Slot
            | Placeholder::Browser
            | Placeholder::Options
            | Placeholder::Script
            | Placeholder::Program(_)
            | Placeholder::Test
            | Placeholder::Project
            | Placeholder::Tests
            | Placeholder::EachTest
            | Placeholder::TestsFile
            | Placeholder::Next => false,
        }
    }

    /// True for the spec, be it one or each of several.
    pub(crate) fn is_spec(&self) -> bool {
        *self == Placeholder::Spec || *self == Placeholder::Specs
    }

    /// True for what only a selection of tests can fill in.
    pub(crate) fn is_of_selection(&self) -> bool {
        match self {
            Placeholder::Test
            | Placeholder::Project
            | Placeholder::Tests
            | Placeholder::EachTest
            | Placeholder::TestsFile
            | Placeholder::Next => true,
            Placeholder::Spec
            | Placeholder::Specs
            | Placeholder::Workspace
            | Placeholder::Folder
            | Placeholder::Report
            | Placeholder::ReportDir
            | Placeholder::Artifacts
            | Placeholder::Scratch
            | Placeholder::Attempt
            | Placeholder::Slot
            | Placeholder::Browser
            | Placeholder::Options
            | Placeholder::Script
            | Placeholder::Program(_)
            | Placeholder::Kit => false,
        }
    }
}

impl FromStr for Placeholder {
    type Err = TemplateError;

    fn from_str(name: &str) -> Result<Self, TemplateError> {
        Ok(match name {
            "spec" => Placeholder::Spec,
            "specs" => Placeholder::Specs,
            "workspace" => Placeholder::Workspace,
            "folder" => Placeholder::Folder,
            "report" => Placeholder::Report,
            "report_dir" => Placeholder::ReportDir,
            "artifacts" => Placeholder::Artifacts,
            "scratch" => Placeholder::Scratch,
            "attempt" => Placeholder::Attempt,
            "slot" => Placeholder::Slot,
            "browser" => Placeholder::Browser,
            "options" => Placeholder::Options,
            "script" => Placeholder::Script,
            "test" => Placeholder::Test,
            "project" => Placeholder::Project,
            "tests" => Placeholder::Tests,
            "tests..." => Placeholder::EachTest,
            "tests_file" => Placeholder::TestsFile,
            "next" => Placeholder::Next,
            "kit" => Placeholder::Kit,
            _ => match name.split_once(':') {
                Some(("bin", program)) if !program.is_empty() => Placeholder::Program(program.to_owned()),
                Some(_) | None => return Err(TemplateError::UnknownPlaceholder { name: name.to_owned() }),
            },
        })
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Placeholder::Spec => "spec",
            Placeholder::Specs => "specs",
            Placeholder::Workspace => "workspace",
            Placeholder::Folder => "folder",
            Placeholder::Report => "report",
            Placeholder::ReportDir => "report_dir",
            Placeholder::Artifacts => "artifacts",
            Placeholder::Scratch => "scratch",
            Placeholder::Attempt => "attempt",
            Placeholder::Slot => "slot",
            Placeholder::Browser => "browser",
            Placeholder::Options => "options",
            Placeholder::Script => "script",
            Placeholder::Program(name) => return write!(f, "bin:{name}"),
            Placeholder::Test => "test",
            Placeholder::Project => "project",
            Placeholder::Tests => "tests",
            Placeholder::EachTest => "tests...",
            Placeholder::TestsFile => "tests_file",
            Placeholder::Next => "next",
            Placeholder::Kit => "kit",
        })
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let unpaired = || TemplateError::Unpaired { text: text.to_owned() };
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let tail = &rest[at..];
            if tail.starts_with("{{") || tail.starts_with("}}") {
                literal.push_str(&tail[..1]);
                rest = &tail[2..];
                continue;
            }
            let inner = tail.strip_prefix('{').ok_or_else(unpaired)?;
            let end = outside_quotes(inner, '}').next().ok_or_else(unpaired)?;
            let (name, after) = (&inner[..end], &inner[end + 1..]);
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(slot(name)?);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Template(pieces))
    }
}

fn slot(text: &str) -> Result<Piece, TemplateError> {
    let mut parts = Vec::new();
    let mut start = 0;
    for bar in outside_quotes(text, '|') {
        parts.push(&text[start..bar]);
        start = bar + 1;
    }
    let (name, filters) = match parts.split_first() {
        Some((name, filters)) => (*name, filters),
        None => (text, &[][..]),
    };
    let last = (!parts.is_empty()).then_some(&text[start..]);
    let filters = filters.iter().copied().chain(last).map(|filter| filter.trim().parse());
    Ok(Piece::Slot { placeholder: name.trim().parse()?, filters: filters.collect::<Result<_, _>>()? })
}

/// Where `wanted` stands in `text`, but for texts in double quotes.
fn outside_quotes(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().filter_map(move |(at, c)| {
        if quoted && !escaped && c == '\\' {
            escaped = true;
            return None;
        }
        quoted ^= c == '"' && !escaped;
        escaped = false;
        (c == wanted && !quoted).then_some(at)
    })
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Piece::Slot { placeholder, filters } => {
                    write!(f, "{{{placeholder}")?;
                    filters.iter().try_for_each(|filter| write!(f, "|{filter}"))?;
                    f.write_str("}")?;
                }
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_read_and_written_back() {
        let table = [
            "",
            "plain",
            "--junitxml={report}",
            "^{folder|regex}/{spec|regex}$",
            "{{\"a\": {attempt}}}",
            "{bin:node}",
            "}}{{",
            "{tests...}",
            r#"{test|bare|cut "["|regex|swap " } > " "( | \"q\" \\ )"}$"#,
        ];
        for text in table {
            let template: Template = text.parse().expect(text);
            assert_eq!(template.to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let table = [
            ("{sepc}", "unknown placeholder {sepc}"),
            ("{spec|html}", "unknown filter \"html\""),
            ("{spec|cut}", "unknown filter \"cut\""),
            (r#"{spec|cut "a}"#, "unpaired brace"),
            ("{spec", "unpaired brace in \"{spec\""),
            ("a}b", "unpaired brace"),
            ("{bin:}", "unknown placeholder {bin:}"),
            ("${HOME}", "unknown placeholder {HOME}"),
        ];
        for (text, part) in table {
            let error = text.parse::<Template>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn a_literal_survives_the_way_through_text(text in ".*") {
            let written = Template::literal(text.clone()).to_string();
            let read: Template = written.parse().unwrap();
            let filled = read.fill(|_| Err::<String, ()>(())).unwrap();
            prop_assert_eq!(filled, text);
        }

        #[test]
        fn nothing_makes_the_parser_panic(text in "[{}|a-z:]{0,20}") {
            let _ = text.parse::<Template>();
        }
    }
}
