//! Exemplars from all places, joined by their series' labels.

use std::collections::BTreeMap;

use timberline_model::{Exemplar, LabelQuery, Labels, Matcher, SeriesExemplars};

use crate::{
    EngineError,
    columnar::{engine::Inner, merge::merge_exemplars, scan::Places},
};

/// Exemplars in the query's span, series in order of their labels. Whether they are still wanted is asked
/// before each series, as each may take a look at the disk.
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
            query.stop.check()?;
            let exemplars = places.exemplars_in_head(series);
            if !exemplars.is_empty() {
                // A series stays while it has exemplars in memory.
                if let Some(labels) = head.labels(series) {
                    add(labels, exemplars);
                }
            }
        }
    }
    for block in places.blocks() {
        for matchers in selectors {
            for series in block.block().select(matchers)? {
                query.stop.check()?;
                let mut exemplars = Vec::new();
                block.exemplars(series, query.range, &mut exemplars)?;
                if !exemplars.is_empty() {
                    add(block.block().labels(series)?, exemplars);
                }
            }
        }
    }
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    let joined = found.into_iter().take(limit).map(|(labels, mut exemplars)| {
        // A series may be picked twice, and a flush in between shows its exemplars twice.
        merge_exemplars(&mut exemplars);
        SeriesExemplars { labels, exemplars }
    });
    Ok(joined.collect())
}
