//! Which series pass a set of matchers.
//!
//! A matcher's values are looked up (`=`, `!=`, small alternations) or matched one by one (other
//! expressions, bounded by their literal prefix), their posting lists joined, and the union
//! intersected or subtracted. Cheap matchers go first; once few series are left, an expression is run
//! over their values instead of over all values of its label.

use roaring::RoaringBitmap;
use timberline_model::{MatchOp, Matcher};

use super::{
    dictionary::Dictionary, index::Index, label_lists::LabelReader, names::Name, postings::Union,
};
use crate::BlockError;

/// Looking at a series' own value costs about as much as matching so many values of a dictionary.
const VALUES_PER_LOOKUP: u64 = 8;

/// How a matcher's values are found, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    /// Whether the label is there at all, or a few values to look up.
    Lookup,
    /// As many values to go through.
    Scan(u32),
}

impl Index {
    /// The series that pass all matchers, ascending.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Result<Vec<u32>, BlockError> {
        let mut planned: Vec<(bool, Cost, &Matcher)> = matchers
            .iter()
            .map(|matcher| (matcher.matches_empty(), self.cost(matcher), matcher))
            .collect();
        // Of equal cost, those that narrow come before those that subtract.
        planned.sort_by_key(|(empty, cost, _)| (*cost, *empty));
        let mut found: Option<RoaringBitmap> = None;
        for (_, cost, matcher) in planned {
            let before = found.unwrap_or_else(|| self.every_series());
            let after = self.narrow(before, cost, matcher)?;
            if after.is_empty() {
                return Ok(Vec::new());
            }
            found = Some(after);
        }
        match found {
            Some(found) => Ok(found.iter().collect()),
            None => Ok((0..self.series_count()).collect()),
        }
    }

    fn cost(&self, matcher: &Matcher) -> Cost {
        let Some(number) = self.name_number(matcher.name()) else { return Cost::Lookup };
        if lookups(matcher).is_some() || any_value(matcher) {
            return Cost::Lookup;
        }
        self.name(number).map_or(Cost::Lookup, |name| Cost::Scan(name.value_count))
    }

    /// Those of `series` that pass a matcher.
    fn narrow(
        &self,
        mut series: RoaringBitmap,
        cost: Cost,
        matcher: &Matcher,
    ) -> Result<RoaringBitmap, BlockError> {
        let empty = matcher.matches_empty();
        let Some(number) = self.name_number(matcher.name()) else {
            return Ok(if empty { series } else { RoaringBitmap::new() });
        };
        if let Cost::Scan(values) = cost
            && series.len().saturating_mul(VALUES_PER_LOOKUP) < u64::from(values)
        {
            return self.filter(&series, number, matcher);
        }
        let name = self.name(number)?;
        let hits = self.hits(name, matcher)?;
        let positive = matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex);
        let present = || self.posting(Dictionary::new(self, name).present());
        match (positive, empty) {
            (true, false) => series &= hits,
            (true, true) => series -= present()? - hits,
            (false, true) => series -= hits,
            (false, false) => series &= present()? - hits,
        }
        Ok(series)
    }

    /// The series whose value is one that the matcher's `=` or `=~` names, whatever its sign.
    fn hits(&self, name: &Name, matcher: &Matcher) -> Result<RoaringBitmap, BlockError> {
        let dictionary = Dictionary::new(self, name);
        if any_value(matcher) {
            return self.posting(dictionary.present());
        }
        let mut union = Union::default();
        if let Some(values) = lookups(matcher) {
            for value in values.iter().filter(|value| !value.is_empty()) {
                if let Some(list) = dictionary.find(value)? {
                    union.add(list);
                }
            }
            return union.finish(self);
        }
        let positive = matcher.op() == MatchOp::Regex;
        dictionary.scan(matcher.expression_prefix(), &mut |value, list| {
            if matcher.matches(value) == positive {
                union.add(list);
            }
            Ok(())
        })?;
        union.finish(self)
    }

    /// Those of a few series that pass a matcher, each by its own value.
    fn filter(
        &self,
        series: &RoaringBitmap,
        number: u32,
        matcher: &Matcher,
    ) -> Result<RoaringBitmap, BlockError> {
        let dictionary = Dictionary::new(self, self.name(number)?);
        let mut reader = LabelReader::new(self);
        let mut value = Vec::new();
        let mut passed = RoaringBitmap::new();
        for series in series {
            value.clear();
            if let Some(found) = reader.value_number(series, number)? {
                dictionary.value(found, &mut value)?;
            }
            let text = str::from_utf8(&value).map_err(|_| self.malformed("a label value"))?;
            if matcher.matches(text) {
                passed.insert(series);
            }
        }
        Ok(passed)
    }
}

/// The values that a matcher names, if they are few.
fn lookups(matcher: &Matcher) -> Option<Vec<&str>> {
    match matcher.op() {
        MatchOp::NotEqual => Some(vec![matcher.value()]),
        _ => matcher.literal_values().map(|values| values.iter().map(String::as_str).collect()),
    }
}

/// Whether a matcher's expression is one of the two that people write for "any value". Stored values
/// are never empty, so both say the same of them.
fn any_value(matcher: &Matcher) -> bool {
    matches!(matcher.op(), MatchOp::Regex | MatchOp::NotRegex)
        && matches!(matcher.value(), ".*" | ".+")
}
