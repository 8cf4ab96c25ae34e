//! What is done to a value before it is filled in: `{spec|regex}`, `{test|cut "["|swap " > " " "}`.

use crate::template::TemplateError;
use std::fmt;
use std::str::FromStr;

/// What is done to a value before it is filled in. To add one: here, and in docs/frameworks.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Makes it match only itself in a regular expression.
    Regex,
    /// As `Regex`, but leaves dots alone: for lines that people read.
    Pattern,
    /// Makes it match only itself in a glob, by backslashes.
    Glob,
    /// Leaves out the `[project] › ` in front of a test's id.
    Bare,
    /// Leaves out everything from the first of these texts on.
    Cut(String),
    /// Leaves out everything up to the first of these texts, and the text itself.
    After(String),
    /// Puts another text in the place of each of these.
    Swap(String, String),
}

/// What stands between the project of a test's id and the rest of it.
const PROJECT_END: &str = "] › ";

/// The project in front of a test's id, and the rest.
pub(crate) fn project(id: &str) -> (&str, &str) {
    match id.strip_prefix('[').and_then(|rest| rest.split_once(PROJECT_END)) {
        Some((project, rest)) => (project, rest),
        None => ("", id),
    }
}

impl Filter {
    /// `value` with the filter applied.
    pub fn apply(&self, value: &str) -> String {
        match self {
            Filter::Regex => {
                escaped(value, &['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'])
            }
            Filter::Pattern => {
                escaped(value, &['\\', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'])
            }
            Filter::Glob => escaped(value, &['\\', '*', '?', '[', ']', '{', '}', '(', ')', '!', '+', '@']),
            Filter::Bare => project(value).1.to_owned(),
            Filter::Cut(from) => value.split_once(from.as_str()).map_or(value, |(kept, _)| kept).to_owned(),
            Filter::After(to) => value.split_once(to.as_str()).map_or(value, |(_, kept)| kept).to_owned(),
            Filter::Swap(from, to) => value.replace(from.as_str(), to),
        }
    }
}

/// `value` with a backslash in front of what is special.
fn escaped(value: &str, special: &[char]) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if special.contains(&c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

impl FromStr for Filter {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let unknown = || TemplateError::UnknownFilter { text: text.to_owned() };
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let texts = quoted(rest).ok_or_else(unknown)?;
        match (name, texts.as_slice()) {
            ("regex", []) => Ok(Filter::Regex),
            ("pattern", []) => Ok(Filter::Pattern),
            ("glob", []) => Ok(Filter::Glob),
            ("bare", []) => Ok(Filter::Bare),
            ("cut", [from]) if !from.is_empty() => Ok(Filter::Cut(from.clone())),
            ("after", [to]) if !to.is_empty() => Ok(Filter::After(to.clone())),
            ("swap", [from, to]) if !from.is_empty() => Ok(Filter::Swap(from.clone(), to.clone())),
            _ => Err(unknown()),
        }
    }
}

/// The texts in double quotes that `text` consists of; none where it is anything else.
fn quoted(text: &str) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    let mut chars = text.trim().chars();
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        if first != '"' {
            return None;
        }
        let mut inner = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => inner.push(chars.next()?),
                c => inner.push(c),
            }
        }
        texts.push(inner);
    }
    Some(texts)
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""));
        match self {
            Filter::Regex => f.write_str("regex"),
            Filter::Pattern => f.write_str("pattern"),
            Filter::Glob => f.write_str("glob"),
            Filter::Bare => f.write_str("bare"),
            Filter::Cut(from) => write!(f, "cut {}", quote(from)),
            Filter::After(to) => write!(f, "after {}", quote(to)),
            Filter::Swap(from, to) => write!(f, "swap {} {}", quote(from), quote(to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_changed_as_asked() {
        let swap = Filter::Swap(" > ".to_owned(), "|".to_owned());
        for (filter, value, wanted) in [
            (Filter::Regex, "a/[id].spec.ts", r"a/\[id\]\.spec\.ts"),
            (Filter::Pattern, "a/[id].spec.ts", r"a/\[id\].spec.ts"),
            (Filter::Glob, "a/[id]*.cy.ts", r"a/\[id\]\*.cy.ts"),
            (Filter::Bare, "[phone] › cart › adds", "cart › adds"),
            (Filter::Bare, "cart › [x] › adds", "cart › [x] › adds"),
            (Filter::Cut("[".to_owned()), "test_a[1[2]]", "test_a"),
            (Filter::Cut("(".to_owned()), "test_a", "test_a"),
            (Filter::After("::".to_owned()), "tests/Shop::A::B", "A::B"),
            (Filter::After("::".to_owned()), "A", "A"),
            (swap, "a > b > c", "a|b|c"),
        ] {
            assert_eq!(filter.apply(value), wanted, "{filter} of {value}");
        }
    }

    #[test]
    fn texts_are_read_and_written_back() {
        for text in ["regex", r#"cut "(""#, r#"swap " > " "\"\\|}""#] {
            assert_eq!(text.parse::<Filter>().expect(text).to_string(), text);
        }
        for wrong in ["", "cut", "cut x", r#"cut """#, r#"swap "a""#, r#"regex "a""#, r#"cut "a"#] {
            assert!(wrong.parse::<Filter>().is_err(), "{wrong}");
        }
    }
}
