//! Classic histograms: buckets that are series of their own, with cumulative counts up to a bound.

use std::cmp::Ordering;

/// Counts that differ by less than this share of their sum are the same.
const TOLERANCE: f64 = 1e-12;

/// A bucket of a classic histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassicBucket {
    /// Its upper bound.
    pub bound: f64,
    /// How many observations are not above it.
    pub count: f64,
}

/// What `histogram_quantile` gives for the buckets of one classic histogram, in any order. Counts of equal
/// bounds are added up; counts that fall are levelled. NaN without a bucket up to infinity.
#[must_use]
pub fn classic_quantile(q: f64, mut buckets: Vec<ClassicBucket>) -> f64 {
    quantile(q, &mut buckets).0
}

/// What had to be changed in counts that fell from a bucket to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Forced {
    /// The lowest bound of a changed bucket.
    pub(super) lowest: f64,
    /// The highest bound of a changed bucket.
    pub(super) highest: f64,
    /// The largest change.
    pub(super) change: f64,
}

/// The value below which the share `q` of all observations lies, and what was forced on the counts.
/// There is at least one bucket.
pub(super) fn quantile(q: f64, buckets: &mut Vec<ClassicBucket>) -> (f64, Option<Forced>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !arrange(buckets) {
        return (f64::NAN, None);
    }
    let forced = force_rising(buckets);
    let top = buckets.len() - 1;
    let observations = buckets[top].count;
    if top == 0 || observations == 0.0 {
        return (f64::NAN, forced);
    }
    let rank = q * observations;
    // Counts that are no numbers reach no rank.
    let is_before = |count: f64| count.partial_cmp(&rank).is_none_or(Ordering::is_lt);
    let found = buckets[..top].partition_point(|bucket| is_before(bucket.count));
    if found == top {
        return (buckets[top - 1].bound, forced);
    }
    let ClassicBucket { bound, count } = buckets[found];
    let (start, below) = match found.checked_sub(1) {
        Some(before) => (buckets[before].bound, buckets[before].count),
        None if bound <= 0.0 => return (bound, forced),
        None => (0.0, 0.0),
    };
    (start + (bound - start) * ((rank - below) / (count - below)), forced)
}

/// The share of observations between two values. There is at least one bucket.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<ClassicBucket>) -> f64 {
    if !arrange(buckets) {
        return f64::NAN;
    }
    let observations = buckets[buckets.len() - 1].count;
    if observations == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (mut rank, mut lower_rank, mut upper_rank) = (0.0, None, None);
    let mut start = if buckets[0].bound <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    for ClassicBucket { bound, count } in buckets.iter().copied() {
        for (value, found) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if found.is_some() {
                continue;
            }
            if start >= value {
                *found = Some(rank);
            } else if bound > value {
                *found = Some(if start == f64::NEG_INFINITY {
                    count
                } else {
                    rank + (count - rank) * (value - start) / (bound - start)
                });
            }
        }
        (rank, start) = (count, bound);
    }
    let capped = |rank: Option<f64>| {
        rank.map_or(observations, |rank| if rank > observations { observations } else { rank })
    };
    (capped(upper_rank) - capped(lower_rank)) / observations
}

/// Sorts buckets and joins those of the same bound. Whether the last one is that of all observations.
fn arrange(buckets: &mut Vec<ClassicBucket>) -> bool {
    buckets.sort_by(|a, b| a.bound.total_cmp(&b.bound));
    if buckets.last().is_none_or(|last| last.bound != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|later, kept| {
        let is_same = later.bound == kept.bound;
        if is_same {
            kept.count += later.count;
        }
        is_same
    });
    true
}

/// Makes counts rise from bucket to bucket. Differences that are noise are levelled without a word.
fn force_rising(buckets: &mut [ClassicBucket]) -> Option<Forced> {
    let mut forced: Option<Forced> = None;
    let mut before = buckets.first()?.count;
    for bucket in &mut buckets[1..] {
        let count = bucket.count;
        if is_noise(before, count) {
            bucket.count = before;
        } else if count < before {
            bucket.count = before;
            let found = forced.get_or_insert(Forced {
                lowest: f64::INFINITY,
                highest: f64::NEG_INFINITY,
                change: 0.0,
            });
            found.lowest = found.lowest.min(bucket.bound);
            found.highest = found.highest.max(bucket.bound);
            found.change = found.change.max(before - count);
        } else {
            before = count;
        }
    }
    forced
}

/// Whether two counts are the same but for rounding.
fn is_noise(a: f64, b: f64) -> bool {
    if a == b {
        return true;
    }
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    let (sum, distance) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return distance < TOLERANCE * f64::MIN_POSITIVE;
    }
    distance / sum.min(f64::MAX) < TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(found: &[(f64, f64)]) -> Vec<ClassicBucket> {
        found.iter().map(|(bound, count)| ClassicBucket { bound: *bound, count: *count }).collect()
    }

    #[test]
    fn quantiles_lie_evenly_within_a_bucket() {
        // 2 up to 1, 4 between 1 and 3, 4 above: half of 10 is the 5th, three quarters into the second.
        let all = [(3.0, 6.0), (1.0, 2.0), (f64::INFINITY, 10.0)];
        for (q, expected) in
            [(0.1, 0.5), (0.5, 2.5), (0.6, 3.0), (0.9, 3.0), (-1.0, f64::NEG_INFINITY)]
        {
            assert_eq!(quantile(q, &mut buckets(&all)), (expected, None), "{q}");
        }
        assert!(quantile(0.5, &mut buckets(&all[..2])).0.is_nan());
        assert!(quantile(0.5, &mut buckets(&[(f64::INFINITY, 3.0)])).0.is_nan());
    }

    #[test]
    fn counts_that_fall_are_levelled_and_told_unless_it_is_noise() {
        let falling = [(1.0, 4.0), (2.0, 2.0), (3.0, 1.0), (f64::INFINITY, 8.0)];
        let (found, forced) = quantile(0.25, &mut buckets(&falling));
        assert_eq!(found, 0.5);
        assert_eq!(forced, Some(Forced { lowest: 2.0, highest: 3.0, change: 3.0 }));
        let noise = [(1.0, 4.0), (2.0, 4.0 - 1e-14), (f64::INFINITY, 8.0)];
        assert_eq!(quantile(0.5, &mut buckets(&noise)), (1.0, None));
    }

    #[test]
    fn fractions_do_not_interpolate_in_endless_buckets() {
        let all = [(1.0, 2.0), (3.0, 6.0), (f64::INFINITY, 10.0)];
        for (lower, upper, expected) in [
            (0.0, 1.0, 0.2),
            (0.5, 2.0, 0.3),
            (2.0, 100.0, 0.2),
            (f64::NEG_INFINITY, f64::INFINITY, 1.0),
            (2.0, 2.0, 0.0),
        ] {
            let found = fraction(lower, upper, &mut buckets(&all));
            assert!((found - expected).abs() < 1e-15, "{lower} {upper}: {found}");
        }
    }
}
