//! Changing the list of blocks: compaction puts one in the place of several, retention takes some
//! away.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use timberline_block::{Block, TEMPORARY_SUFFIX};
use timberline_io::Disk;
use timberline_model::{ErrorKind, NANOS_PER_MILLI, TimeRange};
use ulid::Ulid;

use super::{
    compact::{Compaction, CompactionOutcome, plan, plan_cleaning},
    engine::{FlushState, Inner},
    head::Epoch,
    live_block::LiveBlock,
    maintenance::WINDOW_GRACE,
    manifest::{BlockEntry, Manifest},
    throttle::ThrottledDisk,
    view::View,
};
use crate::EngineError;

impl Inner {
    /// Does one compaction, if one is due.
    pub(super) fn compact(&self) -> Result<Option<CompactionOutcome>, EngineError> {
        let mut damaged = self.compacting.lock();
        let view = self.view();
        // After the view is taken: one that is older than the import holds nothing younger.
        if self.imports.load(Ordering::Acquire) > 0 {
            return Ok(None);
        }
        let aside = view.set_aside.iter().map(|(block, _)| range_of(block));
        let untouchable: Vec<TimeRange> = aside.chain(damaged.iter().copied()).collect();
        let spans = self.options.compaction_nanos();
        let closed = self.closed_before();
        let dirty = |block: &BlockEntry| {
            view.blocks.iter().any(|live| live.is_dirty() && block.is(live.meta()))
        };
        let blocks = &view.manifest.blocks;
        let merge = plan(blocks, &spans, closed, &untouchable);
        let Some(job) = merge.or_else(|| plan_cleaning(blocks, dirty, &untouchable)) else {
            return Ok(None);
        };
        let merged: Vec<BlockEntry> =
            job.inputs.iter().map(|index| view.manifest.blocks[*index].clone()).collect();
        let names: HashSet<&str> = merged.iter().map(|block| block.ulid.as_str()).collect();
        let is_input = |block: &&LiveBlock| names.contains(block.meta().ulid.to_string().as_str());
        let inputs: Vec<LiveBlock> = view.blocks.iter().filter(is_input).cloned().collect();
        let now_ms = u64::try_from(self.clock.now() / NANOS_PER_MILLI).unwrap_or(0);
        // Unlike a flush's, so that the two never collide.
        let ulid = Ulid::from_parts(now_ms, u128::from(view.manifest.number) << 64);
        let _in_work = InWork::begin(self, ulid);
        self.disk.reach("compact.begun");
        let throttled: Arc<dyn Disk> = Arc::new(ThrottledDisk::new(&self.disk, &self.throttle));
        let compaction = Compaction {
            disk: &throttled,
            layout: &self.layout,
            policy: self.policy,
            ulid,
            level: job.level,
            codec: self.options.codec,
            is_canceled: &|| self.is_closing(),
        };
        let result = compaction.run(&inputs);
        if !matches!(result, Ok(Some(_))) {
            // What stays is swept later.
            let unfinished = self.layout.block(&format!("{ulid}{TEMPORARY_SUFFIX}"));
            let _ = self.disk.remove_dir_all(&unfinished);
        }
        let meta = result.inspect_err(|error| {
            if error.kind() == ErrorKind::Corrupt {
                damaged.extend(merged.iter().map(range_of));
            }
        })?;
        self.disk.reach("compact.written");
        let clean_to = view.manifest.newest_tombstone();
        let block = match &meta {
            Some(_) => {
                let dir = self.layout.block(&ulid.to_string());
                Some((Block::open(self.disk.as_ref(), &dir)?, clean_to))
            }
            None => None,
        };
        self.replace_blocks(&names, block)?;
        self.counters.count_compaction();
        Ok(Some(CompactionOutcome {
            bytes_before: merged.iter().map(|block| block.bytes).sum(),
            merged: merged.into_iter().map(|block| block.ulid).collect(),
            block: meta.as_ref().map(|_| ulid.to_string()),
            samples: meta.as_ref().map_or(0, |meta| meta.samples),
            bytes_after: meta.as_ref().map_or(0, |meta| meta.bytes),
        }))
    }

    /// Windows that end before this instant are closed: they get no more samples as a rule.
    pub(super) fn closed_before(&self) -> i64 {
        self.clock.now().saturating_sub(WINDOW_GRACE)
    }

    /// Removes the blocks that the retention no longer covers, and returns their names.
    pub(super) fn retain(&self) -> Result<Vec<String>, EngineError> {
        // A compaction of blocks that go meanwhile would bring them back.
        let _no_compaction = self.compacting.lock();
        let view = self.view();
        let retention = *self.retention.read();
        let gone = retention.expired(&view.manifest.blocks, self.clock.now());
        if gone.is_empty() {
            return Ok(gone);
        }
        self.disk.reach("retain.begun");
        self.replace_blocks(&gone.iter().map(String::as_str).collect(), None)?;
        Ok(gone)
    }

    /// Publishes the list of blocks without some and with another, which comes with the number of the
    /// deletion to which it is clean, and removes those that went.
    fn replace_blocks(
        &self,
        gone: &HashSet<&str>,
        new: Option<(Block, u64)>,
    ) -> Result<(), EngineError> {
        let mut state = self.flushing.lock();
        self.check_publishable(&state)?;
        let current = self.view();
        let mut manifest: Manifest = current.manifest.clone();
        manifest.number += 1;
        manifest.blocks.retain(|block| !gone.contains(block.ulid.as_str()));
        let mut blocks = current.blocks.clone();
        blocks.retain(|block| !gone.contains(block.meta().ulid.to_string().as_str()));
        if let Some((new, clean_to)) = new {
            manifest.blocks.push(BlockEntry::of(new.meta(), clean_to));
            blocks.push(LiveBlock::new(Arc::new(new), clean_to, &manifest.tombstones)?);
        }
        manifest.blocks.sort_by_key(|block| block.sequence);
        blocks.sort_by_key(|block| block.meta().sequence);
        let mut set_aside = current.set_aside.clone();
        set_aside.retain(|(block, _)| !gone.contains(block.ulid.as_str()));
        manifest.forget_tombstones(&blocks, &set_aside);
        let flushed = current.flushed;
        drop(current);
        self.publish(&mut state, View { manifest, blocks, set_aside, flushed }, flushed)?;
        drop(state);
        self.disk.reach("blocks.in_force");
        for name in gone {
            // Reads that still have the block have it mapped; the next sweep removes what stays.
            let dir = self.layout.block(name);
            if let Err(error) = self.disk.remove_dir_all(&dir) {
                tracing::warn!(block = name, %error, "a superseded block could not be removed");
            }
            self.disk.reach("blocks.one_removed");
        }
        Ok(())
    }

    /// Puts a view and its manifest in force.
    pub(super) fn publish(
        &self,
        state: &mut FlushState,
        view: View,
        flushed: Epoch,
    ) -> Result<(), EngineError> {
        let (disk, dir) = (self.disk.as_ref(), self.layout.manifests());
        view.manifest.prepare(disk, &dir)?;
        state.in_doubt = true;
        view.manifest.promote(disk, &dir)?;
        state.in_doubt = false;
        self.put_in_force(view, flushed);
        Ok(())
    }
}

/// Keeps a block that is being written from being swept.
struct InWork<'a> {
    inner: &'a Inner,
    name: String,
}

impl<'a> InWork<'a> {
    fn begin(inner: &'a Inner, ulid: Ulid) -> Self {
        let name = ulid.to_string();
        inner.in_work.lock().insert(name.clone());
        Self { inner, name }
    }
}

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        self.inner.in_work.lock().remove(&self.name);
    }
}

fn range_of(block: &BlockEntry) -> TimeRange {
    TimeRange::new(block.min_ts, block.max_ts)
}
