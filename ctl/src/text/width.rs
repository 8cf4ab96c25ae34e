//! Widths as a terminal counts them.

use std::borrow::Cow;

/// Columns that `text` takes; colours take none.
pub(crate) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// `text` in at most `columns`, cut with an ellipsis.
pub(crate) fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    console::truncate_str(text, columns, if columns > 1 { "…" } else { "" })
}

/// `text` filled up with blanks on the right.
pub(crate) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` filled up with blanks on the left.
pub(crate) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Rows that a line of `used` columns takes on a terminal of `columns`.
pub(crate) fn rows(used: usize, columns: usize) -> usize {
    used.div_ceil(columns.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room_and_wide_characters_take_two() {
        assert_eq!(width("\u{1b}[31mred\u{1b}[0m"), 3);
        assert_eq!(left("日本", 6), "日本  ");
        assert_eq!(right("ab", 4), "  ab");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
        assert_eq!((rows(0, 80), rows(80, 80), rows(81, 80), rows(5, 0)), (1, 1, 2, 5));
    }
}
