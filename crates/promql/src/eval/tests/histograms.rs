//! What becomes of native histograms.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use timberline_model::{
    BucketCounts, BucketSpan, ErrorKind, FloatHistogram, Histogram, Labels, ResetHint,
};

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

/// A histogram with so many buckets of one observation each.
fn wide(buckets: usize) -> Histogram {
    let span = BucketSpan { offset: 0, length: buckets as u32 };
    let counts = BucketCounts::Float {
        count: buckets as f64,
        zero_count: 0.0,
        positive: vec![1.0; buckets],
        negative: Vec::new(),
    };
    Histogram { positive_spans: vec![span], sum: 1.0, counts, ..histogram(0) }
}

#[test]
fn histograms_that_a_query_makes_count_against_its_limit() {
    let mut source = MemorySource::default();
    for series in ["a", "b"] {
        let labels = Labels::from_pairs([("__name__", "w"), ("s", series)]).unwrap();
        for ts in 0..4 {
            source.push_histogram(&labels, ts * 10 * SECOND, wide(1_000));
        }
    }
    // 8,000 samples are read; what is made is 100 times a histogram.
    let limits = Limits { samples_max: 60_000, ..Limits::default() };
    for query in ["w * 2", "-w", "sum(w)", "avg(w)", "rate(w[30s])", "w + w", "w </ 100", "w"] {
        let asked = |limits: &Limits| ask_range(&source, query, (30, 129, 1), limits);
        let refused = asked(&limits);
        if query == "w" {
            assert!(refused.is_ok(), "nothing is made");
        } else if query != "rate(w[30s])" {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Limit, "{query}");
        }
        assert!(asked(&Limits::default()).is_ok(), "{query}");
    }
}

#[test]
fn steps_that_see_the_same_histogram_share_it_in_the_answer() {
    let found = only(ask_range(&data(), "h", (30, 39, 1), &Limits::default()).unwrap().value);
    assert_eq!(found.histograms.len(), 10);
    assert!(Arc::ptr_eq(&found.histograms[0].1, &found.histograms[9].1));
}

#[test]
fn a_counter_without_reset_hints_is_not_reset_where_only_its_count_is_looked_at() {
    let mut source = MemorySource::default();
    let labels = Labels::from_pairs([("__name__", "c")]).unwrap();
    // Falls at 20 s.
    for (ts, count) in [(0, 4), (10, 6), (20, 1), (30, 3)] {
        let found = Histogram { reset_hint: ResetHint::Unknown, ..histogram(count) };
        source.push_histogram(&labels, ts * SECOND, found);
    }
    let count = |query: &str| number(&source, query, 30);
    // 3 - 4 + 6, in 30 of 35 s; a counter is zero 24 s before the first sample, and the window begins
    // 5 s before it.
    let expected = 5.0 * 35.0 / 30.0;
    assert!((count("histogram_count(increase(c[35s]))") - expected).abs() < 1e-12);
    let answer = ask(&source, "histogram_count(sum_over_time(c[35s]))", 30).unwrap();
    assert_eq!(answer.warnings.len(), 1, "{:?}", answer.warnings);
    assert!(answer.warnings[0].contains("conflicting counter resets during histogram aggregation"));
    assert!(ask(&source, "sum_over_time(c[35s])", 30).unwrap().warnings.is_empty());
}

#[test]
fn long_windows_of_histograms_end_at_the_deadline() {
    // Each of 3,000 windows adds up 300,000 histograms.
    for function in ["sum_over_time", "avg_over_time", "increase", "changes", "resets"] {
        let query = format!("{function}((h @ 30)[300000s:1s])");
        let begun = Instant::now();
        let deadline = begun.checked_add(Duration::from_millis(100));
        let limits = Limits { deadline, ..Limits::default() };
        let error = ask_range(&data(), &query, (0, 3_000, 1), &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{query}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{query}: {:?}", begun.elapsed());
    }
}
