//! Tables in Markdown.

use std::fmt;

/// A table with a heading and a sentence or two about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Its heading.
    pub title: String,
    /// What it shows and how it was made.
    pub about: String,
    /// Headings of its columns, the first one for the rows' names.
    pub columns: Vec<String>,
    /// Its rows: a name, then one cell per further column.
    pub rows: Vec<Vec<String>>,
    /// What is to be said under it; empty for nothing.
    pub note: String,
}

impl Table {
    /// An empty one with these columns.
    pub fn new<const N: usize>(title: &str, about: &str, columns: [&str; N]) -> Table {
        Table {
            title: title.to_owned(),
            about: about.to_owned(),
            columns: columns.iter().map(ToString::to_string).collect(),
            ..Table::default()
        }
    }

    /// Adds a row.
    pub fn row(&mut self, name: impl Into<String>, cells: impl IntoIterator<Item = String>) {
        let mut row = vec![name.into()];
        row.extend(cells);
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n\n{}\n", self.title, self.about)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.columns.len().saturating_sub(1)))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        if !self.note.is_empty() {
            writeln!(f, "\n{}", self.note)?;
        }
        Ok(())
    }
}

/// A ratio with three decimals.
pub fn ratio(number: f64) -> String {
    format!("{number:.3}")
}

/// A mean and the 95th percentile beside it.
pub fn mean_and_p95(numbers: &[f64]) -> String {
    let spread = crate::Spread::of(numbers);
    format!("{:.3} ({:.2})", spread.mean, spread.p95)
}

/// Seconds with one decimal.
pub fn seconds(time: part_core::Millis) -> String {
    format!("{:.1} s", time.as_seconds())
}
