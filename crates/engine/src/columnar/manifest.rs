//! The manifest: which blocks the database consists of, and where in the log they end.
//!
//! Manifests are immutable and numbered; the one with the highest number holds. Publishing writes
//! the next number under a temporary name, syncs it, renames it and syncs the directory, so that a
//! reader finds the old state or the new one and nothing between. The format is described in
//! `docs/formats/manifest.md`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use timberline_block::BlockMeta;
use timberline_codec::sealed_text;
use timberline_io::Disk;
use timberline_model::LogOffset;

use super::tombstone::Tombstone;
use crate::EngineError;

/// First line of every manifest; the number is the format's version. See `docs/formats/manifest.md`.
const MAGIC: &str = "timberline manifest 1";
/// Manifests kept behind the current one, for people who look into a directory.
const OLD_MANIFESTS_KEPT: usize = 2;
/// A manifest larger than this is not one of ours.
const MANIFEST_BYTES_MAX: usize = 256 << 20;

/// The state of a database, apart from what its log still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Rises by one with each publication.
    pub(crate) number: u64,
    /// Frames that end at or before this offset are in the blocks.
    pub(crate) flushed_to: u64,
    /// The offset of the series dictionary in force, if there is one: at or after `flushed_to`.
    pub(crate) dictionary: Option<u64>,
    /// The metadata of families in force at `flushed_to`, if there is any. Manifests from before there
    /// was metadata do not have the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<u64>,
    /// The duplicate policy of the database.
    pub(crate) duplicates: String,
    /// Shards of series numbers; part of their meaning.
    pub(crate) shard_count: u32,
    /// Number of the next tombstone.
    pub(crate) next_tombstone: u64,
    /// Deletions that blocks still need, oldest first.
    pub(crate) tombstones: Vec<Tombstone>,
    /// Sequence number for the next block. Later blocks have newer samples.
    pub(crate) next_sequence: u64,
    /// The blocks, oldest first.
    pub(crate) blocks: Vec<BlockEntry>,
}

/// One block of the manifest: enough to know what a missing one would have held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlockEntry {
    /// Name of its directory.
    pub(crate) ulid: String,
    /// Its age: of two samples at one instant, that of the higher sequence came later.
    pub(crate) sequence: u64,
    /// The level of the windows it was made for; 0 for what was flushed.
    pub(crate) level: u8,
    /// Tombstones up to this number take nothing from it.
    pub(crate) clean_to: u64,
    /// Its first instant, in nanoseconds.
    pub(crate) min_ts: i64,
    /// Its last instant, in nanoseconds.
    pub(crate) max_ts: i64,
    /// Series in it.
    pub(crate) series: u64,
    /// Samples in it.
    pub(crate) samples: u64,
    /// Bytes of all its files.
    pub(crate) bytes: u64,
}

impl BlockEntry {
    /// What the manifest says of a block that is clean of the deletions up to a tombstone.
    pub(crate) fn of(meta: &BlockMeta, clean_to: u64) -> Self {
        Self {
            ulid: meta.ulid.to_string(),
            sequence: meta.sequence,
            level: meta.level,
            clean_to,
            min_ts: meta.min_ts,
            max_ts: meta.max_ts,
            series: meta.series,
            samples: meta.samples,
            bytes: meta.bytes,
        }
    }

    /// Whether this is the entry of a block.
    pub(crate) fn is(&self, meta: &BlockMeta) -> bool {
        self.sequence == meta.sequence && self.ulid == meta.ulid.to_string()
    }

    /// In what a block is not the one that the manifest lists, if in anything.
    pub(crate) fn contradicts(&self, meta: &BlockMeta) -> Option<String> {
        let found = Self::of(meta, self.clean_to);
        (found != *self).then(|| format!("the manifest lists {self:?}, the block says {found:?}"))
    }
}

impl Manifest {
    /// The newest manifest of a directory, or `None` where there is none yet.
    ///
    /// A damaged newest manifest is an error, never a reason to take an older one: the log may have
    /// been truncated since.
    pub(crate) fn load(disk: &dyn Disk, dir: &Path) -> Result<Option<Self>, EngineError> {
        let Some(newest) = numbers(disk, dir)?.last().copied() else { return Ok(None) };
        let manifest = Self::read(disk, dir, newest)?;
        let path = path_of(dir, newest);
        manifest.map(Some).map_err(|reason| EngineError::Manifest { path, reason })
    }

    /// A manifest by its number, or what is wrong with it.
    pub(super) fn read(
        disk: &dyn Disk,
        dir: &Path,
        number: u64,
    ) -> Result<Result<Self, String>, EngineError> {
        let path = path_of(dir, number);
        let bytes = disk.read(&path).map_err(EngineError::disk("read", &path))?;
        Ok(Self::decode(&bytes).and_then(|manifest| match manifest.number == number {
            true => Ok(manifest),
            false => Err(format!("it says that it is number {}", manifest.number)),
        }))
    }

    /// Makes this the manifest in force, and forgets old ones.
    pub(crate) fn publish(&self, disk: &dyn Disk, dir: &Path) -> Result<(), EngineError> {
        self.prepare(disk, dir)?;
        self.promote(disk, dir)
    }

    /// Writes the manifest under its temporary name. Until [`promote`](Self::promote) the old one is
    /// in force, whatever happens.
    pub(crate) fn prepare(&self, disk: &dyn Disk, dir: &Path) -> Result<(), EngineError> {
        let temporary = path_of(dir, self.number).with_extension("tmp");
        match disk.remove_file(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(EngineError::disk("remove", &temporary)(error));
            }
            _ => {}
        }
        let file = disk.create(&temporary, 0).map_err(EngineError::disk("create", &temporary))?;
        file.write_all_at(&self.encode(), 0).map_err(EngineError::disk("write", &temporary))?;
        file.sync_data().map_err(EngineError::disk("sync", &temporary))?;
        disk.reach("manifest.written");
        Ok(())
    }

    /// Gives the prepared manifest its name. After an error it is unknown which manifest the disk
    /// will have after a restart, so nothing that either of them lists may be removed.
    pub(crate) fn promote(&self, disk: &dyn Disk, dir: &Path) -> Result<(), EngineError> {
        let path = path_of(dir, self.number);
        let temporary = path.with_extension("tmp");
        disk.rename(&temporary, &path).map_err(EngineError::disk("rename", &temporary))?;
        disk.reach("manifest.renamed");
        disk.sync_dir(dir).map_err(EngineError::disk("sync", dir))?;
        disk.reach("manifest.durable");
        Self::remove_old(disk, dir, self.number);
        Ok(())
    }

    /// Old manifests are only litter: one that cannot be removed is removed next time.
    fn remove_old(disk: &dyn Disk, dir: &Path, newest: u64) {
        let Ok(numbers) = numbers(disk, dir) else { return };
        let old: Vec<u64> = numbers.into_iter().filter(|number| *number < newest).collect();
        for number in old.iter().rev().skip(OLD_MANIFESTS_KEPT) {
            let _ = disk.remove_file(&path_of(dir, *number));
        }
    }

    /// The number of the newest deletion, to which blocks written now are clean.
    pub(crate) fn newest_tombstone(&self) -> u64 {
        self.next_tombstone.saturating_sub(1)
    }

    pub(crate) fn flushed_to(&self) -> LogOffset {
        LogOffset(self.flushed_to)
    }

    fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        sealed_text::seal(MAGIC, &json)
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let json = sealed_text::open(MAGIC, bytes, MANIFEST_BYTES_MAX)?;
        serde_json::from_str(json).map_err(|error| error.to_string())
    }
}

pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}"))
}

/// Numbers of the manifests in a directory, ascending. Other files are left alone.
pub(super) fn numbers(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, EngineError> {
    let entries = disk.list(dir).map_err(EngineError::disk("list", dir))?;
    let plain = |name: &str| name.len() == 20 && name.bytes().all(|b| b.is_ascii_digit());
    let mut numbers: Vec<u64> = entries
        .iter()
        .filter(|entry| !entry.is_dir && plain(&entry.name))
        .filter_map(|entry| entry.name.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests;
