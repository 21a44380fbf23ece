//! Tables, counts and sizes for people.

/// A table without borders: a row of titles (unless they are all empty), then rows. Columns named in
/// `right` are numbers, and aligned to the right.
pub(super) fn table(titles: &[&str], right: &[usize], rows: &[Vec<String>]) -> String {
    let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    let head = titles.iter().any(|title| !title.is_empty()).then_some(&titles);
    let lines: Vec<&Vec<String>> = head.into_iter().chain(rows).collect();
    let widths: Vec<usize> = (0..titles.len())
        .map(|column| lines.iter().map(|line| width(line, column)).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (column, cell) in line.iter().enumerate() {
            let gap = " ".repeat(widths[column] - width(line, column));
            let (left, right) = if right.contains(&column) { (&*gap, "") } else { ("", &*gap) };
            row.push_str(&format!("{left}{cell}{right}  "));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Characters of a cell; not quite columns of a terminal where text is Chinese or full of marks.
fn width(line: &[String], column: usize) -> usize {
    line.get(column).map_or(0, |cell| cell.chars().count())
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
        let rows =
            vec![vec!["a".to_owned(), "1".to_owned()], vec!["bb".to_owned(), "22".to_owned()]];
        assert_eq!(
            table(&["name", "value"], &[1], &rows),
            "name  value\na         1\nbb       22\n"
        );
    }
}
