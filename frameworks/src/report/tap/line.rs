//! One line of TAP.

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// `1..5`, perhaps with `# SKIP reason`.
    Plan {
        count: u64,
        reason: Option<&'a str>,
    },
    /// `ok 1 - description # SKIP reason`.
    Point(Point<'a>),
    BailOut(&'a str),
    /// `# text`.
    Comment(&'a str),
    /// Versions, pragmas, blank lines, and whatever is no TAP.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Point<'a> {
    pub(super) ok: bool,
    pub(super) number: Option<u64>,
    /// Without escapes.
    pub(super) description: String,
    pub(super) directive: Option<Directive>,
    pub(super) reason: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Skip,
    Todo,
}

/// Spaces in front.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

impl<'a> Line<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let line = line.trim_start_matches(' ').trim_end();
        if let Some(comment) = line.strip_prefix('#') {
            return Line::Comment(comment.strip_prefix(' ').unwrap_or(comment));
        }
        if let Some(reason) = strip_prefix_ignoring_case(line, "Bail out!") {
            return Line::BailOut(reason.trim());
        }
        if let Some(plan) = line.strip_prefix("1..") {
            return plan_of(plan).unwrap_or(Line::Other);
        }
        let (ok, rest) = match (line.strip_prefix("not ok"), line.strip_prefix("ok")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Line::Other,
        };
        if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
            // A word that begins with `ok`.
            return Line::Other;
        }
        Line::Point(point(ok, rest.trim_start()))
    }
}

fn plan_of(text: &str) -> Option<Line<'_>> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = text[digits..].trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return None;
    }
    let reason = rest.trim_start_matches('#').trim();
    let reason = strip_prefix_ignoring_case(reason, "skip").map_or(reason, |rest| {
        // `# SKIP reason`, and `# Skipped: reason` in TAP 12.
        rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches(':').trim()
    });
    Some(Line::Plan { count: text[..digits].parse().ok()?, reason: (!reason.is_empty()).then_some(reason) })
}

fn point(ok: bool, rest: &str) -> Point<'_> {
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let ends = rest[digits..].is_empty() || rest[digits..].starts_with([' ', '\t']);
    let (number, rest) =
        if ends { (rest[..digits].parse().ok(), rest[digits..].trim_start()) } else { (None, rest) };
    let rest =
        rest.strip_prefix("- ").or_else(|| rest.strip_prefix("-").filter(|r| r.is_empty())).unwrap_or(rest);
    let (description, directive, reason) = split_directive(rest);
    Point { ok, number, description: unescape(description.trim()), directive, reason }
}

/// `description # SKIP reason`: the last `#` that is not escaped and has a directive behind it.
fn split_directive(text: &str) -> (&str, Option<Directive>, Option<&str>) {
    for (at, _) in text.rmatch_indices('#') {
        let escapes = text[..at].bytes().rev().take_while(|&byte| byte == b'\\').count();
        if escapes % 2 == 1 {
            continue;
        }
        let behind = text[at + 1..].trim_start();
        for (word, directive) in [("skip", Directive::Skip), ("todo", Directive::Todo)] {
            let Some(rest) = strip_prefix_ignoring_case(behind, word) else { continue };
            // `SKIP`, `SKIP:`, `skipped`, but not `skipper`.
            let rest = strip_prefix_ignoring_case(rest, "ped").unwrap_or(rest);
            if rest.starts_with(char::is_alphanumeric) {
                continue;
            }
            return (&text[..at], Some(directive), Some(rest.trim_start_matches(':').trim()));
        }
    }
    (text, None, None)
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('#' | '\\')) => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points() {
        use Directive::{Skip, Todo};
        for (text, ok, number, description, directive, reason) in [
            ("ok", true, None, "", None, None),
            ("ok 1", true, Some(1), "", None, None),
            ("not ok 2 - adds", false, Some(2), "adds", None, None),
            ("ok 3 adds", true, Some(3), "adds", None, None),
            ("ok - adds", true, None, "adds", None, None),
            ("    ok 1 - käse \\# 1 \\\\", true, Some(1), "käse # 1 \\", None, None),
            ("ok 4 - adds # SKIP no printer", true, Some(4), "adds", Some(Skip), Some("no printer")),
            ("ok 4 - adds # skipped: no printer", true, Some(4), "adds", Some(Skip), Some("no printer")),
            ("not ok 5 - adds # TODO", false, Some(5), "adds", Some(Todo), Some("")),
            ("not ok 5 - issue #12 # todo later", false, Some(5), "issue #12", Some(Todo), Some("later")),
            ("ok 6 - adds \\# SKIP no", true, Some(6), "adds # SKIP no", None, None),
            ("ok 6 - # skipper", true, Some(6), "# skipper", None, None),
            ("ok 7 # SKIP", true, Some(7), "", Some(Skip), Some("")),
            ("ok 1st - x", true, None, "1st - x", None, None),
        ] {
            let point = Point { ok, number, description: description.to_owned(), directive, reason };
            assert_eq!(Line::parse(text), Line::Point(point), "{text}");
        }
    }

    #[test]
    fn other_lines() {
        for (text, expected) in [
            ("1..5", Line::Plan { count: 5, reason: None }),
            ("    1..0 # SKIP no database", Line::Plan { count: 0, reason: Some("no database") }),
            ("1..0 # Skipped: no database", Line::Plan { count: 0, reason: Some("no database") }),
            ("1..", Line::Other),
            ("1..5 tests", Line::Other),
            ("1..99999999999999999999999", Line::Other),
            ("Bail out! away", Line::BailOut("away")),
            ("# note", Line::Comment("note")),
            ("#note", Line::Comment("note")),
            ("okay then", Line::Other),
            ("TAP version 14", Line::Other),
            ("", Line::Other),
        ] {
            assert_eq!(Line::parse(text), expected, "{text}");
        }
    }
}
