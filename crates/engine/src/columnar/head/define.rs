//! Recovery's side of the catalog: series come back at their very slots.

use std::sync::atomic::Ordering;

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
    /// The same definition may come any number of times. Series of different shards may be defined
    /// in parallel.
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
        match catalog.find(hash, labels) {
            Some(known) if known == slot => return Ok(()),
            Some(_) => return Err(damaged("its labels have another number")),
            None => {}
        }
        if catalog.contains(slot) {
            return Err(damaged("its number has other labels"));
        }
        if slot == u32::MAX || slot > catalog.slot_end().saturating_add(GAP_MAX) {
            return Err(damaged("its number is far beyond all others"));
        }
        if !catalog.insert(slot, hash, labels) {
            return Err(damaged("there is no room for it"));
        }
        let slot_end = catalog.slot_end();
        shard.recovered_end.fetch_max(slot + 1, Ordering::Relaxed);
        shard.slot_end.store(slot_end, Ordering::Release);
        self.series_count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
