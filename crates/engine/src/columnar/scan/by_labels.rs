//! Joining few series: each block has its series in the order of their labels, so that they are merged like
//! sorted lists. The result is in that order, too, and has the labels.

use std::{cmp::Ordering, collections::BinaryHeap, ops::Range};

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

/// The place whose next series may be the next of all. The greatest is taken from a heap first.
struct Next<'a> {
    labels: &'a Labels,
    place: usize,
    index: usize,
}

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
        let labels = |entry: &Found| {
            let series = entry.id as u32;
            if let Some(labels) = cache.get(ulid, series) {
                return Ok((labels, *entry));
            }
            let labels = reader.get_or_insert_with(|| block.label_reader()).labels(series)?;
            cache.put(ulid, series, labels.clone());
            Ok((labels, *entry))
        };
        found.iter().map(labels).collect()
    }
}

fn merge(places: &[Named]) -> ByLabels {
    let mut merged = ByLabels::default();
    let next = |place: usize, index: usize| {
        places[place].get(index).map(|(labels, _)| Next { labels, place, index })
    };
    let mut heap: BinaryHeap<Next<'_>> =
        (0..places.len()).filter_map(|place| next(place, 0)).collect();
    while let Some(first) = heap.pop() {
        let end = merged.found.len() as u32 + 1;
        match (merged.labels.last(), merged.groups.last_mut()) {
            (Some(last), Some(group)) if last == first.labels => group.end = end,
            _ => {
                merged.labels.push(first.labels.clone());
                merged.groups.push(end - 1..end);
            }
        }
        merged.found.push(places[first.place][first.index].1);
        heap.extend(next(first.place, first.index + 1));
    }
    merged
}

impl Ord for Next<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of equal labels the oldest place comes first.
        other.labels.cmp(self.labels).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for Next<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next<'_> {}

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
