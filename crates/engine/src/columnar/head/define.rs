//! Recovery's side of the catalog: series come back at their very slots.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use timberline_model::{ErrorKind, Labels, SeriesRef};

use super::{
    place::{SeriesPlace, ShardIndex},
    root::Head,
};

/// How many slots a definition may skip at once. Gaps are what unlogged or damaged definitions leave,
/// and those are few; more than this is damage itself, and not worth the memory.
const GAP_MAX: u32 = 1 << 22;

/// A definition that cannot be right: the file it came from is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("definition of series {series} is damaged: {reason}")]
pub struct DefineError {
    /// The number that was to be defined.
    pub series: SeriesRef,
    /// What is wrong.
    pub reason: &'static str,
}

impl DefineError {
    /// What the caller should do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }
}

impl Head {
    /// Puts a series in its slot, as the dictionary or the log has it, whatever the series limit says.
    /// The same definition may come any number of times. A higher number for labels that have one takes
    /// its place, with all samples: the series had left the head, and the dictionary is older than that.
    /// Series of different shards may be defined in parallel.
    ///
    /// # Errors
    /// A definition that contradicts an earlier one, or a number that the labels cannot have.
    pub fn define(&self, series: SeriesRef, labels: &Labels) -> Result<(), DefineError> {
        let damaged = |reason| DefineError { series, reason };
        let place =
            SeriesPlace::checked(series).ok_or_else(|| damaged("there is no such shard"))?;
        if labels.is_empty() {
            return Err(damaged("it has no labels"));
        }
        let (hash, slot) = (self.hash_of(labels), place.slot());
        if ShardIndex::of_hash(hash) != place.shard() {
            return Err(damaged("its labels belong to another shard"));
        }
        let shard = self.shard(place.shard());
        let mut catalog = shard.catalog.write();
        let before = catalog.find(hash, labels).filter(|known| *known < slot);
        match catalog.find(hash, labels) {
            Some(known) if known == slot => return Ok(()),
            Some(known) if known > slot => return Err(damaged("its labels have another number")),
            _ => {}
        }
        if catalog.contains(slot) {
            return Err(damaged("its number has other labels"));
        }
        if slot == u32::MAX || slot > catalog.slot_end().saturating_add(GAP_MAX) {
            return Err(damaged("its number is far beyond all others"));
        }
        if let Some(before) = before {
            catalog.remove(before);
        }
        if !catalog.insert(slot, hash, labels) {
            return Err(damaged("there is no room for it"));
        }
        let slot_end = catalog.slot_end();
        drop(catalog);
        shard.recovered_end.fetch_max(slot + 1, Ordering::Relaxed);
        shard.slot_end.store(slot_end, Ordering::Release);
        match before {
            Some(before) => shard.samples.write().table.rename(before, slot),
            None => {
                self.series_count.fetch_add(1, Ordering::Relaxed);
                self.new_series.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Sees to it that no series gets a number that nothing has defined and that the log uses.
    pub fn give_up(&self, series: SeriesRef) {
        let place = SeriesPlace::of(series);
        let shard = self.shard(place.shard());
        let mut catalog = shard.catalog.write();
        // One far beyond all others is damage, and not worth the memory.
        if place.slot() < catalog.slot_end().saturating_add(GAP_MAX) {
            catalog.skip_to(place.slot() + 1);
            shard.slot_end.store(catalog.slot_end(), Ordering::Release);
        }
    }

    /// The series of a shard that nothing has defined, among those in some slots, and how often each is
    /// among them.
    #[must_use]
    pub fn unknown(
        &self,
        shard: ShardIndex,
        slots: impl Iterator<Item = u32>,
    ) -> BTreeMap<SeriesRef, u64> {
        let mut unknown = BTreeMap::new();
        let catalog = self.shard(shard).catalog.read();
        for slot in slots.filter(|slot| !catalog.contains(*slot)) {
            *unknown.entry(shard.series(slot)).or_default() += 1;
        }
        unknown
    }
}
