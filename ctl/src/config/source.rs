//! The text of a file together with what is wrong in it, shown with its line and a caret.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Longest part of a line that an excerpt shows, in characters.
const EXCERPT_CHARS: usize = 120;

/// Something in a file that is wrong, or that is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it is shown to people.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    excerpt: Excerpt,
}

/// The line that a problem is in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    text: String,
    /// Characters before the caret.
    before: usize,
    /// How many carets, at least one.
    carets: usize,
}

/// A file's text, by which byte offsets become lines and columns.
pub(crate) struct SourceText<'t> {
    shown: &'t Path,
    text: &'t str,
    line_starts: Vec<usize>,
}

impl<'t> SourceText<'t> {
    /// `shown` is the path that problems name.
    pub(crate) fn new(shown: &'t Path, text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        SourceText { shown, text, line_starts }
    }

    /// A problem at a range of bytes; a range that does not fit the text is moved to fit.
    pub(crate) fn problem(&self, at: Range<usize>, message: impl Into<String>) -> Problem {
        let start = floor_boundary(self.text, at.start);
        let line = self.line_starts.partition_point(|&begin| begin <= start).saturating_sub(1);
        let begin = self.line_starts[line];
        let end = self.line_starts.get(line + 1).map_or(self.text.len(), |&next| next - 1);
        let text = self.text[begin..end].trim_end_matches('\r');
        let before = self.text[begin..start].chars().count();
        let marked = self.text[start..floor_boundary(self.text, at.end).clamp(start, end.max(start))].chars();
        Problem {
            file: self.shown.to_owned(),
            line: line + 1,
            column: before + 1,
            message: message.into(),
            help: None,
            excerpt: Excerpt::cut(text, before, marked.count().max(1)),
        }
    }

    /// The place of a character of a string, by its number from 1. All of the string where it is written with escapes.
    pub(crate) fn within(&self, at: Range<usize>, value: &str, column: usize) -> Range<usize> {
        let written = self.text.get(at.clone()).unwrap_or_default();
        let Some(lead) = written.find(value).filter(|_| !value.is_empty()) else { return at };
        let before =
            value.char_indices().nth(column.saturating_sub(1)).map_or(value.len(), |(place, _)| place);
        let start = at.start + lead + before;
        start..start + 1
    }

    /// A range of bytes, to be named later.
    pub(crate) fn place(&self, at: Range<usize>) -> Place {
        Place(self.problem(at, ""))
    }
}

/// A place in a file, of which something may have to be said later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Problem);

impl Place {
    /// Something that is wrong there.
    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem { message: message.into(), ..self.0.clone() }
    }

    /// Where it is, in the order of the file.
    pub(crate) fn position(&self) -> (usize, usize) {
        (self.0.line, self.0.column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.0.file.display(), self.0.line, self.0.column)
    }
}

impl Problem {
    /// Adds what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Excerpt {
    /// Shortens a long line to the part around the caret.
    fn cut(line: &str, before: usize, carets: usize) -> Self {
        let length = line.chars().count();
        if length <= EXCERPT_CHARS {
            return Excerpt {
                text: line.to_owned(),
                before,
                carets: carets.min(length.max(before + 1) - before),
            };
        }
        let skip = before.saturating_sub(EXCERPT_CHARS / 3);
        let lead = if skip > 0 { "…" } else { "" };
        let tail = if skip + EXCERPT_CHARS < length { "…" } else { "" };
        let part: String = line.chars().skip(skip).take(EXCERPT_CHARS).collect();
        let before = before - skip + lead.chars().count();
        let room = (lead.chars().count() + part.chars().count()).saturating_sub(before);
        Excerpt { text: format!("{lead}{part}{tail}"), before, carets: carets.min(room.max(1)) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { line, column, message, help, excerpt, .. } = self;
        writeln!(f, "{}:{line}:{column}: {message}", self.file.display())?;
        let margin = " ".repeat(line.to_string().len());
        // Control characters would act on the terminal; tabs stay, in both lines, so that the caret still fits.
        let shown: String =
            excerpt.text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
        let pad: String =
            shown.chars().take(excerpt.before).map(|c| if c == '\t' { "\t" } else { blank(c) }).collect();
        writeln!(f, "{margin} |")?;
        writeln!(f, "{line} | {shown}")?;
        write!(f, "{margin} | {pad}{}", "^".repeat(excerpt.carets))?;
        match help {
            Some(help) => write!(f, "\n{margin} = {help}"),
            None => Ok(()),
        }
    }
}

/// As many blanks as a terminal gives the character.
fn blank(c: char) -> &'static str {
    match console::measure_text_width(c.encode_utf8(&mut [0; 4])) {
        0 => "",
        1 => " ",
        _ => "  ",
    }
}

/// The nearest character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, at: Range<usize>) -> String {
        SourceText::new(Path::new("part.toml"), text).problem(at, "wrong").help("mend it").to_string()
    }

    #[test]
    fn carets_stand_below_what_they_mean() {
        assert_eq!(
            shown("a = 1\nbc = 22\n", 11..13),
            "part.toml:2:6: wrong\n  |\n2 | bc = 22\n  |      ^^\n  = mend it"
        );
        // A tab before the caret, a wide character, the very end, and a line that ends in CR LF.
        assert!(shown("\tx = 1", 5..6).contains("1 | \tx = 1\n  | \t    ^\n"));
        assert!(shown("k = \"日本\" !", 13..14).contains("  |            ^\n"));
        assert!(shown("a = ", 4..4).contains("1 | a = \n  |     ^\n"));
        assert!(shown("a = 1\r\nb", 4..5).contains("1 | a = 1\n"));
        assert!(shown("", 7..9).contains("1 | \n  | ^\n"));
    }

    #[test]
    fn a_character_of_a_string_is_found() {
        let text = "a = \"größe = 5\"\nb = \"\\u0041 = 5\"\nc = '''os'''";
        let source = SourceText::new(Path::new("part.toml"), text);
        let at = |written: &str, column| {
            let start = text.find(written).unwrap_or_default();
            let value = written.trim_matches(['"', '\'']);
            let problem = source.problem(source.within(start..start + written.len(), value, column), "wrong");
            (problem.line, problem.column)
        };
        assert_eq!(at("\"größe = 5\"", 7), (1, 12));
        // Past the end is the quotation mark.
        assert_eq!(at("\"größe = 5\"", 10), (1, 15));
        assert_eq!(at("'''os'''", 1), (3, 8));
        let escaped = text.find("\"\\u0041").unwrap_or_default();
        assert_eq!(source.within(escaped..escaped + 12, "A = 5", 3), escaped..escaped + 12);
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let text = format!("k = \"{}\" bad {}", "x".repeat(400), "y".repeat(400));
        let at = text.find("bad").unwrap_or_default();
        let shown = shown(&text, at..at + 3);
        let lines: Vec<&str> = shown.lines().collect();
        let column = lines[3].find('^').unwrap_or_default();
        // The line mark, an ellipsis of three bytes for one column.
        assert_eq!(&lines[2][column + 2..column + 5], "bad");
        assert!(lines[2].chars().count() < 140 && lines[2].ends_with('…'), "{shown}");
    }

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert!(!shown("a = \"\u{1b}[31m\"", 0..1).contains('\u{1b}'));
    }
}
