//! Cleaning of text that came from tests, before it reaches a terminal or a log.
//!
//! Names, messages and output are hostile until they went through here: a test can print sequences that move the
//! cursor, change the title, paste into the shell, or turn the reading direction around.

use super::Palette;
use std::iter::Peekable;
use std::str::Chars;

/// What the text is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// SGR colours pass.
    pub(crate) colour: bool,
    /// Everything else that controls a terminal is shown as a symbol; otherwise it is removed.
    pub(crate) symbols: bool,
}

impl From<Palette> for Screen {
    fn from(palette: Palette) -> Screen {
        Screen { colour: palette.colour(), symbols: palette.terminal() }
    }
}

/// Text of several lines: line ends and tabs stay.
pub(crate) fn block(text: &str, screen: Screen) -> String {
    clean(text, screen, true)
}

/// Text that must stay on one line, such as a name: line ends and tabs become symbols or blanks.
pub(crate) fn line(text: &str, screen: Screen) -> String {
    clean(text, screen, false)
}

fn clean(text: &str, screen: Screen, lines: bool) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let mut out = Cleaned { text: String::with_capacity(text.len()), screen, coloured: false };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => escape(&mut chars, &mut out),
            '\u{9b}' => control_sequence(&mut chars, &mut out, "\u{9b}"),
            '\n' if lines => out.line_end(),
            '\r' if lines && chars.peek() == Some(&'\n') => {}
            '\t' if lines => out.text.push('\t'),
            '\n' | '\t' if !screen.symbols => out.text.push(' '),
            c if is_control(c) => out.symbol(c),
            c => out.text.push(c),
        }
    }
    out.reset();
    out.text
}

struct Cleaned {
    text: String,
    screen: Screen,
    /// A colour is on.
    coloured: bool,
}

impl Cleaned {
    fn symbol(&mut self, c: char) {
        if !self.screen.symbols {
            return;
        }
        match c {
            '\u{0}'..='\u{1f}' => self.text.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => self.text.push('\u{2421}'),
            c => self.text.push_str(&format!("<U+{:04X}>", u32::from(c))),
        }
    }

    fn symbols(&mut self, text: &str) {
        for c in text.chars() {
            if is_control(c) || c == '\u{1b}' {
                self.symbol(c)
            } else if self.screen.symbols {
                self.text.push(c)
            }
        }
    }

    fn colour(&mut self, parameters: &str) {
        if self.screen.colour {
            self.text.push_str(&format!("\u{1b}[{parameters}m"));
            self.coloured = !matches!(parameters, "" | "0" | "00");
        }
    }

    /// A colour never leaves its line, so that a line may be cut or stand between others.
    fn line_end(&mut self) {
        self.reset();
        self.text.push('\n');
    }

    fn reset(&mut self) {
        if self.coloured {
            self.text.push_str("\u{1b}[0m");
            self.coloured = false;
        }
    }
}

/// After an ESC.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut Cleaned) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            control_sequence(chars, out, "\u{1b}[");
        }
        // OSC, DCS, SOS, PM and APC carry text up to BEL or ST.
        Some(']' | 'P' | 'X' | '^' | '_') => string_sequence(chars, out),
        // Two-character sequences, some with intermediates: "ESC ( B".
        Some(' '..='/') => {
            out.symbol('\u{1b}');
            while let Some(c) = chars.next_if(|c| matches!(c, ' '..='/')) {
                out.symbols(c.encode_utf8(&mut [0; 4]));
            }
            if let Some(c) = chars.next_if(|c| matches!(c, '0'..='~')) {
                out.symbols(c.encode_utf8(&mut [0; 4]));
            }
        }
        Some(c @ '0'..='~') => {
            let c = *c;
            chars.next();
            out.symbol('\u{1b}');
            out.symbols(c.encode_utf8(&mut [0; 4]));
        }
        Some(_) | None => out.symbol('\u{1b}'),
    }
}

/// A CSI sequence after its introducer: SGR passes where colour is shown, all others become symbols.
fn control_sequence(chars: &mut Peekable<Chars<'_>>, out: &mut Cleaned, introducer: &str) {
    let mut body = String::new();
    while let Some(c) = chars.next_if(|c| matches!(c, ' '..='?')) {
        body.push(c);
    }
    let end = chars.next_if(|c| matches!(c, '@'..='~'));
    let plain = body.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'));
    if end == Some('m') && plain {
        return out.colour(&body);
    }
    out.symbols(introducer);
    out.symbols(&body);
    if let Some(end) = end {
        out.symbols(end.encode_utf8(&mut [0; 4]));
    }
}

/// A sequence that carries text: up to BEL, ST or the end of the line.
fn string_sequence(chars: &mut Peekable<Chars<'_>>, out: &mut Cleaned) {
    out.symbol('\u{1b}');
    while let Some(c) = chars.next_if(|c| !matches!(c, '\n' | '\u{7}' | '\u{1b}' | '\u{9c}')) {
        out.symbols(c.encode_utf8(&mut [0; 4]));
    }
    match chars.peek() {
        Some('\u{7}' | '\u{9c}') => {
            if let Some(end) = chars.next() {
                out.symbol(end);
            }
        }
        Some('\u{1b}') => {
            let mut ahead = chars.clone();
            ahead.next();
            if ahead.next() == Some('\\') {
                chars.next();
                chars.next();
                out.symbol('\u{1b}');
                out.symbols("\\");
            }
        }
        Some(_) | None => {}
    }
}

/// Characters that control a terminal or turn the reading direction around.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Screen = Screen { colour: true, symbols: true };
    const MONOCHROME: Screen = Screen { colour: false, symbols: true };
    const LOG: Screen = Screen { colour: false, symbols: false };

    #[test]
    fn only_colour_reaches_a_terminal() {
        let table = [
            ("plain", "plain", "plain"),
            ("ünïcode 日本 🙂", "ünïcode 日本 🙂", "ünïcode 日本 🙂"),
            ("\u{1b}[31mred\u{1b}[0m", "\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[38;5;1mopen", "\u{1b}[38;5;1mopen\u{1b}[0m", "open"),
            ("\u{1b}[38:2::1:2:3mopen", "\u{1b}[38:2::1:2:3mopen\u{1b}[0m", "open"),
            ("a\u{1b}[31mb\nc", "a\u{1b}[31mb\u{1b}[0m\nc", "ab\nc"),
            ("\u{1b}[2J\u{1b}[H", "␛[2J␛[H", ""),
            ("\u{1b}[?1049h", "␛[?1049h", ""),
            ("\u{1b}[>4;2m", "␛[>4;2m", ""),
            ("\u{1b}]0;title\u{7}x", "␛]0;title␇x", "x"),
            ("\u{1b}]8;;http://e\u{1b}\\link\u{1b}]8;;\u{1b}\\", "␛]8;;http://e␛\\link␛]8;;␛\\", "link"),
            ("\u{1b}]52;c;AAAA", "␛]52;c;AAAA", ""),
            ("\u{1b}Pq#0\u{1b}\\x", "␛Pq#0␛\\x", "x"),
            ("\u{1b}]0;a\u{1b}[31mb", "␛]0;a\u{1b}[31mb\u{1b}[0m", "b"),
            ("\u{1b}(Bx", "␛(Bx", "x"),
            ("\u{1b}cx", "␛cx", "x"),
            ("\u{9b}31mx", "\u{1b}[31mx\u{1b}[0m", "x"),
            ("\u{9b}2Jx", "<U+009B>2Jx", "x"),
            ("bell\u{7}nul\u{0}del\u{7f}", "bell␇nul␀del␡", "bellnuldel"),
            ("10%\r20%\r\nend", "10%␍20%\nend", "10%20%\nend"),
            ("abc\u{202e}fed\u{2066}", "abc<U+202E>fed<U+2066>", "abcfed"),
            ("end\u{1b}", "end␛", "end"),
            ("end\u{1b}[", "end␛[", "end"),
            ("end\u{1b}[3\nnext", "end␛[3\nnext", "end\nnext"),
            ("tab\there", "tab\there", "tab\there"),
        ];
        for (text, terminal, log) in table {
            assert_eq!(block(text, TERMINAL), terminal, "{text:?} on a terminal");
            assert_eq!(block(text, LOG), log, "{text:?} in a log");
        }
        assert_eq!(block("\u{1b}[31mred\u{1b}[0m", MONOCHROME), "red");
    }

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(line("two\nlines\tand a tab", TERMINAL), "two␊lines␉and a tab");
        assert_eq!(line("two\nlines\r", LOG), "two lines");
    }

    #[test]
    fn no_text_leaves_a_control_character_behind() {
        // Every short mixture of the characters that sequences are made of.
        let alphabet = ['\u{1b}', '[', ']', '3', ';', 'm', 'J', '\u{7}', '\\', '\n', '\u{9b}', 'x'];
        for a in alphabet {
            for b in alphabet {
                for c in alphabet {
                    for d in alphabet {
                        let text: String = [a, b, c, d].iter().collect();
                        for screen in [MONOCHROME, LOG] {
                            let cleaned = block(&text, screen);
                            assert!(
                                cleaned.chars().all(|c| c == '\n' || !is_control(c)),
                                "{text:?} → {cleaned:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
