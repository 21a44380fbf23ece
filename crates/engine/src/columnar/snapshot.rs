//! Snapshots: a directory that is the database of one moment, beside the one that goes on.
//!
//! Blocks never change, so a snapshot is second names of their files, made while the flush's lock keeps
//! the list of blocks as it is; writers do not notice. Compaction and retention take away only the
//! first names. What the log holds becomes blocks before, so a snapshot needs no log but an empty one.
//!
//! Invariant: a directory in `snapshots/` whose name does not end in `.tmp` is complete and durable,
//! and opens as a database.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_io::Disk;
use timberline_log::{Log, LogOptions};
use timberline_model::{ErrorKind, LogOffset};

use super::{engine::Inner, layout::Layout, manifest::Manifest};
use crate::EngineError;

/// How the name of an unfinished snapshot ends.
const UNFINISHED: &str = ".tmp";
/// Bytes copied at once, where files cannot have second names.
const COPY_BYTES: usize = 1 << 20;
/// Bytes of the empty log's segment while it is being made.
const SEGMENT_BYTES: u64 = 4 << 10;

/// A snapshot that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name, which is that of its directory.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Blocks in it.
    pub blocks: u64,
    /// Samples in it.
    pub samples: u64,
}

impl Inner {
    /// Takes a snapshot; without `skip_head`, of all that was acknowledged before this was called.
    pub(super) fn snapshot(&self, skip_head: bool) -> Result<Snapshot, EngineError> {
        let disk = self.disk.as_ref();
        let snapshots = self.layout.snapshots();
        disk.create_dir_all(&snapshots).map_err(EngineError::disk("create", &snapshots))?;
        let mut state = self.flushing.lock();
        self.check_publishable(&state)?;
        sweep(disk, &snapshots)?;
        if !skip_head {
            self.flush_locked(&mut state)?;
        }
        let view = self.view();
        let name = self.free_name(&snapshots, view.manifest.number)?;
        let unfinished = Layout::new(&snapshots.join(format!("{name}{UNFINISHED}")));
        let made = self.link_all(&view.manifest, &unfinished);
        drop(state);
        disk.reach("snapshot.linked");
        let dir = snapshots.join(&name);
        let made = made.and_then(|()| self.complete(&view.manifest, &unfinished, &dir));
        if let Err(error) = made {
            // What stays of it is swept by the next one.
            let _ = disk.remove_dir_all(unfinished.dir());
            return Err(error);
        }
        Ok(Snapshot {
            name,
            dir,
            blocks: view.manifest.blocks.len() as u64,
            samples: view.manifest.blocks.iter().map(|block| block.samples).sum(),
        })
    }

    /// A name that says when and of what the snapshot is, and that no other has.
    fn free_name(&self, snapshots: &Path, manifest: u64) -> Result<String, EngineError> {
        let taken = self.disk.list(snapshots).map_err(EngineError::disk("list", snapshots))?;
        let time = compact_time(self.clock.now());
        let mut name = format!("{time}-{manifest:016x}");
        let mut count = 1;
        while taken.iter().any(|entry| entry.name.trim_end_matches(UNFINISHED) == name) {
            count += 1;
            name = format!("{time}-{manifest:016x}-{count}");
        }
        Ok(name)
    }

    /// Gives the immutable files of a state their second names. The caller holds the flush's lock.
    fn link_all(&self, manifest: &Manifest, to: &Layout) -> Result<(), EngineError> {
        let disk = self.disk.as_ref();
        for dir in [to.blocks(), to.dictionaries(), to.manifests(), to.log()] {
            disk.create_dir_all(&dir).map_err(EngineError::disk("create", &dir))?;
        }
        for block in &manifest.blocks {
            link_dir(disk, &self.layout.block(&block.ulid), &to.block(&block.ulid))?;
        }
        if manifest.dictionary.is_some() {
            link_dir(disk, &self.layout.dictionaries(), &to.dictionaries())?;
        }
        match link_or_copy(disk, &self.layout.settings(), &to.settings()) {
            // Most have none.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            linked => linked,
        }
    }

    /// Writes what is the snapshot's own, makes all of it durable and gives it its name.
    fn complete(
        &self,
        manifest: &Manifest,
        unfinished: &Layout,
        dir: &Path,
    ) -> Result<(), EngineError> {
        let disk = self.disk.as_ref();
        // Nothing is between the blocks and a later dictionary, and definitions before a dictionary are
        // not read.
        let flushed_to = manifest.flushed_to.max(manifest.dictionary.unwrap_or(0));
        let manifest = &Manifest { flushed_to, ..manifest.clone() };
        begin_log(&self.disk, unfinished, manifest.flushed_to())?;
        for block in &manifest.blocks {
            let dir = unfinished.block(&block.ulid);
            disk.sync_dir(&dir).map_err(EngineError::disk("sync", &dir))?;
        }
        manifest.publish(disk, &unfinished.manifests())?;
        let own = [unfinished.blocks(), unfinished.dictionaries(), unfinished.log()];
        for dir in own.iter().map(PathBuf::as_path).chain([unfinished.dir()]) {
            disk.sync_dir(dir).map_err(EngineError::disk("sync", dir))?;
        }
        disk.reach("snapshot.written");
        disk.rename(unfinished.dir(), dir).map_err(EngineError::disk("rename", dir))?;
        for parent in [self.layout.snapshots().as_path(), self.layout.dir()] {
            disk.sync_dir(parent).map_err(EngineError::disk("sync", parent))?;
        }
        disk.reach("snapshot.durable");
        Ok(())
    }
}

/// Makes a log without records that goes on where the blocks end, so that the numbering of offsets does,
/// too.
pub(crate) fn begin_log(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    from: LogOffset,
) -> Result<(), EngineError> {
    let options =
        LogOptions { segment_bytes: SEGMENT_BYTES, reserve_bytes: 0, ..LogOptions::default() };
    let (log, _) = Log::open(Arc::clone(disk), &layout.log(), options, from, &mut |_, _| ())?;
    log.begin_segment()?;
    Ok(log.close()?)
}

/// Removes what an interrupted snapshot left.
fn sweep(disk: &dyn Disk, snapshots: &Path) -> Result<(), EngineError> {
    for entry in disk.list(snapshots).map_err(EngineError::disk("list", snapshots))? {
        if entry.is_dir && entry.name.ends_with(UNFINISHED) {
            let dir = snapshots.join(&entry.name);
            disk.remove_dir_all(&dir).map_err(EngineError::disk("remove", &dir))?;
        }
    }
    Ok(())
}

/// Gives the files of a directory second names in another, which is created. One that is missing, as
/// a damaged block's may be, has no files.
pub(crate) fn link_dir(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), EngineError> {
    let entries = match disk.list(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        entries => entries.map_err(EngineError::disk("list", from))?,
    };
    disk.create_dir_all(to).map_err(EngineError::disk("create", to))?;
    for entry in entries {
        if !entry.is_dir && !entry.name.ends_with(UNFINISHED) {
            link_or_copy(disk, &from.join(&entry.name), &to.join(&entry.name))?;
        }
    }
    Ok(())
}

/// Gives a file a second name; where the file system has no such thing, makes a durable copy.
pub(crate) fn link_or_copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), EngineError> {
    match disk.link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => copy(disk, from, to),
        result => result.map_err(EngineError::disk("link", from)),
    }
}

fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), EngineError> {
    let source = disk.map(from).map_err(EngineError::disk("map", from))?;
    let file = disk.create(to, 0).map_err(EngineError::disk("create", to))?;
    let mut position = 0;
    for piece in source.chunks(COPY_BYTES) {
        file.write_all_at(piece, position).map_err(EngineError::disk("write", to))?;
        position += piece.len() as u64;
    }
    file.sync_data().map_err(EngineError::disk("sync", to))
}

/// An instant to the second, as `20260131T070000Z`.
fn compact_time(ts: i64) -> String {
    let seconds = ts.div_euclid(1_000_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The date of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from March, so that the leap day is the last; eras are of 400 years.
    let from_march = days + 719_468;
    let (era, day_of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_time_in_utc() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (1_769_842_800, "20260131T070000Z"),
            (-1, "19691231T235959Z"),
        ] {
            assert_eq!(compact_time(seconds * 1_000_000_000), expected);
        }
    }
}
