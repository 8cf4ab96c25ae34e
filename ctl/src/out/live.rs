//! The live area: a few lines at the bottom of a terminal that are drawn over and over.
//!
//! Pure: it makes the bytes that turn the old area into the new one. Each frame is one write, so nothing flickers,
//! and the rows to go back are computed from the widths drawn before and the terminal's present width, so that a
//! resized terminal (which folds the old lines anew) is cleaned up properly.

use crate::text::{fit, rows, width};

/// What is drawn now.
#[derive(Debug, Default)]
pub(crate) struct LiveArea {
    widths: Vec<usize>,
}

impl LiveArea {
    /// True when something is drawn.
    pub(crate) fn is_drawn(&self) -> bool {
        !self.widths.is_empty()
    }

    /// Bytes that replace what is drawn by `lines`, each cut to the terminal's width.
    pub(crate) fn draw(&mut self, lines: &[String], columns: usize) -> String {
        let mut text = self.back(columns);
        // One column stays free: a full line would make some terminals wrap early and others not.
        let lines: Vec<_> = lines.iter().map(|line| fit(line, columns.saturating_sub(1))).collect();
        for (place, line) in lines.iter().enumerate() {
            if place > 0 {
                text.push('\n');
            }
            text.push_str(line);
            text.push_str("\u{1b}[K");
        }
        text.push_str("\u{1b}[J");
        self.widths = lines.iter().map(|line| width(line)).collect();
        text
    }

    /// Bytes that remove what is drawn; the cursor ends where the area began.
    pub(crate) fn erase(&mut self, columns: usize) -> String {
        if !self.is_drawn() {
            return String::new();
        }
        let text = format!("{}\u{1b}[J", self.back(columns));
        self.widths.clear();
        text
    }

    fn back(&self, columns: usize) -> String {
        let rows: usize = self.widths.iter().map(|used| rows(*used, columns)).sum();
        match rows {
            0 => String::new(),
            1 => "\r".to_owned(),
            rows => format!("\r\u{1b}[{}A", rows - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn frames_replace_each_other() {
        let mut area = LiveArea::default();
        assert_eq!(area.draw(&lines(&["one", "two"]), 20), "one\u{1b}[K\ntwo\u{1b}[K\u{1b}[J");
        assert_eq!(area.draw(&lines(&["three"]), 20), "\r\u{1b}[1Athree\u{1b}[K\u{1b}[J");
        assert_eq!(area.erase(20), "\r\u{1b}[J");
        assert_eq!(area.erase(20), "");
    }

    #[test]
    fn a_narrower_terminal_has_folded_the_old_lines() {
        let mut area = LiveArea::default();
        area.draw(&lines(&["0123456789012345678", "x"]), 20);
        // 19 columns on a terminal of 10 are two rows, and one more for the second line.
        assert_eq!(area.erase(10), "\r\u{1b}[2A\u{1b}[J");
    }

    #[test]
    fn lines_never_fill_the_last_column() {
        let mut area = LiveArea::default();
        assert!(area.draw(&lines(&["0123456789"]), 10).starts_with("01234567…\u{1b}[K"));
    }
}
