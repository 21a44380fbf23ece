//! Tests of the compact notation.

use timberline_model::{BucketCounts, ResetHint, is_stale};

use super::*;

fn floats(text: &str) -> Vec<Option<f64>> {
    let items = Line::parse(text).unwrap().items;
    let value = |item: &Item| match item {
        Item::Gap => None,
        Item::Float(value) => Some(*value),
        Item::Histogram { .. } => panic!("a histogram in {text}"),
    };
    items.iter().map(value).collect()
}

fn histogram_items(text: &str) -> Vec<(Histogram, bool)> {
    let items = Line::parse(text).unwrap().items;
    let histogram = |item| match item {
        Item::Histogram { histogram, has_hint } => (*histogram, has_hint),
        other => panic!("{other:?} in {text}"),
    };
    items.into_iter().map(histogram).collect()
}

fn count_and_sum(histogram: &Histogram) -> (f64, f64) {
    match histogram.counts {
        BucketCounts::Float { count, .. } => (count, histogram.sum),
        BucketCounts::Integer { .. } => panic!("float counts are expected"),
    }
}

#[test]
fn numbers_are_repeated_and_stepped() {
    assert_eq!(floats("m 1 _ 2 _x2 3"), [Some(1.0), None, Some(2.0), None, None, Some(3.0)]);
    assert_eq!(floats("m 5x2"), [Some(5.0); 3]);
    assert_eq!(floats("m 1+2x2 -1-1x1"), [1.0, 3.0, 5.0, -1.0, -2.0].map(Some));
    assert_eq!(floats("m 0x2"), [Some(0.0); 3]);
    assert_eq!(floats("m 1e2+1e-1x1"), [Some(100.0), Some(100.1)]);
    assert_eq!(floats("m -Inf+Infx0"), [Some(f64::NEG_INFINITY)]);
}

#[test]
fn infinity_is_added_once_and_stays() {
    assert_eq!(floats("m Inf 1-Infx1"), [f64::INFINITY, 1.0, f64::NEG_INFINITY].map(Some));
    assert!(is_stale(floats("m stale")[0].unwrap()));
}

#[test]
fn labels_may_hold_what_else_would_end_them() {
    let line = Line::parse(r#"{"a.b", "l x"="} 1", c='{{'} 7"#).unwrap();
    assert_eq!(line.labels.metric_name(), Some("a.b"));
    assert_eq!(line.labels.get("l x"), Some("} 1"));
    assert_eq!(line.items, [Item::Float(7.0)]);
    let line = Line::parse("up {job=`a\\`} 1").unwrap();
    assert_eq!(line.labels.get("job"), Some("a\\"));
    assert!(Line::parse("{ } 3").unwrap().labels.is_empty());
}

#[test]
fn a_histogram_says_what_is_written() {
    let text = "m {{schema:1 count:9 sum:-0.5 z_bucket:2 z_bucket_w:0.001 buckets:[1 2 0] offset:-3 \
                n_buckets:[4] n_offset:2 counter_reset_hint:gauge}}";
    let (histogram, has_hint) = histogram_items(text).remove(0);
    assert!(has_hint);
    assert_eq!((histogram.schema, histogram.reset_hint), (1, ResetHint::Gauge));
    assert_eq!(count_and_sum(&histogram), (9.0, -0.5));
    assert_eq!((histogram.zero_threshold, histogram.positive_spans[0].offset), (0.001, -3));
    assert_eq!(histogram.negative_spans[0].length, 1);
    assert!(!histogram_items("m {{}}")[0].1);
    let custom = &histogram_items("m {{schema:-53 custom_values:[1 2.5] buckets:[1 0 3]}}")[0].0;
    assert_eq!(custom.custom_values, [1.0, 2.5]);
}

#[test]
fn histograms_are_added_up() {
    let items =
        histogram_items("m {{count:1 sum:2 buckets:[1]}}+{{count:2 sum:1 buckets:[1 1]}}x2");
    let all: Vec<_> = items.iter().map(|(histogram, _)| count_and_sum(histogram)).collect();
    assert_eq!(all, [(1.0, 2.0), (3.0, 3.0), (5.0, 4.0)]);
    let BucketCounts::Float { positive, .. } = &items[2].0.counts else { panic!("floats") };
    assert_eq!(positive, &[3.0, 2.0]);
    let items = histogram_items("m {{count:5}}-{{count:2 counter_reset_hint:gauge}}x1");
    assert_eq!(count_and_sum(&items[1].0), (3.0, 0.0));
    assert_eq!(items[1].0.reset_hint, ResetHint::Gauge);
    assert_eq!(histogram_items("m {{count:5}}x3").len(), 4);
}

#[test]
fn a_finer_step_is_brought_to_the_schema_of_the_first() {
    let items =
        histogram_items("m {{schema:0 buckets:[1 1]}}+{{schema:1 buckets:[1 1 1 1] offset:-1}}x1");
    // Schema 1: -1 and 0 lie in bucket 0 of schema 0, 1 and 2 in bucket 1.
    let BucketCounts::Float { positive, .. } = &items[1].0.counts else { panic!("floats") };
    assert_eq!(positive, &[3.0, 3.0]);
    assert!(Line::parse("m {{schema:1}}+{{schema:0}}x1").is_err());
    assert!(Line::parse("m {{schema:-53 custom_values:[1]}}+{{}}x1").is_err());
}

#[test]
fn a_wider_zero_bucket_takes_in_what_lies_within() {
    // Bucket 0 of schema 0 is (0.5, 1]: the threshold of 0.6 cuts through it and becomes 1.
    let text = "m {{buckets:[2 1]}}+{{z_bucket:1 z_bucket_w:0.6}}x1";
    let (sum, _) = histogram_items(text).remove(1);
    assert_eq!(sum.zero_threshold, 1.0);
    let BucketCounts::Float { zero_count, positive, .. } = &sum.counts else { panic!("floats") };
    assert_eq!((*zero_count, positive.as_slice()), (3.0, [1.0].as_slice()));
    assert_eq!(sum.positive_spans[0].offset, 1);
}

#[test]
fn what_is_no_value_is_refused() {
    for text in [
        "m one",
        "m 1x",
        "m 1xy",
        "m 1+x2",
        "m _x",
        "m {{sum}}",
        "m {{sum:x}}",
        "m {{schema:99}}",
        "m {{buckets:[1 2}}",
        "m {{}}y",
        "m {{}}+{{}}",
        "m {{",
        "m {{what:1}}",
        "m 1x99999999999",
        "m{a=~\"b\"} 1",
    ] {
        assert!(Line::parse(text).is_err(), "{text}");
    }
}
