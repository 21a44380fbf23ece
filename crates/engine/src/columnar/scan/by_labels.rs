//! Joining few series: each block has its series in the order of their labels, so that they are merged like
//! sorted lists. The result is in that order, too, and has the labels.

use std::ops::Range;

use timberline_model::{Labels, SeriesRef};

use super::{Found, Places};
use crate::{EngineError, columnar::label_cache::LabelCache};

/// Series joined, in the order of their labels.
#[derive(Debug, Default)]
pub(super) struct ByLabels {
    pub(super) labels: Vec<Labels>,
    pub(super) found: Vec<Found>,
    /// The places of each series in `found`, oldest first.
    pub(super) groups: Vec<Range<u32>>,
}

/// A place's entries with their labels, ascending by these.
type Named = Vec<(Labels, Found)>;

impl Places {
    /// Joins the series of all places.
    pub(super) fn join_by_labels(
        &self,
        found: &[Vec<Found>],
        cache: &LabelCache,
    ) -> Result<ByLabels, EngineError> {
        let named: Result<Vec<Named>, EngineError> =
            found.iter().map(|place| self.name(place, cache)).collect();
        Ok(merge(&named?))
    }

    fn name(&self, found: &[Found], cache: &LabelCache) -> Result<Named, EngineError> {
        let Some(block) = found.first().and_then(|first| self.blocks.get(first.place as usize))
        else {
            // A series that has left the head meanwhile has nothing there that the blocks have not.
            let labels = |entry: &Found| Some((self.head.labels(SeriesRef(entry.id))?, *entry));
            let mut named: Named = found.iter().filter_map(labels).collect();
            named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            return Ok(named);
        };
        let block = block.block();
        let ulid = block.meta().ulid;
        // Made when the first is missing: it reads best in ascending order, as they come here.
        let mut reader = None;
        let mut named = Named::with_capacity(found.len());
        let mut known = Vec::new();
        for run in found.chunk_by(|a, b| run_of(a) == run_of(b)) {
            known.clear();
            cache.get(ulid, run_of(&run[0]), run.iter().map(|entry| entry.id as u32), &mut known);
            for (entry, labels) in run.iter().zip(&mut known) {
                let labels = match labels.take() {
                    Some(labels) => labels,
                    None => {
                        let series = entry.id as u32;
                        let reader = reader.get_or_insert_with(|| block.label_reader());
                        let labels = reader.labels(series)?;
                        cache.put(ulid, series, labels.clone());
                        labels
                    }
                };
                named.push((labels, *entry));
            }
        }
        Ok(named)
    }
}

fn run_of(entry: &Found) -> u32 {
    LabelCache::run_of(entry.id as u32)
}

/// Merges places that ascend by labels. As a rule all have the same series, so that those that come next are
/// compared for being equal first, which is cheaper than their order.
fn merge(places: &[Named]) -> ByLabels {
    let mut merged = ByLabels::default();
    let mut rest: Vec<&[(Labels, Found)]> =
        places.iter().map(Vec::as_slice).filter(|place| !place.is_empty()).collect();
    while let Some((first, others)) = rest.split_first() {
        let first = &first[0].0;
        let all_same = others.iter().all(|place| place[0].0 == *first);
        let least = if all_same { first } else { least(&rest).unwrap_or(first) };
        let start = merged.found.len() as u32;
        merged.labels.push(least.clone());
        // Oldest first, as the places are.
        for place in &mut rest {
            if all_same || place[0].0 == *least {
                merged.found.push(place[0].1);
                *place = &place[1..];
            }
        }
        merged.groups.push(start..merged.found.len() as u32);
        rest.retain(|place| !place.is_empty());
    }
    merged
}

/// The least labels of those that come next.
fn least<'a>(rest: &[&'a [(Labels, Found)]]) -> Option<&'a Labels> {
    rest.iter().map(|place| &place[0].0).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u32, hosts: &[&str]) -> Named {
        let labels = |host: &&str| Labels::from_pairs([("host", *host)]).unwrap();
        let entry = |id: usize| Found { hash: 0, place: number, id: id as u64 };
        hosts.iter().enumerate().map(|(id, host)| (labels(host), entry(id))).collect()
    }

    #[test]
    fn series_of_all_places_come_once_and_in_order() {
        let places = [place(0, &["b", "d"]), place(1, &["a", "b", "d", "e"]), place(3, &["b"])];
        let merged = merge(&places);
        let hosts: Vec<&str> =
            merged.labels.iter().filter_map(|labels| labels.get("host")).collect();
        assert_eq!(hosts, ["a", "b", "d", "e"]);
        let groups: Vec<Vec<(u32, u64)>> = merged
            .groups
            .iter()
            .map(|group| {
                let found = &merged.found[group.start as usize..group.end as usize];
                found.iter().map(|entry| (entry.place, entry.id)).collect()
            })
            .collect();
        assert_eq!(
            groups,
            [vec![(1, 0)], vec![(0, 0), (1, 1), (3, 0)], vec![(0, 1), (1, 2)], vec![(1, 3)]]
        );
    }

    #[test]
    fn nothing_joined_is_nothing() {
        assert!(merge(&[]).groups.is_empty());
    }
}
