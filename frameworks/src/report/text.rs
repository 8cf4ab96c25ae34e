//! Small text work that several dialects share.

/// Cuts `text` down to at most `bound` bytes by taking bytes out of the middle, and says in their place how many
/// went. The result is the same for the same text and bound. Never splits a character. Where the bound leaves no
/// room for that remark, the text is just cut off.
pub fn clip(text: &str, bound: usize) -> String {
    if text.len() <= bound {
        return text.to_owned();
    }
    // The remark's length depends on the count that it shows, which cannot be larger than the text's length.
    let room = bound.saturating_sub(remark(text.len()).len());
    if room == 0 {
        return text[..floor_boundary(text, bound)].to_owned();
    }
    let head = floor_boundary(text, room.div_ceil(2));
    let tail = ceil_boundary(text, text.len() - room / 2);
    format!("{}{}{}", &text[..head], remark(tail - head), &text[tail..])
}

fn remark(bytes: usize) -> String {
    format!(" [… {bytes} bytes cut …] ")
}

fn floor_boundary(text: &str, index: usize) -> usize {
    (0..=index).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

fn ceil_boundary(text: &str, index: usize) -> usize {
    (index..=text.len()).find(|&i| text.is_char_boundary(i)).unwrap_or(text.len())
}

/// `text` without terminal escape sequences: colours (`ESC [ … m`), other control sequences, titles and links.
pub(super) fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        plain.push_str(&rest[..at]);
        rest = after_escape(&rest[at + 1..]);
    }
    plain.push_str(rest);
    plain
}

/// What follows the escape sequence whose `ESC` stands right before `rest`.
fn after_escape(rest: &str) -> &str {
    if let Some(control) = rest.strip_prefix('[') {
        let end = control.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c) || c == '\u{1b}');
        return match end {
            Some(at) if control[at..].starts_with('\u{1b}') => &control[at..],
            Some(at) => &control[at + 1..],
            None => "",
        };
    }
    if let Some(command) = rest.strip_prefix(']') {
        let end = command.find(['\u{7}', '\u{1b}']);
        return match end {
            Some(at) if command[at..].starts_with('\u{7}') => &command[at + 1..],
            Some(at) => command[at + 1..].strip_prefix('\\').unwrap_or(&command[at..]),
            None => "",
        };
    }
    let mut chars = rest.chars();
    match chars.next() {
        Some(c) if ('\u{40}'..='\u{5f}').contains(&c) => chars.as_str(),
        Some(_) | None => rest,
    }
}

/// `text` without surrounding white space, or none if nothing is left.
pub(super) fn non_empty(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

/// `text` without the empty lines around it, or none if nothing is left. Keeps the first line's indentation.
pub(super) fn block(text: &str) -> Option<String> {
    let end = text.trim_end().len();
    let start = text.len() - text.trim_start().len();
    let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    (start < end).then(|| text[start..end].to_owned())
}

/// The part of a failure's text that says what happened: everything before the first line of the stack.
/// Understands the stacks of JavaScript, .NET and Java (`   at …`).
pub(super) fn before_stack(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let indented = line.trim_start();
        if indented.len() < line.len() && (indented.starts_with("at ") || indented.starts_with("❯ ")) {
            break;
        }
        end += line.len();
    }
    let message = text[..end].trim();
    if message.is_empty() { text.trim() } else { message }
}

/// Seconds as microseconds; none for negative and unreasonable values.
pub(super) fn micros_of_seconds(seconds: f64) -> Option<u64> {
    // 2^53 microseconds are 285 years: below, the conversion is exact enough and cannot overflow.
    let micros = (seconds * 1e6).round();
    (0.0..9.0e15).contains(&micros).then_some(micros as u64)
}

/// Milliseconds as microseconds; none for negative and unreasonable values.
pub(super) fn micros_of_millis(millis: f64) -> Option<u64> {
    micros_of_seconds(millis / 1e3)
}

/// `file:line`, or the file alone where no line is known; none without a file. A file that ends in the spec's
/// path is written as the spec, so that places do not carry the machine's folders.
pub(super) fn location(spec: &str, file: &str, line: Option<u64>) -> Option<String> {
    let file = file.strip_prefix("file://").unwrap_or(file);
    let file = if names_spec(file, spec) { bare_spec(spec) } else { file };
    if file.is_empty() {
        return None;
    }
    Some(match line {
        Some(line) if line > 0 => format!("{file}:{line}"),
        Some(_) | None => file.to_owned(),
    })
}

/// True when `file` and `spec` name the same thing, as far as paths from different folders tell: equal, or one
/// is the end of the other.
pub(super) fn names_spec(file: &str, spec: &str) -> bool {
    let (file, spec) = (file.strip_prefix("./").unwrap_or(file), bare_spec(spec));
    if file.is_empty() || spec.is_empty() {
        return false;
    }
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with(['/', '\\']))
    };
    ends(file, spec) || ends(spec, file)
}

/// Which of several specs `file` names. Where paths from different folders leave a choice, the one that has most in
/// common: the longest spec that `file` ends in, else the shortest that ends in `file`.
pub(super) fn owner(file: &str, specs: &[String]) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (at, spec) in specs.iter().enumerate() {
        let (bare, file) = (bare_spec(spec), file.strip_prefix("./").unwrap_or(file));
        if bare == file {
            return Some(at);
        }
        if names_spec(file, spec) {
            let common = if file.len() > bare.len() {
                usize::MAX / 2 + bare.len()
            } else {
                usize::MAX / 2 - bare.len()
            };
            if best.is_none_or(|(most, _)| common > most) {
                best = Some((common, at));
            }
        }
    }
    best.map(|(_, at)| at)
}

fn bare_spec(spec: &str) -> &str {
    spec.strip_prefix("./").unwrap_or(spec).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clip_cuts_in_the_middle_and_says_so() {
        assert_eq!(clip("short", 100), "short");
        let cut = clip(&format!("head{}tail", "x".repeat(1000)), 100);
        assert!(cut.starts_with("headx") && cut.ends_with("xtail"), "{cut}");
        assert!(cut.contains("bytes cut"), "{cut}");
        assert!(cut.len() <= 100);
    }

    #[test]
    fn clip_respects_characters_and_every_bound() {
        let text = "käse ☕ ".repeat(50);
        for bound in 0..text.len() + 2 {
            assert!(clip(&text, bound).len() <= bound.max(text.len().min(bound)), "{bound}");
        }
    }

    #[test]
    fn escapes_go() {
        for (text, plain) in [
            ("\u{1b}[31mred\u{1b}[39m", "red"),
            ("a\u{1b}[2;5Hb", "ab"),
            ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\!", "link!"),
            ("cut \u{1b}[31", "cut "),
            ("cut \u{1b}", "cut "),
            ("\u{1b}Mup", "up"),
            ("\u{1b}[3\u{1b}[1mx", "x"),
        ] {
            assert_eq!(without_escapes(text), plain, "{text:?}");
        }
    }

    #[test]
    fn block_keeps_the_first_lines_indentation() {
        assert_eq!(block("\n\n  a\n    b\n\n"), Some("  a\n    b".to_owned()));
        assert_eq!(block("a"), Some("a".to_owned()));
        assert_eq!(block(" \n\t\n"), None);
        assert_eq!(block(""), None);
    }

    #[test]
    fn stack_is_left_out_of_the_message() {
        assert_eq!(before_stack("Error: a\n\nb\n    at f (x.js:1:2)\n    at g"), "Error: a\n\nb");
        assert_eq!(before_stack("    at f"), "at f");
        assert_eq!(before_stack("at home"), "at home");
    }

    #[test]
    fn unreasonable_durations_are_none() {
        assert_eq!(micros_of_seconds(1.5), Some(1_500_000));
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(micros_of_seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn files_belong_to_the_spec_that_they_name_best() {
        let specs = ["t/a.js", "x/t/a.js", "b.js", "x/b.js"].map(String::from);
        for (file, wanted) in [
            ("/w/t/a.js", Some(0)),
            ("/w/x/t/a.js", Some(1)),
            ("a.js", Some(0)),
            ("./x/b.js", Some(3)),
            ("x/t/a.js", Some(1)),
            ("/w/c.js", None),
            ("", None),
        ] {
            assert_eq!(owner(file, &specs), wanted, "{file}");
        }
    }

    #[test]
    fn files_are_compared_by_their_ends() {
        assert!(names_spec("/home/me/shop/tests/a.ts", "tests/a.ts"));
        assert!(names_spec("a.ts", "./tests/a.ts"));
        assert!(names_spec("example.com/shop/cart", "./cart/"));
        assert!(!names_spec("ba.ts", "a.ts"));
        assert!(!names_spec("a.ts", ""));
        assert_eq!(location("tests/a.ts", "/x/tests/a.ts", Some(3)), Some("tests/a.ts:3".to_owned()));
        assert_eq!(location("tests/a.ts", "/x/b.ts", None), Some("/x/b.ts".to_owned()));
        assert_eq!(location("tests/a.ts", "", Some(3)), None);
    }
}
