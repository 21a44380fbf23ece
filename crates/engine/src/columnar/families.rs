//! What is known of metric families: their types, units and helps, by name.
//!
//! All of it is in memory, in the log since the last flush, and in a file that flushes write. What the
//! database knows already is not logged again: senders repeat all their metadata every minute.
//!
//! Invariant: entries are applied in the order of the log, so that the last one logged holds.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use parking_lot::RwLock;
use timberline_model::{
    FamilyMetadata, Metadata, RejectReason, Rejection, WriteBatch, WriteOutcome, limits,
};

/// Characters of a family's name that a rejection tells.
const NAME_CHARS_MAX: usize = 80;

/// Metadata by family, as of one moment.
pub(crate) type FamilyMap = Arc<BTreeMap<String, Metadata>>;

/// The metadata of a database.
#[derive(Debug, Default)]
pub(crate) struct Families {
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    map: FamilyMap,
    /// Bytes of all texts.
    bytes: usize,
}

impl Families {
    /// What of a batch's metadata is new and may be written, the last of each family. The rest is known,
    /// or rejected and named.
    pub(crate) fn news_of(
        &self,
        batch: &WriteBatch<'_>,
        outcome: &mut WriteOutcome,
    ) -> Vec<FamilyMetadata> {
        let mut news = Vec::new();
        if batch.metadata().is_empty() {
            return news;
        }
        let held = self.held.read();
        let (mut count, mut bytes) = (held.map.len(), held.bytes);
        let mut seen = HashSet::new();
        for (index, entry) in batch.metadata().iter().enumerate().rev() {
            if !seen.insert(entry.family.as_str()) {
                continue;
            }
            let known = held.map.get(&entry.family);
            if known == Some(&entry.metadata) {
                continue;
            }
            count += usize::from(known.is_none());
            bytes += text_bytes(&entry.family, &entry.metadata);
            match refusal(entry, known.is_none(), count, bytes) {
                None => news.push(entry.clone()),
                Some(reason) => {
                    count -= usize::from(known.is_none());
                    bytes -= text_bytes(&entry.family, &entry.metadata);
                    let series_index = batch.series().len() + index;
                    outcome.name(|| Rejection { series_index, labels: None, reason });
                }
            }
        }
        news.reverse();
        news
    }

    /// Takes in what is in the log, in its order.
    pub(crate) fn apply(&self, entries: &[FamilyMetadata]) {
        if entries.is_empty() {
            return;
        }
        let mut held = self.held.write();
        let Held { map, bytes } = &mut *held;
        // Copies the map only while a flush writes the one from before.
        let map = Arc::make_mut(map);
        for FamilyMetadata { family, metadata } in entries {
            *bytes += text_bytes(family, metadata);
            if let Some(old) = map.insert(family.clone(), metadata.clone()) {
                *bytes -= text_bytes(family, &old);
            }
        }
    }

    /// All of it, as it is now.
    pub(crate) fn all(&self) -> FamilyMap {
        Arc::clone(&self.held.read().map)
    }

    /// One family, or all of them in order of their names, at most `limit`; 0 means no limit.
    pub(crate) fn find(&self, family: Option<&str>, limit: usize) -> Vec<FamilyMetadata> {
        let map = self.all();
        let entry = |(family, metadata): (&String, &Metadata)| FamilyMetadata {
            family: family.clone(),
            metadata: metadata.clone(),
        };
        let limit = if limit == 0 { usize::MAX } else { limit };
        match family {
            Some(name) => map.get_key_value(name).into_iter().map(entry).collect(),
            None => map.iter().take(limit).map(entry).collect(),
        }
    }

    /// How many families there are.
    pub(crate) fn count(&self) -> u64 {
        self.held.read().map.len() as u64
    }
}

/// Why an entry may not be written, if it may not; with it there would be `count` families and `bytes`
/// of texts.
fn refusal(
    entry: &FamilyMetadata,
    is_new: bool,
    count: usize,
    bytes: usize,
) -> Option<RejectReason> {
    let FamilyMetadata { family, metadata } = entry;
    let cut_short = || family.chars().take(NAME_CHARS_MAX).collect::<String>();
    let texts = [family, &metadata.unit, &metadata.help];
    if texts.iter().any(|text| text.len() > limits::METADATA_TEXT_BYTES_MAX) {
        return Some(RejectReason::MetadataText { family: cut_short() });
    }
    let limit =
        |max: usize, of| RejectReason::MetadataLimit { family: cut_short(), max: max as u64, of };
    if is_new && count > limits::METADATA_FAMILIES_MAX {
        return Some(limit(limits::METADATA_FAMILIES_MAX, "metric families"));
    }
    let max = limits::METADATA_BYTES_MAX;
    (bytes > max).then(|| limit(max, "bytes of metadata"))
}

fn text_bytes(family: &str, metadata: &Metadata) -> usize {
    family.len() + metadata.unit.len() + metadata.help.len()
}

#[cfg(test)]
mod tests;
