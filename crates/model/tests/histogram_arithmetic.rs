//! What holds for all histograms: whole counts, so that every sum is exact.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, HistogramMean,
    HistogramSum, ResetHint, Trim, exponential_bound,
};

/// Spans with gaps, and a small count for each bucket.
fn side() -> impl Strategy<Value = (Vec<BucketSpan>, Vec<u64>)> {
    let span = (0_i32..4, prop::collection::vec(0_u64..5, 0..4));
    (-6_i32..6, prop::collection::vec(span, 0..4)).prop_map(|(first, spans)| {
        let mut found = (Vec::new(), Vec::new());
        for (index, (gap, counts)) in spans.into_iter().enumerate() {
            let offset = if index == 0 { first } else { gap };
            found.0.push(BucketSpan { offset, length: counts.len() as u32 });
            found.1.extend(counts);
        }
        found
    })
}

/// No bucket that counts something lies within the zero bucket.
fn keep_above(schema: i8, threshold: f64, (spans, counts): &mut (Vec<BucketSpan>, Vec<u64>)) {
    let (mut index, mut at) = (0, 0);
    for span in spans {
        index += span.offset;
        for _ in 0..span.length {
            if exponential_bound(schema, index - 1) < threshold {
                counts[at] = 0;
            }
            (index, at) = (index + 1, at + 1);
        }
    }
}

fn exponential() -> impl Strategy<Value = FloatHistogram> {
    // Bounds of buckets at every resolution here. Others, where resolutions differ, count what lies
    // between them and the next bound twice, as in Prometheus.
    let thresholds = prop::sample::select(vec![0.0, 1.0 / 256.0, 0.0625, 1.0, 16.0]);
    (-2_i8..3, thresholds, 0_u64..4, side(), side()).prop_map(
        |(schema, zero_threshold, zero_count, mut positive, mut negative)| {
            for side in [&mut positive, &mut negative] {
                keep_above(schema, zero_threshold, side);
            }
            let count = zero_count + positive.1.iter().chain(&negative.1).sum::<u64>();
            let stored = Histogram {
                reset_hint: ResetHint::Unknown,
                schema,
                zero_threshold,
                sum: count as f64,
                positive_spans: positive.0,
                negative_spans: negative.0,
                custom_values: Vec::new(),
                counts: BucketCounts::Integer {
                    count,
                    zero_count,
                    positive: positive.1,
                    negative: negative.1,
                },
            };
            stored.check().unwrap();
            FloatHistogram::from(&stored)
        },
    )
}

fn custom() -> impl Strategy<Value = FloatHistogram> {
    let bounds = prop::collection::btree_set(-5_i32..10, 0..6);
    (bounds, prop::collection::vec(0_u64..5, 7)).prop_map(|(bounds, mut counts)| {
        counts.truncate(bounds.len() + 1);
        let count = counts.iter().sum();
        let stored = Histogram {
            reset_hint: ResetHint::Unknown,
            schema: CUSTOM_BUCKETS_SCHEMA,
            zero_threshold: 0.0,
            sum: count as f64,
            positive_spans: vec![BucketSpan { offset: 0, length: counts.len() as u32 }],
            negative_spans: Vec::new(),
            custom_values: bounds.into_iter().map(f64::from).collect(),
            counts: BucketCounts::Integer {
                count,
                zero_count: 0,
                positive: counts,
                negative: Vec::new(),
            },
        };
        stored.check().unwrap();
        FloatHistogram::from(&stored)
    })
}

/// Histograms that go together.
fn histograms(count: usize) -> impl Strategy<Value = Vec<FloatHistogram>> {
    prop_oneof![prop::collection::vec(exponential(), count), prop::collection::vec(custom(), count)]
}

fn sum(a: &FloatHistogram, b: &FloatHistogram) -> FloatHistogram {
    let mut sum = a.clone();
    sum.add(b).unwrap();
    sum.compact();
    sum
}

/// What the buckets count.
fn counted(histogram: &FloatHistogram) -> f64 {
    let sides = [&histogram.positive, &histogram.negative];
    sides.iter().flat_map(|side| side.counts()).sum::<f64>() + histogram.zero_count
}

proptest! {
    #[test]
    fn addition_commutes_and_loses_no_observation(pair in histograms(2)) {
        let (ab, ba) = (sum(&pair[0], &pair[1]), sum(&pair[1], &pair[0]));
        prop_assert!(ab.is_same(&ba), "{ab:?} {ba:?}");
        prop_assert_eq!(ab.count, pair[0].count + pair[1].count);
        prop_assert_eq!(counted(&ab), ab.count);
        Histogram::from(&ab).check().unwrap();
    }

    #[test]
    fn what_was_added_can_be_taken_off(pair in histograms(2)) {
        let both = sum(&pair[0], &pair[1]);
        let mut back = both.clone();
        back.subtract(&pair[1]).unwrap();
        prop_assert_eq!(counted(&back), pair[0].count);
        // Buckets have become coarser, and hold what the first one would hold in them.
        let nothing = FloatHistogram {
            zero_threshold: both.zero_threshold,
            ..FloatHistogram::empty_like(&both)
        };
        let coarse = sum(&nothing, &pair[0]);
        back.compact();
        prop_assert!(back.is_same(&coarse), "{back:?} {coarse:?}");
    }

    #[test]
    fn a_counter_that_grew_was_not_reset(pair in histograms(2)) {
        let later = sum(&pair[0], &pair[1]);
        prop_assert!(!later.is_reset_after(&pair[0]));
        prop_assert!(!pair[0].is_reset_after(&pair[0]));
    }

    #[test]
    fn sums_and_means_are_those_of_one_after_the_other(mut all in histograms(4)) {
        // Where resolutions differ, it depends on the order how far the zero bucket is widened.
        all.iter_mut().for_each(|one| one.reduce_resolution(-2));
        let whole = all[1..].iter().fold(all[0].clone(), |whole, one| sum(&whole, one));
        let (mut left, mut right) = (HistogramSum::new(&all[0]), HistogramSum::new(&all[2]));
        left.add(&all[1]).unwrap();
        right.add(&all[3]).unwrap();
        left.merge(&right).unwrap();
        let mut found = left.total();
        found.compact();
        prop_assert!(found.is_same(&whole), "{found:?} {whole:?}");
        let mut mean = HistogramMean::new(&all[0]);
        for one in &all[1..] {
            mean.add(one).unwrap();
        }
        let (mut found, mut quarter) = (mean.value(), whole);
        quarter.divide(4.0);
        found.compact();
        prop_assert!(found.is_same(&quarter), "{found:?} {quarter:?}");
    }

    #[test]
    fn trimming_divides_the_observations(histogram in exponential(), value in -20.0_f64..20.0) {
        let trimmed = |trim| {
            let mut part = histogram.clone();
            part.trim(value, trim);
            part
        };
        let (below, above) = (trimmed(Trim::Below), trimmed(Trim::Above));
        let both = below.count + above.count;
        prop_assert!((both - histogram.count).abs() < 1e-9, "{both} of {}", histogram.count);
        prop_assert!((counted(&below) - below.count).abs() < 1e-9);
    }

    #[test]
    fn stored_and_computed_are_the_same(histogram in prop_oneof![exponential(), custom()]) {
        let stored = Histogram::from(&histogram);
        prop_assert!(FloatHistogram::from(&stored).is_same(&histogram));
        prop_assert_eq!(stored.buckets(), histogram.buckets());
    }
}
