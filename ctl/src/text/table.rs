//! Aligned columns.

use super::{left, right, width};

/// Rows of cells; a column is as wide as its widest cell, and the last one is not filled up.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
}

impl Table {
    /// A table with a line of headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Table { rows: vec![headings.map(str::to_owned).to_vec()], right: Vec::new() }
    }

    /// Columns (from 0) whose cells stand on the right.
    pub(crate) fn numbers<const N: usize>(mut self, columns: [usize; N]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// The lines, with line ends.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let wide =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
        let widths: Vec<usize> = (0..columns).map(|column| wide(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                if self.right.contains(&column) {
                    right(cell, widths[column])
                } else {
                    left(cell, widths[column])
                }
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["RUN", "SPECS", "PROJECT"]).numbers([1]);
        table.row(["a".into(), "12".into(), "shop".into()]);
        table.row(["\u{1b}[1mlong\u{1b}[0m".into(), "3".into(), String::new()]);
        let shown = "RUN   SPECS  PROJECT\na        12  shop\n\u{1b}[1mlong\u{1b}[0m      3\n";
        assert_eq!(table.render(), shown);
    }
}
