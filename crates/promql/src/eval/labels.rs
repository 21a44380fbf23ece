//! What queries do to label sets: dropping, keeping, setting, and merging series that became one.

use std::collections::HashMap;

use timberline_model::{Labels, METRIC_NAME};

use super::{column::Series, error::EvalError};

/// Whether a label belongs to the metric rather than the series: it goes when values change meaning.
pub(super) fn is_reserved(name: &str) -> bool {
    name == METRIC_NAME || name == "__type__" || name == "__unit__"
}

/// Whether labels other than the name would go with it.
pub(super) fn has_more_reserved(labels: &Labels) -> bool {
    labels.iter().any(|(name, _)| name != METRIC_NAME && is_reserved(name))
}

/// The labels without those of the metric.
pub(super) fn without_reserved(labels: &Labels) -> Labels {
    labels.filter(|name| !is_reserved(name))
}

/// The labels with one set to another value; an empty value removes it.
pub(super) fn with_label(labels: &Labels, name: &str, value: &str) -> Result<Labels, EvalError> {
    let others = labels.iter().filter(|(other, _)| *other != name);
    Ok(Labels::from_pairs(others.chain([(name, value)]))?)
}

/// Appends the canonical bytes of the labels whose name passes.
pub(super) fn encode_kept(labels: &Labels, bytes: &mut Vec<u8>, keep: impl Fn(&str) -> bool) {
    for (name, value) in labels.iter().filter(|(name, _)| keep(name)) {
        Labels::encode_pair(bytes, name.as_bytes(), value.as_bytes());
    }
}

/// The labels as Prometheus' messages print them: `{__name__="up", job="a"}`.
pub(super) fn in_braces(labels: &Labels) -> String {
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Drops the metric's labels of every series, or marks them to be dropped at the end.
pub(super) fn drop_names(mut series: Vec<Series>, delayed: bool) -> Result<Vec<Series>, EvalError> {
    if delayed {
        for one in &mut series {
            one.drop_name = true;
        }
        return Ok(series);
    }
    for one in &mut series {
        one.labels = without_reserved(&one.labels);
    }
    merge_same(series)
}

/// Drops the metric's labels where an earlier function asked for it.
pub(super) fn drop_marked(mut series: Vec<Series>) -> Result<Vec<Series>, EvalError> {
    if series.iter().all(|one| !one.drop_name) {
        return Ok(series);
    }
    for one in series.iter_mut().filter(|one| one.drop_name) {
        one.labels = without_reserved(&one.labels);
        one.drop_name = false;
    }
    merge_same(series)
}

/// Unites series with the same labels, which may not both have a value at the same step.
pub(super) fn merge_same(series: Vec<Series>) -> Result<Vec<Series>, EvalError> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(series.len());
    let mut merged: Vec<Series> = Vec::with_capacity(series.len());
    for one in series {
        if one.column.is_empty() {
            continue;
        }
        let place = *places.entry(one.labels.clone()).or_insert(merged.len());
        let Some(same) = merged.get_mut(place) else {
            merged.push(one);
            continue;
        };
        if same.column.overlaps(&one.column) {
            return Err(EvalError::DuplicateLabels);
        }
        same.column.fill_from(&one.column);
        same.drop_name |= one.drop_name;
    }
    Ok(merged)
}
