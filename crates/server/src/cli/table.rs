//! Tables, counts and sizes for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A table without borders: a row of titles, then rows. Columns named in `right` are numbers.
pub(super) fn table(titles: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(titles);
    table.add_rows(rows);
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
    }
    let text = table.to_string();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A count with separators: `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted: `1 sample`, `2 samples`.
pub(super) fn counted(number: u64, what: &str) -> String {
    match (number, what) {
        (1, "series") => "1 series".to_owned(),
        (1, what) => format!("1 {}", what.strip_suffix('s').unwrap_or(what)),
        (number, what) => format!("{} {what}", count(number)),
    }
}

/// A size in the unit that suits it: `1.5 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1_024.0 {
            break;
        }
        size /= 1_024.0;
        unit = larger;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "samples"), "1 sample");
        assert_eq!(counted(2_000, "series"), "2,000 series");
        assert_eq!(size(1_023), "1023 B");
        assert_eq!(size(1_572_864), "1.5 MiB");
    }

    #[test]
    fn tables_are_aligned() {
        let rows = vec![vec!["a".to_owned(), "1".to_owned()], vec!["bb".to_owned(), "22".to_owned()]];
        assert_eq!(table(&["name", "value"], &[1], rows), "name  value\na         1\nbb       22\n");
    }
}
