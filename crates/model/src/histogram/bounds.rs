//! Where the buckets of a native histogram lie.
//!
//! The bounds are those of Prometheus and its clients to the last bit. They computed a table from eight
//! factors, two of which a correctly rounded power would not give; so it is computed the same way here.

use super::{BucketCounts, BucketSpan, Histogram};

/// `2^(2^-schema)` for the schemas 1 to 8, as rounded by those who first made the table.
const FACTORS: [f64; 8] = [
    // One unit in the last place below the square root of 2.
    f64::from_bits(0x3ff6_a09e_667f_3bcc),
    1.189_207_115_002_721,
    1.090_507_732_665_257_7,
    1.044_273_782_427_413_8,
    1.021_897_148_654_116_6,
    1.010_889_286_051_700_5,
    1.005_429_901_112_802_7,
    1.002_711_275_050_202_5,
];

/// Halves of the bounds from 1 to 2 at the finest schema; each coarser schema has every second one.
const FRACTIONS: [f64; 256] = fractions();

const fn fractions() -> [f64; 256] {
    let mut table = [0.5; 256];
    let mut schema = 1;
    while schema <= 8 {
        let stride = 256 >> schema;
        let mut at = stride;
        while at < 256 {
            table[at] = table[at - stride] * FACTORS[schema - 1];
            at += 2 * stride;
        }
        schema += 1;
    }
    table
}

/// The upper bound of a positive bucket of an exponential schema: `(2^2^-schema)^index`. Schemas outside
/// -4 to 8 are taken for the nearest of those.
#[must_use]
pub fn exponential_bound(schema: i8, index: i32) -> f64 {
    let schema = schema.clamp(super::SCHEMA_MIN, super::SCHEMA_MAX);
    let index = i64::from(index);
    let (fraction, exponent) = if schema <= 0 {
        (0.5, (index << schema.unsigned_abs()) + 1)
    } else {
        let within = index & ((1 << schema) - 1);
        (FRACTIONS[(within << (8 - schema)) as usize], (index >> schema) + 1)
    };
    // The last bucket before the one of infinite observations ends with the largest float.
    if fraction == 0.5 && exponent == 1025 {
        return f64::MAX;
    }
    scaled(fraction, exponent)
}

/// `fraction * 2^exponent`, rounded once.
fn scaled(fraction: f64, exponent: i64) -> f64 {
    let power = |exponent: i64| f64::from_bits(((exponent + 1023) as u64) << 52);
    match exponent {
        1026.. => f64::INFINITY,
        1024.. => fraction * power(1023) * power(exponent - 1023),
        -1022.. => fraction * power(exponent),
        -2044.. => fraction * power(exponent + 1022) * power(-1022),
        _ => 0.0,
    }
}

/// A bucket with what it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Where it begins.
    pub lower: f64,
    /// Where it ends.
    pub upper: f64,
    /// Whether observations of `lower` are in it.
    pub lower_inclusive: bool,
    /// Whether observations of `upper` are in it.
    pub upper_inclusive: bool,
    /// How many observations.
    pub count: f64,
}

impl Histogram {
    /// All buckets that a span names and the zero bucket if it counts anything, from the lowest to the
    /// highest. Buckets that overlap the zero bucket are cut at its bound.
    ///
    /// The histogram is sound ([`Histogram::check`]); of one that is not, buckets without a count are left out.
    #[must_use]
    pub fn buckets(&self) -> Vec<Bucket> {
        let counts = |integers: &[u64]| integers.iter().map(|count| *count as f64).collect();
        let (zero_count, positive, negative): (f64, Vec<f64>, Vec<f64>) = match &self.counts {
            BucketCounts::Integer { zero_count, positive, negative, .. } => {
                (*zero_count as f64, counts(positive), counts(negative))
            }
            BucketCounts::Float { zero_count, positive, negative, .. } => {
                (*zero_count, positive.clone(), negative.clone())
            }
        };
        let layout = Layout {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            custom_values: &self.custom_values,
        };
        let mut buckets: Vec<Bucket> = indexes(&self.negative_spans)
            .zip(negative)
            .map(|(index, count)| layout.negative(index, count))
            .collect();
        buckets.reverse();
        if zero_count > 0.0 {
            buckets.push(layout.zero(zero_count));
        }
        let above = indexes(&self.positive_spans).zip(positive);
        buckets.extend(above.map(|(index, count)| layout.positive(index, count)));
        buckets
    }
}

/// Where the buckets of a histogram lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout<'a> {
    pub(super) schema: i8,
    /// Exponential buckets are cut here.
    pub(super) zero_threshold: f64,
    pub(super) custom_values: &'a [f64],
}

impl Layout<'_> {
    /// A positive or custom bucket.
    pub(super) fn positive(&self, index: i32, count: f64) -> Bucket {
        if self.schema == super::CUSTOM_BUCKETS_SCHEMA {
            return self.custom(index, count);
        }
        let (lower, upper) = self.exponential(index);
        Bucket { lower, upper, lower_inclusive: false, upper_inclusive: true, count }
    }

    /// A negative bucket, by its index counted from zero.
    pub(super) fn negative(&self, index: i32, count: f64) -> Bucket {
        let (lower, upper) = self.exponential(index);
        Bucket {
            lower: -upper,
            upper: -lower,
            lower_inclusive: true,
            upper_inclusive: false,
            count,
        }
    }

    /// The zero bucket.
    pub(super) fn zero(&self, count: f64) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count,
        }
    }

    fn exponential(&self, index: i32) -> (f64, f64) {
        let upper = exponential_bound(self.schema, index);
        let lower = exponential_bound(self.schema, index.saturating_sub(1));
        let cut = lower < self.zero_threshold && self.zero_threshold < upper;
        (if cut { self.zero_threshold } else { lower }, upper)
    }

    fn custom(&self, index: i32, count: f64) -> Bucket {
        let bound = |index: i32| usize::try_from(index).ok().map(|at| self.custom_values.get(at));
        Bucket {
            lower: bound(index.saturating_sub(1))
                .map_or(f64::NEG_INFINITY, |bound| bound.copied().unwrap_or(f64::INFINITY)),
            upper: bound(index).flatten().copied().unwrap_or(f64::INFINITY),
            lower_inclusive: index == 0,
            upper_inclusive: true,
            count,
        }
    }
}

/// The indexes of the buckets of spans.
pub(super) fn indexes(spans: &[BucketSpan]) -> impl Iterator<Item = i32> {
    let mut next = 0_i32;
    spans.iter().flat_map(move |span| {
        let start = next.saturating_add(span.offset);
        next = start.saturating_add_unsigned(span.length);
        start..next
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CUSTOM_BUCKETS_SCHEMA, ResetHint};

    #[test]
    fn bounds_are_those_of_prometheus_to_the_last_bit() {
        for (schema, index, bound) in [
            (0, 0, 1.0),
            (0, 10, 1_024.0),
            (0, -3, 0.125),
            (1, 1, 2.0 * 0.707_106_781_186_547_5),
            (2, 3, 2.0 * 0.840_896_415_253_714_4),
            (3, 1, 2.0 * 0.545_253_866_332_628_8),
            (4, 15, 2.0 * 0.957_603_280_698_573_5),
            (5, 31, 2.0 * 0.978_572_062_087_699_9),
            (6, 27, 2.0 * 0.669_833_762_026_651_5),
            (7, 127, 2.0 * 0.994_599_423_483_632_8),
            (8, 255, 2.0 * 0.997_296_056_085_469_8),
            (8, 1, 2.0 * 0.501_355_637_525_101_3),
            (8, -1, 0.997_296_056_085_469_8),
            (-2, 1, 16.0),
            (-4, -1, 1.0 / 65_536.0),
            (0, 1_024, f64::MAX),
            (-4, 64, f64::MAX),
            (0, 1_025, f64::INFINITY),
            (0, -1_074, 5e-324),
            (0, -1_075, 0.0),
            (8, i32::MAX, f64::INFINITY),
            (8, i32::MIN, 0.0),
            (-4, i32::MIN, 0.0),
        ] {
            let found = exponential_bound(schema, index);
            assert_eq!(found.to_bits(), f64::to_bits(bound), "{schema} {index}: {found} {bound}");
        }
    }

    fn histogram() -> Histogram {
        Histogram {
            reset_hint: ResetHint::Unknown,
            schema: 0,
            zero_threshold: 0.75,
            sum: 1.0,
            positive_spans: vec![
                BucketSpan { offset: 0, length: 2 },
                BucketSpan { offset: 1, length: 1 },
            ],
            negative_spans: vec![BucketSpan { offset: 1, length: 2 }],
            custom_values: Vec::new(),
            counts: BucketCounts::Integer {
                count: 21,
                zero_count: 6,
                positive: vec![1, 2, 3],
                negative: vec![4, 5],
            },
        }
    }

    #[test]
    fn buckets_come_from_the_lowest_to_the_highest() {
        let found = histogram().buckets();
        let found: Vec<_> = found.iter().map(|b| (b.lower, b.upper, b.count)).collect();
        let expected = [
            (-4.0, -2.0, 5.0),
            (-2.0, -1.0, 4.0),
            (-0.75, 0.75, 6.0),
            (0.75, 1.0, 1.0),
            (1.0, 2.0, 2.0),
            (4.0, 8.0, 3.0),
        ];
        assert_eq!(found, expected);
        let inclusive = |b: &Bucket| (b.lower_inclusive, b.upper_inclusive);
        let found: Vec<_> = histogram().buckets().iter().map(inclusive).collect();
        assert_eq!(found[1..4], [(true, false), (true, true), (false, true)]);
    }

    #[test]
    fn custom_buckets_end_with_one_above_all_bounds() {
        let custom = Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            zero_threshold: 0.0,
            positive_spans: vec![BucketSpan { offset: 0, length: 3 }],
            negative_spans: Vec::new(),
            custom_values: vec![0.5, 10.0],
            counts: BucketCounts::Float {
                count: 6.0,
                zero_count: 0.0,
                positive: vec![1.0, 2.0, 3.0],
                negative: Vec::new(),
            },
            ..histogram()
        };
        let found: Vec<_> = custom.buckets().iter().map(|b| (b.lower, b.upper)).collect();
        let infinity = f64::INFINITY;
        assert_eq!(found, [(-infinity, 0.5), (0.5, 10.0), (10.0, infinity)]);
    }
}
