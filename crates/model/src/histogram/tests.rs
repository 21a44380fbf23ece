//! Which histograms are whole, and which are equal.

use super::*;

fn integers(positive: Vec<u64>, spans: Vec<BucketSpan>) -> Histogram {
    let count = positive.iter().sum();
    Histogram {
        positive_spans: spans,
        counts: BucketCounts::Integer { count, zero_count: 0, positive, negative: Vec::new() },
        sum: 1.5,
        ..Histogram::stale()
    }
}

fn span(offset: i32, length: u32) -> BucketSpan {
    BucketSpan { offset, length }
}

#[test]
fn a_histogram_of_each_family_passes() {
    assert_eq!(integers(vec![1, 2, 3], vec![span(-3, 1), span(2, 2)]).check(), Ok(()));
    let mut custom = integers(vec![1, 2], vec![span(0, 2)]);
    custom.schema = CUSTOM_BUCKETS_SCHEMA;
    custom.custom_values = vec![0.5];
    assert_eq!(custom.check(), Ok(()));
    assert_eq!(Histogram::stale().check(), Ok(()));
}

#[test]
fn spans_and_counts_must_agree() {
    let short = integers(vec![1], vec![span(0, 2)]);
    let expected = HistogramError::SpanLength { side: "positive", covered: 2, buckets: 1 };
    assert_eq!(short.check(), Err(expected));
    let backwards = integers(vec![1, 1], vec![span(0, 1), span(-1, 1)]);
    assert_eq!(backwards.check(), Err(HistogramError::SpanOffset { side: "positive" }));
    let far = integers(vec![1], vec![span(i32::MAX, 1)]);
    assert_eq!(far.check(), Err(HistogramError::SpanOffset { side: "positive" }));
}

#[test]
fn counts_must_add_up_unless_observations_are_not_numbers() {
    let mut histogram = integers(vec![1, 2], vec![span(0, 2)]);
    let BucketCounts::Integer { count, .. } = &mut histogram.counts else { unreachable!() };
    *count = 4;
    assert_eq!(histogram.check(), Err(HistogramError::Count { count: 4, sum: 3 }));
    histogram.sum = f64::NAN;
    assert_eq!(histogram.check(), Ok(()));
}

#[test]
fn custom_bounds_rise_and_have_no_zero_bucket() {
    let mut custom = integers(vec![1], vec![span(0, 1)]);
    custom.schema = CUSTOM_BUCKETS_SCHEMA;
    for (bounds, wrong) in [
        (vec![1.0, 1.0], HistogramError::Bounds("custom bounds that do not rise")),
        (vec![f64::INFINITY], HistogramError::Bounds("a custom bound that is not finite")),
    ] {
        custom.custom_values = bounds;
        assert_eq!(custom.check(), Err(wrong));
    }
    custom.custom_values = Vec::new();
    assert_eq!(custom.check(), Ok(()), "one bucket for everything");
    custom.positive_spans = vec![span(1, 1)];
    assert_eq!(custom.check(), Err(HistogramError::BeyondBounds { bounds: 0 }));
}

#[test]
fn schemas_thresholds_and_float_counts_are_checked() {
    let mut histogram = integers(vec![], vec![]);
    histogram.schema = 9;
    assert_eq!(histogram.check(), Err(HistogramError::Schema { schema: 9 }));
    histogram.schema = 8;
    histogram.zero_threshold = -1.0;
    assert_eq!(histogram.check(), Err(HistogramError::ZeroThreshold));
    histogram.zero_threshold = 0.0;
    histogram.counts =
        BucketCounts::Float { count: -1.0, zero_count: 0.0, positive: vec![], negative: vec![] };
    assert_eq!(histogram.check(), Err(HistogramError::NegativeCount));
}

#[test]
fn equality_is_that_of_bits() {
    assert_eq!(Histogram::stale(), Histogram::stale());
    let mut other = Histogram::stale();
    other.zero_threshold = -0.0;
    assert_ne!(Histogram::stale(), other);
}
