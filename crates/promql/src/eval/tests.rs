//! Tests of the evaluator, by what they ask: functions on hand-worked examples, ranges against
//! instants, vectors against vectors, limits.

use timberline_model::Labels;

use super::{EvalError, Limits, Query, QueryResult, Value, evaluate, memory::MemorySource};
use crate::parse;

mod figures;
mod functions;
mod histograms;
mod limits;
mod ranges;
mod vectors;

pub(super) const SECOND: i64 = 1_000_000_000;

/// A source of series, each with its samples as seconds and values.
pub(super) fn source(series: &[(&str, &[(i64, f64)])]) -> MemorySource {
    let mut source = MemorySource::default();
    for (text, samples) in series {
        let labels = crate::parse_series(text).unwrap();
        for (ts, value) in *samples {
            source.push(&labels, ts * SECOND, *value);
        }
    }
    source
}

/// The answer at a second.
pub(super) fn ask(source: &MemorySource, text: &str, at: i64) -> Result<QueryResult, EvalError> {
    let expr = parse(text).unwrap();
    evaluate(source, &Query::instant(&expr, at * SECOND).with_text(text), &Limits::default())
}

/// The answer from one second to another.
pub(super) fn ask_range(
    source: &MemorySource,
    text: &str,
    (start, end, step): (i64, i64, i64),
    limits: &Limits,
) -> Result<QueryResult, EvalError> {
    let expr = parse(text).unwrap();
    let query = Query::range(&expr, start * SECOND, end * SECOND, step * SECOND);
    evaluate(source, &query.with_text(text), limits)
}

/// The only value of an answer.
pub(super) fn number(source: &MemorySource, text: &str, at: i64) -> f64 {
    match ask(source, text, at).unwrap().value {
        Value::Scalar(sample) => sample.value,
        Value::Vector(found) if found.len() == 1 => found[0].value.float().unwrap(),
        other => panic!("{text}: {other:?}"),
    }
}

/// A vector as label sets and values.
pub(super) fn vector(source: &MemorySource, text: &str, at: i64) -> Vec<(String, f64)> {
    match ask(source, text, at).unwrap().value {
        Value::Vector(found) => found
            .into_iter()
            .map(|one| (one.labels.to_string(), one.value.float().unwrap()))
            .collect(),
        other => panic!("{text}: {other:?}"),
    }
}

/// A matrix as label sets and pairs of seconds and values.
pub(super) fn matrix(value: Value) -> Vec<(Labels, Vec<(i64, f64)>)> {
    match value {
        Value::Matrix(found) => found
            .into_iter()
            .map(|one| {
                let times = one.timestamps.iter().map(|ts| ts / SECOND);
                (one.labels, times.zip(one.values).collect())
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}
