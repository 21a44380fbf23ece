//! What a misspelt key was probably meant to be.

/// The known word nearest to a given one, if it is near enough to be worth naming.
pub(crate) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    known
        .map(|key| {
            // A right key in the wrong section is as near as can be.
            let distance = if last(key) == last(given) { 1 } else { edit_distance(given, key) };
            (distance, key)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 1 + given.len() / 3)
        .map(|(_, key)| key)
}

/// Insertions, deletions and replacements that turn one word into the other (Levenshtein).
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_in_edits() {
        for (left, right, distance) in [("", "abc", 3), ("kitten", "sitting", 3), ("a", "a", 0)] {
            assert_eq!(edit_distance(left, right), distance);
        }
    }

    #[test]
    fn only_a_near_word_is_named() {
        let known = ["listen", "data_dir", "query.timeout"];
        assert_eq!(nearest("lisen", known.into_iter()), Some("listen"));
        assert_eq!(nearest("querry.timeout", known.into_iter()), Some("query.timeout"));
        assert_eq!(nearest("timeout", known.into_iter()), Some("query.timeout"));
        assert_eq!(nearest("zzz", known.into_iter()), None);
    }
}
