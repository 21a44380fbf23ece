//! A table of figures: a column for each server.

use std::fmt;

/// Rows of cells, the first of each row says what it is.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    /// A table with these columns.
    pub(super) fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        Self { columns: columns.into_iter().map(str::to_owned).collect(), rows: Vec::new() }
    }

    /// Adds a row with a cell for each column.
    pub(super) fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push((name.to_owned(), cells.into_iter().collect()));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| | {} |", self.columns.join(" | "))?;
        write!(f, "| --- |{}", " ---: |".repeat(self.columns.len()))?;
        self.rows
            .iter()
            .try_for_each(|(name, cells)| write!(f, "\n| {name} | {} |", cells.join(" | ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(["a", "b"]);
        table.row("x", ["1".to_owned(), "2".to_owned()]);
        assert_eq!(table.to_string(), "| | a | b |\n| --- | ---: | ---: |\n| x | 1 | 2 |");
    }
}
