//! The dictionary of all series: out of the head at a flush, into a new one at recovery.

use std::sync::atomic::Ordering;

use timberline_log::checkpoint::{Part, PartEncoder};

use super::{
    catalog::{Catalog, PartError},
    place::{SHARD_COUNT, ShardIndex},
    root::Head,
};

impl Head {
    /// All series, a part for each shard. Series that are created meanwhile may be missing. Creating
    /// series in a shard waits while its part is made, about 50 ns a series.
    pub fn dictionary(&self) -> impl Iterator<Item = PartEncoder> + '_ {
        self.new_series.store(0, Ordering::Relaxed);
        self.shards().map(|(index, shard)| shard.catalog.read().to_part(index.get() as u32))
    }

    /// Takes in a part of the dictionary, for a shard that has no series yet. Parts may be taken in in
    /// parallel.
    ///
    /// # Errors
    /// A part that contradicts itself or the numbering of shards.
    pub fn restore(&self, part: &Part<'_>) -> Result<(), String> {
        let number = part.number() as usize;
        if number >= SHARD_COUNT {
            return Err(format!("its part {number} belongs to no shard"));
        }
        let index = ShardIndex::new(number);
        let in_shard = |hash| ShardIndex::of_hash(hash) == index;
        let catalog = Catalog::of_part(part, in_shard).map_err(|error| match error {
            PartError::Malformed(error) => format!("part {number}: {error}"),
            PartError::Contradiction(reason) => format!("part {number}: {reason}"),
        })?;
        let shard = self.shard(index);
        let mut place = shard.catalog.write();
        if place.slot_end() > 0 {
            return Err(format!("part {number} stands there twice"));
        }
        shard.recovered_end.store(catalog.slot_end(), Ordering::Relaxed);
        shard.slot_end.store(catalog.slot_end(), Ordering::Release);
        self.series_count.fetch_add(u64::from(catalog.len()), Ordering::Relaxed);
        *place = catalog;
        Ok(())
    }
}
