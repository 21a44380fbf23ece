//! Histograms alone: round trips, the documented example, bytes that nobody wrote.

use proptest::prelude::*;
use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, Histogram, HistogramError, ResetHint,
    SCHEMA_MAX, SCHEMA_MIN, STALE_NAN,
};

use super::*;

pub(crate) fn span(offset: i32, length: u32) -> BucketSpan {
    BucketSpan { offset, length }
}

/// An integer histogram of schema 3 whose count is what its buckets add up to.
pub(crate) fn integer(spans: &[BucketSpan], zero_count: u64, positive: &[u64]) -> Histogram {
    let count = zero_count + positive.iter().sum::<u64>();
    let (positive, negative) = (positive.to_vec(), Vec::new());
    Histogram {
        schema: 3,
        zero_threshold: 2.0_f64.powi(-128),
        sum: 18.4,
        positive_spans: spans.to_vec(),
        counts: BucketCounts::Integer { count, zero_count, positive, negative },
        ..Histogram::stale()
    }
}

fn floats() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0..10_000_u32).prop_map(|n| f64::from(n) / 100.0),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NAN, STALE_NAN, 1e300]),
    ]
}

/// A count of a float histogram: anything but negative numbers and NaN.
fn counts() -> impl Strategy<Value = f64> {
    floats().prop_map(|count| if count.is_nan() || count < 0.0 { 2.5 } else { count })
}

fn spans(first: std::ops::Range<i32>) -> impl Strategy<Value = Vec<BucketSpan>> {
    let span = |offsets: std::ops::Range<i32>| {
        (offsets, 0..4_u32).prop_map(|(offset, length)| BucketSpan { offset, length })
    };
    (prop::option::of(span(first)), prop::collection::vec(span(0..5), 0..4)).prop_map(
        |(first, later)| match first {
            Some(first) => [vec![first], later].concat(),
            None => Vec::new(),
        },
    )
}

fn covered(spans: &[BucketSpan]) -> usize {
    spans.iter().map(|span| span.length as usize).sum()
}

fn bounds(spans: &[BucketSpan]) -> Vec<f64> {
    let end: i64 = spans.iter().map(|s| i64::from(s.offset) + i64::from(s.length)).sum();
    (0..end).map(|n| n as f64 / 100.0 - 0.5).collect()
}

/// Any histogram that passes its check.
pub(crate) fn histograms() -> impl Strategy<Value = Histogram> {
    let schema = prop_oneof![3 => SCHEMA_MIN..=SCHEMA_MAX, 1 => Just(CUSTOM_BUCKETS_SCHEMA)];
    let form = (schema, spans(-9..9), spans(-9..9), 0..4_u8, any::<bool>());
    let numbers = (floats(), floats(), prop::collection::vec(0..u64::MAX >> 8, 40));
    let numbers = (numbers, prop::collection::vec(counts(), 40), 0..60_u32);
    (form, numbers).prop_map(
        |((schema, positive, negative, hint, float), (numbers, floats, shift))| {
            let ((sum, threshold, integers), custom) = (numbers, schema == CUSTOM_BUCKETS_SCHEMA);
            let positive_spans: Vec<_> = match custom {
                true => positive.iter().map(|s| span(s.offset.abs(), s.length)).collect(),
                false => positive,
            };
            let negative_spans = if custom { Vec::new() } else { negative };
            let (positive, negative) = (covered(&positive_spans), covered(&negative_spans));
            let whole = |from: usize, len| integers[from..from + len].iter().map(|n| n >> shift);
            let zero_count = if custom { 0 } else { integers[39] >> shift };
            let counts = if float {
                BucketCounts::Float {
                    count: floats[0],
                    zero_count: if custom { 0.0 } else { floats[1] },
                    positive: floats[2..2 + positive].to_vec(),
                    negative: floats[20..20 + negative].to_vec(),
                }
            } else {
                let (positive, negative): (Vec<_>, Vec<_>) =
                    (whole(0, positive).collect(), whole(19, negative).collect());
                let count = whole_count(0, zero_count, &positive, &negative);
                let count = if sum.is_nan() { count + integers[38] } else { count };
                BucketCounts::Integer { count, zero_count, positive, negative }
            };
            Histogram {
                reset_hint: ResetHint::from_code(hint).unwrap(),
                schema,
                zero_threshold: if custom || threshold.is_nan() { 0.0 } else { threshold.abs() },
                sum,
                custom_values: if custom { bounds(&positive_spans) } else { Vec::new() },
                positive_spans,
                negative_spans,
                counts,
            }
        },
    )
}

fn bytes_of(histogram: &Histogram) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(histogram, &mut bytes);
    bytes
}

#[track_caller]
fn round_trip(histogram: &Histogram) {
    assert_eq!(histogram.check(), Ok(()));
    let mut bytes = bytes_of(histogram);
    assert!(bytes.len() >= BYTES_MIN);
    bytes.extend_from_slice(&[1, 2]);
    let mut rest = bytes.as_slice();
    assert_eq!(take(&mut rest).as_ref(), Ok(histogram));
    assert_eq!(rest, [1, 2]);
}

#[test]
fn the_documented_example_is_what_is_written() {
    let page = include_str!("../../../../docs/formats/histogram.md");
    let block = page.split("```hex").nth(1).unwrap().split("```").next().unwrap();
    let digits: String = block.lines().flat_map(|line| line.split('|').next()).collect();
    let digits: Vec<char> = digits.chars().filter(char::is_ascii_hexdigit).collect();
    let documented: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect();
    let mut histogram = integer(&[span(-3, 2), span(2, 2)], 1, &[2, 5, 3, 0]);
    histogram.reset_hint = ResetHint::NotReset;
    assert_eq!(bytes_of(&histogram), documented);
    round_trip(&histogram);
}

#[test]
fn the_smallest_are_as_small_as_said() {
    assert_eq!(bytes_of(&Histogram::stale()).len(), BYTES_MIN);
    round_trip(&Histogram::stale());
}

#[test]
fn thresholds_of_all_sizes_come_back() {
    let mut histogram = integer(&[span(0, 1)], 3, &[4]);
    for exponent in -1_074..=1_023 {
        for factor in [1.0, 1.5] {
            histogram.zero_threshold = 2.0_f64.powi(exponent) * factor;
            round_trip(&histogram);
        }
    }
    for threshold in [0.0, -0.0, f64::INFINITY, f64::MAX] {
        histogram.zero_threshold = threshold;
        round_trip(&histogram);
    }
    histogram.zero_threshold = 2.0_f64.powi(-128);
    assert_eq!(bytes_of(&histogram)[2], 116);
}

#[test]
fn a_stale_histogram_may_have_any_counts() {
    let mut stale = integer(&[span(0, 2)], 3, &[u64::MAX / 2, 4]);
    stale.sum = STALE_NAN;
    if let BucketCounts::Integer { count, .. } = &mut stale.counts {
        *count = 5;
    }
    round_trip(&stale);
}

#[test]
fn a_later_version_and_false_marks_are_refused_by_name() {
    let mut bytes = bytes_of(&Histogram::stale());
    bytes[0] |= 1 << VERSION_SHIFT;
    assert_eq!(take(&mut &bytes[..]), Err(CodecError::HistogramVersion { version: 1 }));
    let mut bytes = bytes_of(&Histogram::stale());
    bytes[0] |= FLOAT;
    bytes[13] = 3;
    let error = CodecError::HistogramRange { field: "mark", value: 3, max: 1 };
    assert_eq!(take(&mut &bytes[..]), Err(error));
}

#[test]
fn bytes_that_say_more_than_they_hold_allocate_nothing() {
    let head = [0, 3, 0];
    for (count, field) in [(1_u64 << 60, "spans"), (40, "spans")] {
        let mut bytes = head.to_vec();
        put_uvarint(&mut bytes, count);
        bytes.extend_from_slice(&[0; 20]);
        assert_eq!(take(&mut &bytes[..]), Err(CodecError::HistogramCut { field }));
    }
    let mut bytes = head.to_vec();
    bytes.extend_from_slice(&[1, 0, 0xff, 0xff, 3, 0]);
    bytes.extend_from_slice(&[0; 30]);
    assert_eq!(take(&mut &bytes[..]), Err(CodecError::HistogramCut { field: "buckets" }));
}

#[test]
fn what_is_no_histogram_is_refused() {
    let mut bytes = bytes_of(&integer(&[span(0, 1)], 0, &[4]));
    bytes[1] = 9;
    let error = CodecError::Histogram(HistogramError::Schema { schema: 9 });
    let mut rest = bytes.as_slice();
    assert_eq!(take(&mut rest), Err(error));
    assert_eq!(rest, bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn histograms_round_trip(histogram in histograms()) {
        round_trip(&histogram);
    }

    #[test]
    fn a_histogram_cut_anywhere_is_an_error(histogram in histograms(), place: prop::sample::Index) {
        let bytes = bytes_of(&histogram);
        let mut rest = &bytes[..place.index(bytes.len())];
        let known = rest;
        prop_assert!(take(&mut rest).is_err());
        prop_assert_eq!(rest, known);
    }

    #[test]
    fn changed_bytes_are_an_error_or_a_histogram(
        histogram in histograms(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = bytes_of(&histogram);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(histogram) = take(&mut &bytes[..]) {
            round_trip(&histogram);
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_a_histogram(
        bytes in prop::collection::vec(prop_oneof![Just(0), 0..8_u8, any::<u8>()], 0..60),
    ) {
        if let Ok(histogram) = take(&mut &bytes[..]) {
            round_trip(&histogram);
        }
    }
}
