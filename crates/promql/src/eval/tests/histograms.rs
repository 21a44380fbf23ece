//! What becomes of native histograms.

use std::sync::Arc;

use timberline_model::{BucketCounts, ErrorKind, FloatHistogram, Histogram, Labels, ResetHint};

use super::{
    super::{Limits, RangeSeries, SampleValue, Value, memory::MemorySource},
    SECOND, ask, ask_range, number, source,
};

/// A histogram of so many observations within the zero bucket.
fn histogram(count: u64) -> Histogram {
    let (positive, negative) = (Vec::new(), Vec::new());
    Histogram {
        reset_hint: ResetHint::NotReset,
        sum: count as f64,
        counts: BucketCounts::Integer { count, zero_count: count, positive, negative },
        ..Histogram::stale()
    }
}

/// The same in an answer, where counts are floats.
fn answered(count: u64) -> SampleValue {
    let computed = FloatHistogram::from(&histogram(count));
    SampleValue::Histogram(Arc::new(Histogram::from(&computed)))
}

/// `h` has floats at 0 and 10 s, histograms at 20 and 30 s, a float at 40 s, a stale histogram at 50 s.
fn data() -> MemorySource {
    let mut source = source(&[("h", &[(0, 1.0), (10, 2.0), (40, 3.0)]), ("f", &[(0, 7.0)])]);
    let labels = Labels::from_pairs([("__name__", "h")]).unwrap();
    for (ts, found) in [(20, histogram(4)), (30, histogram(5)), (50, Histogram::stale())] {
        source.push_histogram(&labels, ts * SECOND, found);
    }
    source
}

fn only(value: Value) -> RangeSeries {
    match value {
        Value::Matrix(mut found) if found.len() == 1 => found.remove(0),
        other => panic!("{other:?}"),
    }
}

/// Seconds and numbers.
type Points = Vec<(i64, f64)>;

/// Floats and histograms (by their counts) with their seconds.
fn parts(series: &RangeSeries) -> (Points, Points) {
    let floats = series.timestamps.iter().map(|ts| ts / SECOND).zip(series.values.iter().copied());
    let histograms = series.histograms.iter().map(|(ts, found)| (ts / SECOND, found.sum));
    (floats.collect(), histograms.collect())
}

#[test]
fn a_selector_gives_the_newest_sample_of_either_kind() {
    let source = data();
    for (at, expected) in [
        (15, Some(SampleValue::Float(2.0))),
        (20, Some(answered(4))),
        (39, Some(answered(5))),
        (40, Some(SampleValue::Float(3.0))),
        (50, None),
        (60, None),
    ] {
        for query in [format!("h @ {at}"), "h".to_owned(), "(+h)".to_owned()] {
            let Value::Vector(found) = ask(&source, &query, at).unwrap().value else { panic!() };
            assert_eq!(found.first().map(|one| one.value.clone()), expected, "{query} at {at}");
        }
    }
    let Value::Vector(found) = ask(&source, "h offset 20s", 45).unwrap().value else { panic!() };
    assert_eq!(found[0].value, answered(4));
}

#[test]
fn a_range_query_has_both_kinds_and_nothing_beyond_the_end() {
    let limits = Limits::default();
    let found = only(ask_range(&data(), "h", (0, 60, 10), &limits).unwrap().value);
    assert_eq!(parts(&found), (vec![(0, 1.0), (10, 2.0), (40, 3.0)], vec![(20, 4.0), (30, 5.0)]));
    // Fixed in time, it is the same at all steps.
    let found = only(ask_range(&data(), "h @ 30", (0, 20, 10), &limits).unwrap().value);
    assert_eq!(parts(&found), (vec![], vec![(0, 5.0), (10, 5.0), (20, 5.0)]));
}

#[test]
fn a_range_selector_gives_samples_as_they_are() {
    let found = only(ask(&data(), "h[45s]", 50).unwrap().value);
    assert_eq!(parts(&found), (vec![(10, 2.0), (40, 3.0)], vec![(20, 4.0), (30, 5.0)]));
}

#[test]
fn what_looks_at_floats_only_leaves_histograms_out_and_does_not_look_behind_them() {
    let source = data();
    for query in ["abs(h)", "h * 0 + abs(h)"] {
        if let Ok(result) = ask(&source, query, 30) {
            assert!(matches!(result.value, Value::Vector(found) if found.is_empty()), "{query}");
        }
    }
    for (query, at, expected) in [
        ("abs(h)", 15, 2.0),
        ("max({__name__=~'h|f'})", 30, 7.0),
        ("max_over_time(h[60s])", 45, 3.0),
        ("scalar(h)", 30, f64::NAN),
    ] {
        let found = number(&source, query, at);
        assert!(found == expected || (found.is_nan() && expected.is_nan()), "{query}: {found}");
    }
}

#[test]
fn what_looks_at_presence_counts_histograms() {
    let source = data();
    for (query, at, expected) in [
        ("count({__name__=~'h|f'})", 30, 2.0),
        ("count({__name__=~'h|f'})", 50, 1.0),
        ("count_over_time(h[60s])", 45, 5.0),
        ("present_over_time(h[5s])", 32, 1.0),
        ("timestamp(h)", 35, 30.0),
        ("f unless on() h", 50, 7.0),
        ("absent(h)", 50, 1.0),
    ] {
        assert_eq!(number(&source, query, at), expected, "{query}");
    }
    let Value::Vector(found) = ask(&source, "absent(h)", 30).unwrap().value else { panic!() };
    assert!(found.is_empty());
}

#[test]
fn histograms_count_against_the_limit_of_samples() {
    let limits = Limits { samples_max: 10, ..Limits::default() };
    let refused = ask_range(&data(), "h", (30, 30, 1), &limits).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limit);
}
