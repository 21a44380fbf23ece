//! Recovery: from a directory to a head, by the one equation.
//!
//! ```text
//! state = blocks in the manifest + log replayed from the manifest's `flushed_to`
//! ```
//!
//! The log is read and decoded by one thread and applied by several, each of which owns some of the
//! shards, so every shard sees the order of the log. Damage that does not keep the rest from being
//! served is named in [`Damage`] and served around; damage of the manifest or the dictionary, without
//! which nothing can be trusted, is an error.

use std::{
    collections::HashSet,
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use timberline_block::Block;
use timberline_io::{Disk, FileLock};
use timberline_log::{
    Log,
    checkpoint::{self, Checkpoint},
    metadata,
};
use timberline_model::{DuplicatePolicy, LogOffset};

use super::{
    EngineOptions,
    families::Families,
    head::{Epoch, Head, HeadOptions, SHARD_COUNT},
    layout::Layout,
    live_block::LiveBlock,
    manifest::{BlockEntry, Manifest},
    sweep::sweep,
    tombstone::Tombstone,
    view::View,
};
use crate::EngineError;

mod frames;
mod replay;

/// Threads that read the dictionary, or apply what the log has; another thread decodes the log.
const WORKERS_MAX: usize = 8;

/// Something that was written and cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where, in words: a file, and a place in it.
    pub place: String,
    /// What is wrong and what it means.
    pub reason: String,
}

/// What an engine starts with.
pub(crate) struct Recovered {
    pub(crate) lock: FileLock,
    pub(crate) log: Arc<Log>,
    pub(crate) head: Arc<Head>,
    pub(crate) families: Arc<Families>,
    pub(crate) view: View,
    pub(crate) policy: DuplicatePolicy,
    pub(crate) damage: Vec<Damage>,
}

/// Opens the directory of a database, creating it if need be. One that exists is opened under the
/// policy that it has, whatever the options say.
pub(crate) fn recover(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    options: &EngineOptions,
) -> Result<Recovered, EngineError> {
    let lock = lock(disk.as_ref(), layout)?;
    refuse_unrestored(disk.as_ref(), layout)?;
    let manifest = load_manifest(disk.as_ref(), layout, options)?;
    let policy = policy_of(&manifest, layout)?;
    sweep(disk.as_ref(), layout, &manifest, &HashSet::new())?;
    let mut damage = Vec::new();
    let view = open_blocks(disk.as_ref(), layout, manifest, &mut damage);
    let head =
        Arc::new(Head::new(HeadOptions { duplicates: policy, series_max: options.series_max }));
    if let Some(offset) = view.manifest.dictionary {
        read_dictionary(disk.as_ref(), layout, LogOffset(offset), &head)?;
    }
    let families = Arc::new(read_metadata(disk.as_ref(), layout, &view.manifest)?);
    let ends = view.manifest.blocks.iter().map(|block| block.max_ts);
    head.set_blocks_end(ends.max().unwrap_or(i64::MIN));
    let flushed_to = view.manifest.flushed_to();
    let target = replay::Target { head: &head, families: &families, view: &view };
    let log = replay::replay(disk, layout, options, flushed_to, target, &mut damage)?;
    let log = Arc::new(log);
    Ok(Recovered { lock, log, head, families, view, policy, damage })
}

fn lock(disk: &dyn Disk, layout: &Layout) -> Result<FileLock, EngineError> {
    let dir = layout.dir();
    create_dir(disk, dir)?;
    let lock = disk.lock(&layout.lock()).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => EngineError::Locked { dir: dir.to_owned() },
        _ => EngineError::disk("lock", layout.lock())(error),
    })?;
    for part in [layout.log(), layout.dictionaries(), layout.manifests(), layout.blocks()] {
        disk.create_dir_all(&part).map_err(EngineError::disk("create", &part))?;
    }
    disk.sync_dir(dir).map_err(EngineError::disk("sync", dir))?;
    Ok(lock)
}

/// Refuses a directory that a restore has begun to fill and has not ended.
pub(super) fn refuse_unrestored(disk: &dyn Disk, layout: &Layout) -> Result<(), EngineError> {
    let dir = layout.dir();
    let entries = disk.list(dir).map_err(EngineError::disk("list", dir))?;
    let marker = layout.restoring();
    if entries.iter().any(|entry| marker.ends_with(&entry.name)) {
        return Err(EngineError::Restoring { dir: dir.to_owned() });
    }
    Ok(())
}

/// Creates a directory durably: a name that its parent may forget in a power cut would take the
/// database with it.
fn create_dir(disk: &dyn Disk, dir: &Path) -> Result<(), EngineError> {
    let is_missing = |dir: &&Path| matches!(disk.list(dir), Err(error) if error.kind() == std::io::ErrorKind::NotFound);
    let missing: Vec<&Path> = dir
        .ancestors()
        .filter(|ancestor| !ancestor.as_os_str().is_empty())
        .take_while(is_missing)
        .collect();
    disk.create_dir_all(dir).map_err(EngineError::disk("create", dir))?;
    for created in missing {
        let parent = match created.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        disk.sync_dir(parent).map_err(EngineError::disk("sync", parent))?;
    }
    Ok(())
}

/// The manifest in force. A new directory gets its first one before anything else is written, so that
/// a directory with data and without a manifest is known to have lost it.
fn load_manifest(
    disk: &dyn Disk,
    layout: &Layout,
    options: &EngineOptions,
) -> Result<Manifest, EngineError> {
    let dir = layout.manifests();
    if let Some(manifest) = Manifest::load(disk, &dir)? {
        // It may have got its name just before the last end, and no more. Blocks that it no longer
        // lists are about to be removed, so it must not be forgotten again.
        disk.sync_dir(&dir).map_err(EngineError::disk("sync", &dir))?;
        if manifest.shard_count as usize == SHARD_COUNT {
            return Ok(manifest);
        }
        let reason = format!(
            "its series are numbered for {} shards; this version has {SHARD_COUNT}",
            manifest.shard_count
        );
        return Err(EngineError::Manifest { path: dir, reason });
    }
    for part in [layout.log(), layout.blocks(), layout.dictionaries()] {
        if !is_empty(disk, &part)? {
            let reason = format!("there is none, but {} has data", part.display());
            return Err(EngineError::Manifest { path: dir, reason });
        }
    }
    let manifest = Manifest {
        number: 1,
        flushed_to: 0,
        dictionary: None,
        metadata: None,
        duplicates: options.duplicates.unwrap_or_default().to_string(),
        shard_count: SHARD_COUNT as u32,
        next_tombstone: 1,
        tombstones: Vec::new(),
        next_sequence: 1,
        blocks: Vec::new(),
    };
    manifest.publish(disk, &dir)?;
    Ok(manifest)
}

fn is_empty(disk: &dyn Disk, dir: &Path) -> Result<bool, EngineError> {
    Ok(disk.list(dir).map_err(EngineError::disk("list", dir))?.is_empty())
}

fn policy_of(manifest: &Manifest, layout: &Layout) -> Result<DuplicatePolicy, EngineError> {
    manifest.duplicates.parse().map_err(|error| EngineError::Manifest {
        path: layout.manifests(),
        reason: format!("{error}"),
    })
}

/// Opens every block that the manifest lists. One that cannot be read is set aside.
fn open_blocks(
    disk: &dyn Disk,
    layout: &Layout,
    manifest: Manifest,
    damage: &mut Vec<Damage>,
) -> View {
    let mut blocks = Vec::with_capacity(manifest.blocks.len());
    let mut set_aside = Vec::new();
    for entry in &manifest.blocks {
        let dir = layout.block(&entry.ulid);
        let reason = match open_block(disk, &dir, entry, &manifest.tombstones) {
            Ok(block) => {
                blocks.push(block);
                continue;
            }
            Err(reason) => reason,
        };
        tracing::error!(block = %entry.ulid, %reason, "a block cannot be read and is set aside");
        damage.push(Damage { place: format!("block {}", dir.display()), reason: reason.clone() });
        set_aside.push((entry.clone(), reason));
    }
    View { manifest, blocks, set_aside, flushed: Epoch::default() }
}

fn open_block(
    disk: &dyn Disk,
    dir: &Path,
    entry: &BlockEntry,
    tombstones: &[Tombstone],
) -> Result<LiveBlock, String> {
    let block = Block::open(disk, dir).map_err(|error| error.to_string())?;
    match entry.contradicts(block.meta()) {
        Some(reason) => Err(reason),
        None => LiveBlock::new(Arc::new(block), entry.clean_to, tombstones)
            .map_err(|error| error.to_string()),
    }
}

fn read_metadata(
    disk: &dyn Disk,
    layout: &Layout,
    manifest: &Manifest,
) -> Result<Families, EngineError> {
    let families = Families::default();
    if let Some(offset) = manifest.metadata {
        let read = metadata::read(disk, &layout.dictionaries(), LogOffset(offset))?;
        families.apply(&read);
    }
    Ok(families)
}

/// Reads the dictionary, its parts in parallel.
fn read_dictionary(
    disk: &dyn Disk,
    layout: &Layout,
    offset: LogOffset,
    head: &Head,
) -> Result<(), EngineError> {
    let dir = layout.dictionaries();
    let files = checkpoint::list(disk, &dir)?;
    let Some((_, path)) = files.iter().find(|(found, _)| *found == offset) else {
        return Err(EngineError::DictionaryMissing { dir, offset: offset.0 });
    };
    let contradicts = |reason: String| EngineError::Dictionary { path: path.clone(), reason };
    let checkpoint = Checkpoint::open(disk, path)?;
    let mut contradiction = None;
    checkpoint.read_whole(disk, &mut |series, labels| {
        contradiction = contradiction.take().or(head.define(series, &labels).err());
    })?;
    if let Some(error) = contradiction {
        return Err(contradicts(error.to_string()));
    }
    let next = AtomicUsize::new(0);
    let take_parts = || -> Result<(), EngineError> {
        let mut buffer = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= checkpoint.part_count() {
                return Ok(());
            }
            let part = checkpoint.part(disk, index, &mut buffer)?;
            head.restore(&part).map_err(contradicts)?;
        }
    };
    let workers = worker_count().min(checkpoint.part_count());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(take_parts)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

/// Threads that share the work.
fn worker_count() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(WORKERS_MAX)
}
