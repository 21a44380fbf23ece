//! A manifest from what there is, where the one in force is lost or damaged.
//!
//! Blocks say themselves what they hold. Where the log begins to matter is the offset of the oldest
//! dictionary that the log still covers: what lies before it is in blocks. What an older manifest
//! knows, if one is sound, is taken over: deletions, and which blocks are clean of them.

use std::{io, path::Path};

use timberline_block::{Block, BlockMeta};
use timberline_io::Disk;
use timberline_log::checkpoint;
use timberline_model::DuplicatePolicy;
use ulid::Ulid;

use super::Repair;
use crate::{
    EngineError,
    columnar::{
        head::SHARD_COUNT,
        layout::Layout,
        manifest::{BlockEntry, Manifest, numbers, path_of},
    },
};

/// The end of a log segment's name.
const SEGMENT_EXTENSION: &str = ".log";
/// The end of the name of a file of metadata.
const METADATA_EXTENSION: &str = ".metadata";

impl Repair<'_> {
    /// The manifest in force, made anew if need be. Damaged ones are in the quarantine afterwards.
    pub(super) fn manifest(&mut self) -> Result<Manifest, EngineError> {
        let disk = self.disk.as_ref();
        let dir = self.layout.manifests();
        disk.create_dir_all(&dir).map_err(EngineError::disk("create", &dir))?;
        let numbers = numbers(disk, &dir)?;
        let (mut newest, mut damaged, mut texts) = (None, Vec::new(), Vec::new());
        for number in &numbers {
            match Manifest::read(disk, &dir, *number)? {
                Ok(manifest) => newest = Some(manifest),
                Err(_) => {
                    let path = path_of(&dir, *number);
                    let bytes = disk.read(&path).map_err(EngineError::disk("read", &path))?;
                    texts.push(String::from_utf8_lossy(&bytes).into_owned());
                    self.quarantine.keep_file(&path)?;
                    damaged.push(path);
                }
            }
        }
        let last = numbers.last().copied();
        let manifest = match newest {
            Some(newest) if Some(newest.number) == last => newest,
            older => {
                let number = last.unwrap_or(0).saturating_add(1);
                let manifest = self.rebuild(number, older, &texts)?;
                manifest.publish(disk, &dir)?;
                self.did(format!(
                    "made manifest {number} of {} blocks and the log from offset {}",
                    manifest.blocks.len(),
                    manifest.flushed_to
                ));
                manifest
            }
        };
        for path in damaged {
            match disk.remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(EngineError::disk("remove", &path)(error));
                }
                _ => {}
            }
            self.did(format!("moved the damaged manifest {} to the quarantine", path.display()));
        }
        disk.sync_dir(&dir).map_err(EngineError::disk("sync", &dir))?;
        Ok(manifest)
    }

    fn rebuild(
        &mut self,
        number: u64,
        older: Option<Manifest>,
        damaged: &[String],
    ) -> Result<Manifest, EngineError> {
        let duplicates = self.policy(older.as_ref(), damaged);
        let (flushed_to, dictionary) = self.offsets()?;
        match &older {
            Some(older) => self.lost(format!(
                "deletions made after manifest {} was in force: what they deleted is back, unless a \
                 compaction had already removed it",
                older.number
            )),
            None => self.lost(
                "all deletions that no compaction had carried out yet: what they deleted is back",
            ),
        }
        let base = older.unwrap_or(Manifest {
            number: 0,
            flushed_to,
            dictionary,
            metadata: None,
            duplicates: String::new(),
            shard_count: SHARD_COUNT as u32,
            next_tombstone: 1,
            tombstones: Vec::new(),
            next_sequence: 1,
            blocks: Vec::new(),
        });
        let mut blocks = self.entries(&base)?;
        blocks.sort_by_key(|block| block.sequence);
        let newest = blocks.iter().map(|block| block.sequence.saturating_add(1)).max();
        Ok(Manifest {
            number,
            flushed_to,
            dictionary,
            metadata: self.families(flushed_to)?,
            duplicates: duplicates.to_string(),
            next_sequence: newest.unwrap_or(1).max(base.next_sequence),
            blocks,
            ..base
        })
    }

    /// The policy: as asked for, as an older manifest says, as a damaged one still spells it.
    fn policy(&mut self, older: Option<&Manifest>, damaged: &[String]) -> DuplicatePolicy {
        let spelled = |text: &String| {
            let (_, rest) = text.split_once("\"duplicates\": \"")?;
            rest.split_once('"')?.0.parse().ok()
        };
        let known = older.and_then(|older| older.duplicates.parse().ok());
        let known = known.or_else(|| damaged.iter().rev().find_map(spelled));
        self.options.duplicates.or(known).unwrap_or_else(|| {
            self.lost(
                "the duplicate policy: the default is taken, `last`; --duplicates names another",
            );
            DuplicatePolicy::default()
        })
    }

    /// From where the log is needed, and which dictionary says what its series are.
    fn offsets(&mut self) -> Result<(u64, Option<u64>), EngineError> {
        let disk = self.disk.as_ref();
        let log_start = log_start(disk, self.layout)?;
        let dictionaries = checkpoint::list(disk, &self.layout.dictionaries())?;
        let sound = |(_, path): &&(_, std::path::PathBuf)| {
            checkpoint::read(disk, path, &mut |_, _| ()).is_ok()
        };
        let covered: Vec<_> = dictionaries
            .iter()
            .filter(|(offset, _)| log_start.is_none_or(|start| offset.0 >= start))
            .collect();
        let chosen = covered.iter().copied().find(sound).or(covered.first().copied());
        if let Some((offset, _)) = chosen {
            // A dictionary may be newer than the blocks; the log begins where those end.
            let flushed_to = log_start.map_or(offset.0, |start| offset.0.min(start));
            return Ok((flushed_to, Some(offset.0)));
        }
        let start = log_start.unwrap_or(0);
        let before = dictionaries.iter().map(|(offset, _)| offset.0).max();
        if start > 0 {
            self.lost(format!(
                "the series dictionary at log offset {start}: samples in the log of series that were \
                 created before cannot be told apart"
            ));
        }
        Ok((start, before))
    }

    /// The offset of the metadata of families: that which belongs to the dictionary, or else the newest
    /// that there is, since what changed after it is in the log.
    fn families(&self, flushed_to: u64) -> Result<Option<u64>, EngineError> {
        let dir = self.layout.dictionaries();
        let offsets = offsets_in(self.disk.as_ref(), &dir, METADATA_EXTENSION)?;
        let own = offsets.iter().find(|offset| **offset == flushed_to);
        Ok(own.or(offsets.last()).copied())
    }

    /// The blocks that there are.
    fn entries(&mut self, base: &Manifest) -> Result<Vec<BlockEntry>, EngineError> {
        let disk = self.disk.as_ref();
        let dir = self.layout.blocks();
        let found = match disk.list(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            found => found.map_err(EngineError::disk("list", &dir))?,
        };
        let mut entries = Vec::new();
        for found in found.iter().filter(|entry| entry.is_dir) {
            let Ok(ulid) = Ulid::from_string(&found.name) else { continue };
            let known = base.blocks.iter().find(|entry| entry.ulid == found.name);
            let opened = Block::open(disk, &dir.join(&found.name));
            entries.push(match (known, opened) {
                (Some(known), _) => known.clone(),
                (None, Ok(block)) => BlockEntry::of(block.meta(), base.newest_tombstone()),
                // What can be read of it is found out when its turn comes.
                (None, Err(_)) => BlockEntry::of(&unknown(ulid), base.newest_tombstone()),
            });
        }
        let is_there = |known: &&BlockEntry| entries.iter().any(|entry| entry.ulid == known.ulid);
        for gone in base.blocks.iter().filter(|known| !is_there(known)) {
            self.acts.push(format!(
                "left out block {}, which manifest {} lists and which is not there: it was merged into \
                 another, was too old, or is lost",
                gone.ulid, base.number
            ));
        }
        Ok(entries)
    }
}

/// What stands for the meta of a block that cannot be read. A block that was flushed has its age in its
/// name.
fn unknown(ulid: Ulid) -> BlockMeta {
    let sequence = u64::try_from(ulid.random() & u128::from(u64::MAX >> 1)).unwrap_or(0);
    BlockMeta {
        ulid,
        version: timberline_block::VERSION,
        level: 0,
        sequence,
        min_ts: 0,
        max_ts: 0,
        series: 0,
        pages: 0,
        samples: 0,
        histograms: 0,
        exemplars: 0,
        bytes: 0,
        files: Vec::new(),
    }
}

/// The offset of the first segment of the log, if it has any.
fn log_start(disk: &dyn Disk, layout: &Layout) -> Result<Option<u64>, EngineError> {
    Ok(offsets_in(disk, &layout.log(), SEGMENT_EXTENSION)?.first().copied())
}

/// The offsets of the log that the names of files with an ending say, ascending.
fn offsets_in(disk: &dyn Disk, dir: &Path, extension: &str) -> Result<Vec<u64>, EngineError> {
    let found = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        found => found.map_err(EngineError::disk("list", dir))?,
    };
    let offset = |name: &str| name.strip_suffix(extension)?.parse::<u64>().ok();
    let mut offsets: Vec<u64> = found.iter().filter_map(|entry| offset(&entry.name)).collect();
    offsets.sort_unstable();
    Ok(offsets)
}
