//! Exemplars from all places, joined by their series' labels.

use std::collections::BTreeMap;

use timberline_model::{Exemplar, LabelQuery, Labels, Matcher, SeriesExemplars};

use crate::{
    EngineError,
    columnar::{engine::Inner, scan::Places},
};

/// Exemplars in the query's span, series in order of their labels.
pub(super) fn exemplars(
    inner: &Inner,
    query: &LabelQuery,
) -> Result<Vec<SeriesExemplars>, EngineError> {
    let places = Places::of(inner, query.range)?;
    let every: &[Vec<Matcher>] = &[Vec::new()];
    let selectors = if query.selectors.is_empty() { every } else { &query.selectors };
    let mut found: BTreeMap<Labels, Vec<Exemplar>> = BTreeMap::new();
    let mut add = |labels: Labels, exemplars: Vec<Exemplar>| {
        if !exemplars.is_empty() {
            found.entry(labels).or_default().extend(exemplars);
        }
    };
    if let Some(head) = places.head() {
        for series in selectors.iter().flat_map(|matchers| head.select(matchers)) {
            let exemplars = places.exemplars_in_head(series);
            if !exemplars.is_empty() {
                // A series stays while it has exemplars in memory.
                if let Some(labels) = head.labels(series) {
                    add(labels, exemplars);
                }
            }
        }
    }
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    let joined = found.into_iter().take(limit).map(|(labels, mut exemplars)| {
        sort(&mut exemplars);
        SeriesExemplars { labels, exemplars }
    });
    Ok(joined.collect())
}

/// Sorts by time and leaves out repeats: a series may be picked twice, and a sender may repeat itself
/// after a restart.
fn sort(exemplars: &mut Vec<Exemplar>) {
    let order = |a: &Exemplar, b: &Exemplar| {
        let by_time = a.ts.cmp(&b.ts).then(a.value.total_cmp(&b.value));
        by_time.then_with(|| a.labels.cmp(&b.labels))
    };
    exemplars.sort_by(order);
    exemplars.dedup();
}
