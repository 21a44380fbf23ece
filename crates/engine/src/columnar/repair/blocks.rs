//! New blocks of what can be read of damaged ones.

use std::{io, path::Path};

use timberline_block::{Block, BlockMeta, BlockOutline, BlockWriter, TEMPORARY_SUFFIX};
use timberline_io::Disk;
use timberline_model::SeriesColumns;
use ulid::Ulid;

use super::Repair;
use crate::{
    EngineError,
    columnar::{
        check::verified,
        manifest::{BlockEntry, Manifest},
    },
};

/// What became of a damaged block.
#[derive(Default)]
struct Salvaged {
    block: Option<BlockMeta>,
    series_lost: u64,
    pages_lost: u64,
    samples_lost: u64,
}

impl Repair<'_> {
    /// Replaces the damaged blocks of a manifest, and publishes the result.
    pub(super) fn blocks(&mut self, manifest: &Manifest) -> Result<(), EngineError> {
        let (mut next, mut gone) = (manifest.clone(), Vec::new());
        next.blocks.clear();
        for entry in &manifest.blocks {
            match self.mend(manifest, entry)? {
                Some(kept) if kept == *entry => next.blocks.push(kept),
                kept => {
                    next.blocks.extend(kept);
                    gone.push(entry.ulid.clone());
                }
            }
        }
        if gone.is_empty() && next.blocks == manifest.blocks {
            return Ok(());
        }
        next.number = manifest.number.saturating_add(1);
        next.blocks.sort_by_key(|block| block.sequence);
        let disk = self.disk.as_ref();
        next.publish(disk, &self.layout.manifests())?;
        self.did(format!("published manifest {} with {} blocks", next.number, next.blocks.len()));
        for name in gone {
            // A second name of each of its files is in the quarantine.
            remove_dir(disk, &self.layout.block(&name))?;
        }
        Ok(())
    }

    /// The entry of a sound block, that of the one which takes a damaged one's place, or none.
    fn mend(
        &mut self,
        manifest: &Manifest,
        entry: &BlockEntry,
    ) -> Result<Option<BlockEntry>, EngineError> {
        let dir = self.layout.block(&entry.ulid);
        let described = format!(
            "block {} ({} samples of {} series, from {} to {} ns)",
            entry.ulid, entry.samples, entry.series, entry.min_ts, entry.max_ts
        );
        if self.disk.list(&dir).is_err() {
            self.lost(format!("{described}: its directory is missing"));
            self.did(format!("left block {} out of the manifest", entry.ulid));
            return Ok(None);
        }
        let reason = match verified(self.disk.as_ref(), &dir) {
            Ok(block) => match entry.contradicts(block.meta()) {
                None => return Ok(Some(entry.clone())),
                Some(reason) => {
                    // It is whole, and says itself what it is.
                    self.did(format!("corrected the manifest: {reason}"));
                    return Ok(Some(BlockEntry::of(block.meta(), entry.clean_to)));
                }
            },
            Err(reason) => reason,
        };
        self.quarantine.keep_dir(&dir)?;
        self.did(format!("copied block {} to the quarantine: {reason}", entry.ulid));
        let salvaged = match self.salvage(manifest, entry) {
            Ok(salvaged) => salvaged,
            Err(error) if error.kind() == timberline_model::ErrorKind::Corrupt => {
                self.lost(format!("{described}, all of it: {error}"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Salvaged { block, series_lost, pages_lost, samples_lost } = salvaged;
        if block.is_some() && series_lost + pages_lost > 0 {
            self.lost(format!(
                "of {described}: {series_lost} series, and of others {pages_lost} pages with \
                 {samples_lost} samples"
            ));
        }
        let Some(block) = block else {
            self.lost(format!("{described}, all of it: nothing in it can be read"));
            return Ok(None);
        };
        self.did(format!(
            "wrote block {} with the {} samples of {} series that can be read of block {}",
            block.ulid, block.samples, block.series, entry.ulid
        ));
        Ok(Some(BlockEntry::of(&block, entry.clean_to)))
    }

    /// Writes a block of all that can be read of another, of the same age and level.
    fn salvage(&self, manifest: &Manifest, entry: &BlockEntry) -> Result<Salvaged, EngineError> {
        let mut salvaged = Salvaged::default();
        let Ok(ulid) = Ulid::from_string(&entry.ulid) else { return Ok(salvaged) };
        let outline = BlockOutline { ulid, level: entry.level, sequence: entry.sequence };
        let dir = self.layout.block(&entry.ulid);
        let block = Block::open_damaged(self.disk.as_ref(), &dir, outline)?;
        // Unlike the names of flushes and compactions.
        let number = u128::from(manifest.number) << 64 | 1 << 63 | u128::from(entry.sequence);
        let name = Ulid::from_parts(self.now_ms(), number);
        // Left by a repair that did not come to publish it: a manifest with it has a higher number.
        remove_dir(self.disk.as_ref(), &self.layout.block(&name.to_string()))?;
        let mut writer =
            BlockWriter::create(self.disk, &self.layout.blocks(), name, entry.sequence)?;
        writer.set_level(entry.level);
        let (mut columns, mut exemplars) = (SeriesColumns::default(), Vec::new());
        let mut previous = None;
        for series in 0..block.series_count() {
            columns.clear();
            exemplars.clear();
            let Some(found) = block.salvage(series, &mut columns, &mut exemplars) else {
                salvaged.series_lost += 1;
                continue;
            };
            salvaged.pages_lost += found.pages_lost;
            salvaged.samples_lost += found.samples_lost;
            let in_order = previous.as_ref().is_none_or(|previous| *previous < found.labels);
            let ascends = columns.timestamps.is_sorted()
                && columns.histograms.timestamps.is_sorted()
                && exemplars.is_sorted_by_key(|exemplar| exemplar.ts);
            if columns.is_empty() && exemplars.is_empty() {
                continue;
            }
            if !in_order || !ascends {
                // What contradicts itself in spite of its checksums cannot be told right from wrong.
                salvaged.series_lost += 1;
                continue;
            }
            writer.start_series(&found.labels)?;
            writer.push(&mut columns)?;
            writer.push_exemplars(&exemplars)?;
            previous = Some(found.labels);
        }
        if writer.series_count() > 0 {
            salvaged.block = Some(writer.finish()?);
        } else {
            drop(writer);
            let unfinished = self.layout.block(&format!("{name}{TEMPORARY_SUFFIX}"));
            remove_dir(self.disk.as_ref(), &unfinished)?;
        }
        Ok(salvaged)
    }
}

fn remove_dir(disk: &dyn Disk, dir: &Path) -> Result<(), EngineError> {
    match disk.remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(EngineError::disk("remove", dir)(error))
        }
        _ => Ok(()),
    }
}
