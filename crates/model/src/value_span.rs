//! A span of values, in an order of all floats.

use std::fmt;

use crate::PageFigures;

/// The values from one to another, both included, in the order of SQL's comparisons: -0 equals 0, NaN with its
/// sign cleared lies above everything, NaN with its sign set below everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueSpan {
    low: i64,
    high: i64,
}

impl ValueSpan {
    /// All values.
    pub const ALL: Self = Self { low: i64::MIN, high: i64::MAX };

    /// That value and no other.
    #[must_use]
    pub fn only(value: f64) -> Self {
        Self { low: key(value), high: key(value) }
    }

    /// Everything from a value on; without the value itself unless it is included.
    #[must_use]
    pub fn from(value: f64, is_included: bool) -> Self {
        match key(value).checked_add(i64::from(!is_included)) {
            Some(low) => Self { low, ..Self::ALL },
            None => Self::NONE,
        }
    }

    /// Everything up to a value; without the value itself unless it is included.
    #[must_use]
    pub fn up_to(value: f64, is_included: bool) -> Self {
        match key(value).checked_sub(i64::from(!is_included)) {
            Some(high) => Self { high, ..Self::ALL },
            None => Self::NONE,
        }
    }

    const NONE: Self = Self { low: i64::MAX, high: i64::MIN };

    /// What lies in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    /// Whether a value lies in it.
    #[inline]
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&key(value))
    }

    /// Whether all or none of a page's values lie in it, as its figures say; `None` where they do not.
    #[must_use]
    pub fn of_page(self, page: &PageFigures) -> Option<bool> {
        // NaN is in no extreme.
        if page.sum.is_nan() {
            return None;
        }
        let (low, high) = (key(page.min), key(page.max));
        if self.low <= low && high <= self.high {
            return Some(true);
        }
        (high < self.low || self.high < low).then_some(false)
    }
}

impl fmt::Display for ValueSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The order of the floats' keys is its own inverse.
        let value = |key: i64| f64::from_bits(key_of_bits(key).cast_unsigned());
        match (self.low, self.high) {
            (low, high) if low > high => f.write_str("none"),
            (i64::MIN, i64::MAX) => f.write_str("any"),
            (low, i64::MAX) => write!(f, ">= {}", value(low)),
            (i64::MIN, high) => write!(f, "<= {}", value(high)),
            (low, high) => write!(f, "{} to {}", value(low), value(high)),
        }
    }
}

/// A number that orders as the floats do.
#[inline]
fn key(value: f64) -> i64 {
    // Adding 0 makes 0 of -0, and changes no other value.
    key_of_bits((value + 0.0).to_bits().cast_signed())
}

#[inline]
const fn key_of_bits(bits: i64) -> i64 {
    // Of negative floats the magnitude counts downwards.
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimeRange;

    const VALUES: [f64; 9] =
        [f64::NEG_INFINITY, -1.5, -0.0, 0.0, f64::MIN_POSITIVE, 1.0, 90.0, f64::INFINITY, f64::NAN];

    #[test]
    fn comparisons_are_those_of_all_floats_with_one_zero() {
        for bound in VALUES {
            for value in VALUES {
                let order = (value + 0.0).total_cmp(&(bound + 0.0));
                assert_eq!(ValueSpan::from(bound, true).contains(value), order.is_ge());
                assert_eq!(ValueSpan::from(bound, false).contains(value), order.is_gt());
                assert_eq!(ValueSpan::up_to(bound, true).contains(value), order.is_le());
                assert_eq!(ValueSpan::up_to(bound, false).contains(value), order.is_lt());
                assert_eq!(ValueSpan::only(bound).contains(value), order.is_eq());
            }
        }
    }

    #[test]
    fn a_page_is_in_or_out_only_where_every_value_is() {
        for bound in VALUES {
            let spans = [ValueSpan::from(bound, false), ValueSpan::up_to(bound, true)];
            for span in spans.into_iter().chain([spans[0].and(spans[1]), ValueSpan::only(bound)]) {
                for low in VALUES {
                    for high in VALUES.into_iter().filter(|high| *high >= low) {
                        // Either of two zeros may be called the extreme.
                        let all = [low, high, -low, -high]
                            .into_iter()
                            .filter(|v| *v >= low && *v <= high);
                        let said = span.of_page(&page(low, high));
                        let found: Vec<bool> = all.map(|value| span.contains(value)).collect();
                        if let Some(said) = said {
                            assert!(
                                found.iter().all(|is_in| *is_in == said),
                                "{span:?} {low} {high}"
                            );
                        }
                    }
                }
            }
        }
        let over = ValueSpan::from(90.0, false);
        assert_eq!(over.of_page(&page(91.0, 95.0)), Some(true));
        assert_eq!(over.of_page(&page(1.0, 90.0)), Some(false));
        assert_eq!(over.of_page(&page(1.0, 91.0)), None);
        assert_eq!(over.of_page(&PageFigures { sum: f64::NAN, ..page(91.0, 95.0) }), None);
    }

    fn page(min: f64, max: f64) -> PageFigures {
        PageFigures {
            at: 0,
            range: TimeRange::new(0, 1),
            count: 2,
            first: min,
            last: max,
            min,
            max,
            sum: 1.0,
            compensation: 0.0,
            is_integral: false,
            resets: 0,
            drops: 0.0,
        }
    }
}
