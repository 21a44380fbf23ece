//! Answers beside expectations.

use std::collections::BTreeMap;

use timberline_model::{Histogram, Labels, is_stale};
use timberline_promql::eval::{QueryResult, RangeSeries, SampleValue, Value};

use crate::{
    arithmetic::Buckets,
    expectation::{Expectation, Text},
    sequence::{Item, Line},
};

/// How far values may lie apart, relative to their size.
const TOLERANCE: f64 = 1e-6;

/// The times of expected values: that of the first, and the distance from each to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) start: i64,
    pub(crate) step: i64,
}

/// A value at a time.
type Point = (i64, SampleValue);

/// Checks warnings and infos.
pub(crate) fn check_notes(result: &QueryResult, expected: &Expectation) -> Result<(), String> {
    let Expectation { warnings, infos, no_warnings, no_infos, .. } = expected;
    check_texts("warning", &result.warnings, warnings, *no_warnings)?;
    check_texts("info", &result.infos, infos, *no_infos)
}

/// Each expected text fits some found one, and each found one fits some expected one.
fn check_texts(kind: &str, found: &[String], wanted: &[Text], none: bool) -> Result<(), String> {
    if none && !found.is_empty() {
        return Err(format!("unexpected {kind}s {found:?}"));
    }
    if wanted.is_empty() {
        return Ok(());
    }
    if let Some(lacking) = wanted.iter().find(|wanted| !found.iter().any(|text| wanted.fits(text)))
    {
        return Err(format!("no {kind} fits {lacking:?}; there are {found:?}"));
    }
    match found.iter().find(|text| !wanted.iter().any(|wanted| wanted.fits(text))) {
        Some(surplus) => Err(format!("unexpected {kind} {surplus:?}")),
        None => Ok(()),
    }
}

/// Checks the text of an error.
pub(crate) fn check_failure(text: &str, wanted: &Text) -> Result<(), String> {
    if wanted.fits(text) { Ok(()) } else { Err(format!("error {text:?} instead of {wanted:?}")) }
}

/// Checks the value of an answer.
pub(crate) fn check_value(
    value: Value,
    expected: &Expectation,
    times: Times,
) -> Result<(), String> {
    match value {
        Value::String { text, .. } => match &expected.string {
            Some(wanted) if *wanted == text => Ok(()),
            wanted => Err(format!("string {text:?} instead of {wanted:?}")),
        },
        Value::Scalar(sample) => match expected.scalar {
            Some(wanted) if same(sample.value, wanted) => Ok(()),
            wanted => Err(format!("scalar {} instead of {wanted:?}", sample.value)),
        },
        _ if expected.scalar.is_some() => Err(format!("series instead of a scalar: {value:?}")),
        Value::Vector(found) => {
            let found: Vec<_> =
                found.into_iter().map(|one| (one.labels, vec![(one.ts, one.value)])).collect();
            if expected.ordered {
                let wanted = expected.series.iter().map(|line| &line.labels);
                if !found.iter().map(|(labels, _)| labels).eq(wanted) {
                    return Err(format!("not in the order expected: {}", shown(&found)));
                }
            }
            check_series(found, &expected.series, times)
        }
        Value::Matrix(_) if expected.ordered => Err("a matrix has no order".to_owned()),
        Value::Matrix(found) => {
            check_sorted(&found)?;
            check_series(found.into_iter().map(points).collect(), &expected.series, times)
        }
    }
}

/// Checks the points that a matrix has at one time.
pub(crate) fn check_step(
    matrix: Vec<RangeSeries>,
    at: i64,
    expected: &Expectation,
) -> Result<(), String> {
    check_sorted(&matrix)?;
    let mut found: Vec<(Labels, Vec<Point>)> = matrix.into_iter().map(points).collect();
    for (_, points) in &mut found {
        points.retain(|(ts, _)| *ts == at);
    }
    found.retain(|(_, points)| !points.is_empty());
    let Some(wanted) = expected.scalar else {
        return check_series(found, &expected.series, Times { start: at, step: 0 });
    };
    match found.as_slice() {
        [(_, points)] if matches!(points[0].1, SampleValue::Float(value) if same(value, wanted)) => {
            Ok(())
        }
        _ => Err(format!("{} instead of the scalar {wanted}", shown(&found))),
    }
}

fn check_sorted(matrix: &[RangeSeries]) -> Result<(), String> {
    if matrix.is_sorted_by(|a, b| a.labels <= b.labels) {
        return Ok(());
    }
    Err("a matrix that is not sorted by labels".to_owned())
}

/// A series' points in order of time.
fn points(series: RangeSeries) -> (Labels, Vec<Point>) {
    let RangeSeries { labels, timestamps, values, histograms, .. } = series;
    let floats = values.into_iter().map(SampleValue::Float);
    let mut points: Vec<Point> = timestamps.into_iter().zip(floats).collect();
    points.extend(histograms.into_iter().map(|(ts, found)| (ts, SampleValue::Histogram(found))));
    points.sort_by_key(|(ts, _)| *ts);
    (labels, points)
}

/// Compares series as sets, point by point.
fn check_series(
    found: Vec<(Labels, Vec<Point>)>,
    wanted: &[Line],
    times: Times,
) -> Result<(), String> {
    let all = shown(&found);
    let mut by_labels: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
    for (labels, points) in found {
        if by_labels.insert(labels.clone(), points).is_some() {
            return Err(format!("{labels} is there twice"));
        }
    }
    // Of two lines for the same series the later one counts.
    let wanted: BTreeMap<&Labels, &[Item]> =
        wanted.iter().map(|line| (&line.labels, line.items.as_slice())).collect();
    for (labels, items) in wanted {
        let points = by_labels.remove(labels).unwrap_or_default();
        check_points(&points, items, times)
            .map_err(|reason| format!("{labels}: {reason}; got {all}"))?;
    }
    match by_labels.pop_first() {
        Some((labels, _)) => Err(format!("{labels} is not expected; got {all}")),
        None => Ok(()),
    }
}

fn check_points(points: &[Point], items: &[Item], times: Times) -> Result<(), String> {
    let mut points = points.iter();
    let mut any = false;
    for (index, item) in items.iter().enumerate() {
        if *item == Item::Gap {
            continue;
        }
        any = true;
        let at = times.start + times.step * index as i64;
        match points.next() {
            Some((ts, value)) if *ts == at && fits(value, item) => {}
            Some((ts, value)) => {
                return Err(format!("{value:?} at {ts} ns instead of {item:?} at {at} ns"));
            }
            None => return Err(format!("nothing at {at} ns instead of {item:?}")),
        }
    }
    match points.next() {
        Some((ts, value)) => Err(format!("{value:?} at {ts} ns instead of nothing")),
        None if !any => Err("a series without values is expected".to_owned()),
        None => Ok(()),
    }
}

fn fits(value: &SampleValue, item: &Item) -> bool {
    match (value, item) {
        (SampleValue::Float(found), Item::Float(wanted)) => same(*found, *wanted),
        (SampleValue::Histogram(found), Item::Histogram { histogram, has_hint }) => {
            same_histograms(found, histogram, *has_hint)
        }
        _ => false,
    }
}

/// Whether two histograms are the same but for empty buckets and how their spans are cut.
fn same_histograms(found: &Histogram, wanted: &Histogram, compare_hints: bool) -> bool {
    let (found, wanted) = (Buckets::of(found), Buckets::of(wanted));
    (!compare_hints || found.hint == wanted.hint)
        && found.schema == wanted.schema
        && same(found.count, wanted.count)
        && same(found.sum, wanted.sum)
        && found.zero_threshold == wanted.zero_threshold
        && same(found.zero_count, wanted.zero_count)
        && found.custom_values == wanted.custom_values
        && same_buckets(&found.positive, &wanted.positive)
        && same_buckets(&found.negative, &wanted.negative)
}

fn same_buckets(found: &BTreeMap<i32, f64>, wanted: &BTreeMap<i32, f64>) -> bool {
    let filled = |(_, count): &(&i32, &f64)| **count != 0.0;
    let (mut found, mut wanted) = (found.iter().filter(filled), wanted.iter().filter(filled));
    loop {
        match (found.next(), wanted.next()) {
            (None, None) => return true,
            (Some((at, count)), Some((wanted_at, wanted))) if at == wanted_at => {
                if !same(*count, *wanted) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Whether two values differ by a millionth of their size at most. NaN is like NaN, and a stale marker like
/// a stale marker alone.
fn same(a: f64, b: f64) -> bool {
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let (size, distance) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return distance < TOLERANCE * f64::MIN_POSITIVE;
    }
    distance / size.min(f64::MAX) < TOLERANCE
}

/// Series for a message, not too long.
fn shown(series: &[(Labels, Vec<Point>)]) -> String {
    const CHARS_MAX: usize = 2_000;
    let all: Vec<String> = series
        .iter()
        .map(|(labels, points)| {
            let values: Vec<String> = points.iter().map(|(_, value)| value_shown(value)).collect();
            format!("{labels} {}", values.join(" "))
        })
        .collect();
    let text = format!("[{}]", all.join(", "));
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

fn value_shown(value: &SampleValue) -> String {
    let histogram = match value {
        SampleValue::Float(value) => return value.to_string(),
        SampleValue::Histogram(histogram) => Buckets::of(histogram),
    };
    let Buckets { schema, count, sum, positive, negative, .. } = &histogram;
    let mut text = format!("{{{{schema:{schema} count:{count} sum:{sum} hint:{:?}", histogram.hint);
    if histogram.zero_threshold != 0.0 || histogram.zero_count != 0.0 {
        let Buckets { zero_threshold, zero_count, .. } = &histogram;
        text += &format!(" z_bucket:{zero_count} z_bucket_w:{zero_threshold}");
    }
    for (name, buckets) in [("buckets", positive), ("n_buckets", negative)] {
        if !buckets.is_empty() {
            text += &format!(" {name}:{buckets:?}");
        }
    }
    if !histogram.custom_values.is_empty() {
        text += &format!(" custom_values:{:?}", histogram.custom_values);
    }
    text + "}}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_differ_by_a_millionth() {
        assert!(same(1.0, 1.000_001));
        assert!(!same(1.0, 1.000_01));
        assert!(same(f64::NAN, -f64::NAN));
        assert!(!same(f64::NAN, timberline_model::STALE_NAN));
        assert!(!same(0.0, 1e-300));
        assert!(same(f64::INFINITY, f64::INFINITY));
        assert!(!same(f64::INFINITY, f64::MAX));
    }
}
