//! Which series of a shard pass a query's matchers.
//!
//! A matcher that the empty value does not pass picks series; one that it passes rules series out,
//! because series without the label pass it too. Expressions run over the dictionary of values, never
//! over series.

use roaring::RoaringBitmap;
use timberline_model::{Labels, MatchOp, Matcher, limits};

use super::{catalog::Catalog, index::Name};

/// The slots whose series pass all matchers.
pub(super) fn select(catalog: &Catalog, matchers: &[Matcher]) -> RoaringBitmap {
    let mut picked = select_indexed(catalog, matchers);
    if catalog.indexed_to() < catalog.slot_end() {
        scan(catalog, matchers, &mut picked);
    }
    picked
}

fn select_indexed(catalog: &Catalog, matchers: &[Matcher]) -> RoaringBitmap {
    let mut picked: Option<RoaringBitmap> = None;
    for matcher in matchers.iter().filter(|matcher| !matcher.matches_empty()) {
        let with = pick(catalog, matcher);
        picked = Some(match picked {
            Some(before) => before & with,
            None => with,
        });
        if picked.as_ref().is_some_and(RoaringBitmap::is_empty) {
            return RoaringBitmap::new();
        }
    }
    let mut picked = picked.unwrap_or_else(|| catalog.index().all().clone());
    for matcher in matchers.iter().filter(|matcher| matcher.matches_empty()) {
        rule_out(catalog, matcher, &mut picked);
    }
    picked
}

/// Adds the series that pass among those that the index does not have yet, by looking at each: about
/// 1 ns for each of its labels and each matcher. Texts are looked at once for each pair.
fn scan(catalog: &Catalog, matchers: &[Matcher], picked: &mut RoaringBitmap) {
    let verdicts: Vec<Verdicts> = matchers.iter().map(|m| Verdicts::of(catalog, m)).collect();
    for (slot, pairs) in catalog.series_from(catalog.indexed_to()) {
        if verdicts.iter().all(|verdicts| verdicts.pass(pairs)) {
            picked.insert(slot);
        }
    }
}

/// What one matcher says of every pair.
struct Verdicts {
    /// By pair: whether it has the matcher's name and a value that passes, or does not pass.
    by_pair: Vec<Verdict>,
    /// Of series without the label.
    absent_passes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    AnotherName,
    Passes,
    Fails,
}

impl Verdicts {
    fn of(catalog: &Catalog, matcher: &Matcher) -> Self {
        let mut by_pair = vec![Verdict::AnotherName; catalog.pairs().len()];
        if let Some(name) = catalog.index().name(matcher.name()) {
            for &id in &name.pairs {
                let passes = matcher.matches(catalog.pairs().name_and_value(id).1);
                by_pair[id as usize] = if passes { Verdict::Passes } else { Verdict::Fails };
            }
        }
        Self { by_pair, absent_passes: matcher.matches_empty() }
    }

    /// Of a series with these pairs.
    #[inline]
    fn pass(&self, pairs: &[u32]) -> bool {
        let verdicts = pairs.iter().map(|id| self.by_pair[*id as usize]);
        match verdicts.into_iter().find(|verdict| *verdict != Verdict::AnotherName) {
            Some(verdict) => verdict == Verdict::Passes,
            None => self.absent_passes,
        }
    }
}

/// The series that have the label with a value that passes.
fn pick(catalog: &Catalog, matcher: &Matcher) -> RoaringBitmap {
    let mut picked = RoaringBitmap::new();
    let Some(name) = catalog.index().name(matcher.name()) else { return picked };
    if is_any_value(matcher) {
        return name.present.clone();
    }
    if let Some(values) = matcher.literal_values() {
        for value in values {
            if let Some(id) = find_pair(catalog, matcher.name(), value) {
                catalog.index().postings(id).add_to(&mut picked);
            }
        }
        return picked;
    }
    for_values(
        catalog,
        name,
        matcher.expression_prefix(),
        |value| matcher.matches(value),
        |id| {
            catalog.index().postings(id).add_to(&mut picked);
        },
    );
    picked
}

/// Takes out the series that have the label with a value that does not pass.
fn rule_out(catalog: &Catalog, matcher: &Matcher, picked: &mut RoaringBitmap) {
    let Some(name) = catalog.index().name(matcher.name()) else { return };
    match (matcher.op(), matcher.value()) {
        (MatchOp::Equal | MatchOp::Regex, "") => *picked -= &name.present,
        (MatchOp::NotEqual, value) => {
            if let Some(id) = find_pair(catalog, matcher.name(), value) {
                catalog.index().postings(id).remove_from(picked);
            }
        }
        (MatchOp::Regex, ".*") => {}
        _ => for_values(
            catalog,
            name,
            "",
            |value| !matcher.matches(value),
            |id| {
                catalog.index().postings(id).remove_from(picked);
            },
        ),
    }
}

/// Whether a matcher means "has the label".
fn is_any_value(matcher: &Matcher) -> bool {
    matches!(
        (matcher.op(), matcher.value()),
        (MatchOp::NotEqual | MatchOp::NotRegex, "") | (MatchOp::Regex, ".+")
    )
}

fn for_values(
    catalog: &Catalog,
    name: &Name,
    prefix: &str,
    wanted: impl Fn(&str) -> bool,
    mut each: impl FnMut(u32),
) {
    for &id in &name.pairs {
        let begins = catalog.pairs().value_bytes(id).starts_with(prefix.as_bytes());
        if begins && wanted(catalog.pairs().value(id)) {
            each(id);
        }
    }
}

fn find_pair(catalog: &Catalog, name: &str, value: &str) -> Option<u32> {
    if name.len() > limits::LABEL_NAME_BYTES_MAX || value.len() > limits::LABEL_VALUE_BYTES_MAX {
        return None;
    }
    let mut text = Vec::with_capacity(name.len() + value.len() + 6);
    Labels::encode_pair(&mut text, name.as_bytes(), value.as_bytes());
    catalog.pairs().find(&text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALUES: [&str; 5] = ["", "a", "b", "ab", "abc"];
    const PATTERNS: [&str; 12] =
        ["", "a", "b", ".*", ".+", "a|b", "a|", "a.*", "[ab]", "(a|b)?", "x", "ab+c?"];

    fn catalog_of(sets: &[[usize; 3]]) -> (Catalog, Vec<Labels>) {
        let mut catalog = Catalog::default();
        let mut slots = Vec::new();
        for set in sets {
            let pairs = ["x", "y", "z"].into_iter().zip(set.iter().map(|v| VALUES[*v]));
            let labels = Labels::from_pairs(pairs).expect("valid");
            if catalog.find(labels.hash(), &labels).is_none() {
                catalog.push(labels.hash(), &labels);
                slots.push(labels);
            }
        }
        (catalog, slots)
    }

    proptest! {
        #[test]
        fn selecting_equals_testing_every_series(
            sets in prop::collection::vec([0usize..5, 0usize..5, 0usize..5], 0..40),
            matchers in prop::collection::vec((0usize..4, 0usize..4, 0usize..12), 0..4),
            indexed in 0_u32..40,
        ) {
            let (mut catalog, slots) = catalog_of(&sets);
            catalog.index_some(indexed);
            let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
            let matchers: Vec<Matcher> = matchers
                .into_iter()
                .map(|(name, op, value)| {
                    let name = ["x", "y", "z", "absent"][name];
                    Matcher::new(name, ops[op], PATTERNS[value]).expect("valid")
                })
                .collect();
            let expected: Vec<u32> = (0..)
                .zip(&slots)
                .filter(|(_, labels)| matchers.iter().all(|m| m.matches_labels(labels)))
                .map(|(slot, _)| slot)
                .collect();
            let found: Vec<u32> = select(&catalog, &matchers).into_iter().collect();
            prop_assert_eq!(found, expected, "{:?}", matchers);
        }
    }
}
