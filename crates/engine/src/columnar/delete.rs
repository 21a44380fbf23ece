//! Deleting samples: invisible at once, gone from the disk with the next compaction.

use timberline_model::{Matcher, TimeRange};

use super::{
    engine::Inner,
    live_block::LiveBlock,
    manifest::{BlockEntry, Manifest},
    tombstone::Tombstone,
    view::View,
};
use crate::EngineError;

impl Inner {
    /// Deletes the samples in a range of the series that any of the selectors picks.
    pub(super) fn delete(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<(), EngineError> {
        let mut state = self.flushing.lock();
        self.check_publishable(&state)?;
        self.disk.reach("delete.begun");
        // After this, all that was acknowledged is in blocks, and what comes is newer than this.
        self.flush_locked(&mut state)?;
        self.disk.reach("delete.flushed");
        let current = self.view();
        let mut manifest: Manifest = current.manifest.clone();
        for matchers in selectors {
            manifest.tombstones.push(Tombstone::new(manifest.next_tombstone, matchers, range));
            manifest.next_tombstone += 1;
        }
        let blocks = manifest.live(&current.blocks)?;
        manifest.forget_tombstones(&blocks, &current.set_aside);
        if manifest.tombstones == current.manifest.tombstones {
            return Ok(());
        }
        manifest.number += 1;
        let (set_aside, flushed) = (current.set_aside.clone(), current.flushed);
        drop(current);
        // A repeat of what goes now is no repeat.
        self.head.doubt_newest(range);
        self.publish(&mut state, View { manifest, blocks, set_aside, flushed }, flushed)?;
        self.disk.reach("delete.in_force");
        Ok(())
    }
}

impl Manifest {
    /// The blocks with what the tombstones take from each.
    pub(super) fn live(&self, blocks: &[LiveBlock]) -> Result<Vec<LiveBlock>, EngineError> {
        let live = |live: &LiveBlock| {
            let clean_to = self.clean_to(&live.meta().ulid.to_string());
            LiveBlock::new(live.block().clone(), clean_to, &self.tombstones)
        };
        blocks.iter().map(live).collect()
    }

    /// The tombstone up to which a block holds nothing that was deleted.
    pub(super) fn clean_to(&self, ulid: &str) -> u64 {
        let entry = self.blocks.iter().find(|block| block.ulid == ulid);
        entry.map_or(u64::MAX, |block| block.clean_to)
    }

    /// Drops the tombstones that take nothing from any block.
    pub(super) fn forget_tombstones(
        &mut self,
        blocks: &[LiveBlock],
        set_aside: &[(BlockEntry, String)],
    ) {
        let entries = &self.blocks;
        let covers = |tombstone: &Tombstone, ulid: &str, range: TimeRange| {
            let entry = entries.iter().find(|block| block.ulid == ulid);
            entry.is_some_and(|block| block.clean_to < tombstone.number)
                && tombstone.range().overlaps(&range)
        };
        self.tombstones.retain(|tombstone| {
            let in_block = |live: &LiveBlock| {
                live.is_dirty() && covers(tombstone, &live.meta().ulid.to_string(), live.range())
            };
            // What cannot be read may hold what was deleted.
            let in_aside = |(block, _): &(BlockEntry, String)| {
                covers(tombstone, &block.ulid, TimeRange::new(block.min_ts, block.max_ts))
            };
            blocks.iter().any(in_block) || set_aside.iter().any(in_aside)
        });
    }
}
