//! Joining many series: by half of the hash of their labels first, and by the labels themselves where
//! hashes agree. The memory of a series is that of its places.

use std::ops::Range;

use timberline_model::Labels;

use super::{Found, Places};
use crate::EngineError;

impl Places {
    /// Puts the places of one series together, oldest first, and the series in reading order.
    pub(super) fn join_by_hash(
        &self,
        mut found: Vec<Found>,
    ) -> Result<(Vec<Found>, Vec<Range<u32>>), EngineError> {
        let joinable = found.iter().any(|entry| entry.place != found[0].place);
        if !joinable {
            let one_each = (0..found.len() as u32).map(|index| index..index + 1).collect();
            return Ok((found, one_each));
        }
        found.sort_unstable_by_key(|entry| (entry.hash, entry.place, entry.id));
        let mut groups = Vec::new();
        let mut start = 0;
        while start < found.len() {
            let hash = found[start].hash;
            let end = start + found[start..].partition_point(|entry| entry.hash == hash);
            self.split_by_labels(&mut found, start..end, &mut groups)?;
            start = end;
        }
        groups.sort_unstable_by_key(|group| {
            let first = found[group.start as usize];
            (first.place, first.id)
        });
        Ok((found, groups))
    }

    /// Puts joined series into the order of their labels.
    pub(super) fn sort(
        &self,
        found: &[Found],
        groups: &mut Vec<Range<u32>>,
    ) -> Result<(), EngineError> {
        // A block has its series in this order, so that one alone needs no sorting.
        let head = self.blocks.len() as u32;
        let in_one_block =
            found.iter().all(|entry| entry.place == found[0].place && entry.place != head);
        if in_one_block {
            return Ok(());
        }
        let labels = |group: Range<u32>| {
            let labels = self.labels(found[group.start as usize]).transpose()?;
            Some(labels.map(|labels| (labels, group)))
        };
        let named: Result<Vec<(Labels, Range<u32>)>, EngineError> =
            groups.drain(..).filter_map(labels).collect();
        let mut named = named?;
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        *groups = named.into_iter().map(|(_, group)| group).collect();
        Ok(())
    }

    /// Entries of one hash are one series nearly always. Where they are not, they are put apart.
    fn split_by_labels(
        &self,
        found: &mut [Found],
        equal: Range<usize>,
        groups: &mut Vec<Range<u32>>,
    ) -> Result<(), EngineError> {
        if equal.len() == 1 {
            groups.push(equal.start as u32..equal.end as u32);
            return Ok(());
        }
        let mut named: Vec<(Labels, Found)> = Vec::with_capacity(equal.len());
        for entry in &found[equal.clone()] {
            named.extend(self.labels(*entry)?.map(|labels| (labels, *entry)));
        }
        named.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.place.cmp(&b.1.place)));
        let mut start = equal.start;
        for run in named.chunk_by(|a, b| a.0 == b.0) {
            for (index, (_, entry)) in run.iter().enumerate() {
                found[start + index] = *entry;
            }
            groups.push(start as u32..(start + run.len()) as u32);
            start += run.len();
        }
        Ok(())
    }
}
