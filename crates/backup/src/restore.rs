//! A database's directory from a backup.
//!
//! A file `RESTORING` is there from before the first file until after the last, and the database refuses
//! to open a directory that has it. A restore that was interrupted goes on where it was.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use timberline::RESTORING_FILE;
use timberline_io::{Disk, RealDisk};

use crate::{
    BackupError, BackupFile, BackupManifest, Depot, Progress, copying::each, manifest::numbers,
    source::LOCK_FILE,
};

/// How the names of files end that are not whole yet.
const UNFINISHED: &str = ".restoring";

/// Restores from one place.
#[derive(Debug)]
pub struct Restore<'a> {
    depot: &'a dyn Depot,
    disk: Arc<dyn Disk>,
}

/// A restore that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The backup that was restored.
    pub backup: BackupManifest,
    /// Bytes that were copied; the rest an interrupted restore had copied before.
    pub bytes_copied: u64,
}

/// Which backup a directory is being restored from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    number: u64,
    id: String,
}

impl<'a> Restore<'a> {
    /// Restores to this machine's disk.
    #[must_use]
    pub fn new(depot: &'a dyn Depot) -> Self {
        Self::on(depot, Arc::new(RealDisk))
    }

    /// Restores to a disk of the caller's.
    #[must_use]
    pub fn on(depot: &'a dyn Depot, disk: Arc<dyn Disk>) -> Self {
        Self { depot, disk }
    }

    /// Fills a directory, which must be new or empty or have been left by an interrupted restore of the
    /// same backup, with a backup: the newest, unless a number is given.
    ///
    /// # Errors
    /// No such backup, a directory that is not empty, objects that are not what was written, or a disk or
    /// a place that fails. The directory does not open as a database then; the same call goes on.
    pub fn into_dir(
        &self,
        dir: &Path,
        number: Option<u64>,
        progress: &dyn Progress,
    ) -> Result<Restored, BackupError> {
        let disk = self.disk.as_ref();
        make_dir(disk, dir)?;
        let lock = disk.lock(&dir.join(LOCK_FILE)).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => refused(dir, "it is open in another process"),
            _ => BackupError::disk("lock", dir)(error),
        })?;
        let begun = self.begun(dir)?;
        let number = number.or(begun.as_ref().map(|marker| marker.number));
        let backup = self.choose(number)?;
        self.begin(dir, &backup, begun)?;
        disk.reach("restore.marked");
        let copied = AtomicU64::new(0);
        progress.begin(backup.files.len() as u64, backup.bytes());
        for parent in parents(dir, &backup) {
            disk.create_dir_all(&parent).map_err(BackupError::disk("create", &parent))?;
        }
        each(&backup.files, |file| self.bring(dir, file, &copied, progress))?;
        self.end(dir, &backup)?;
        drop(lock);
        Ok(Restored { backup, bytes_copied: copied.into_inner() })
    }

    /// The backup that is asked for; the newest, if none is.
    fn choose(&self, number: Option<u64>) -> Result<BackupManifest, BackupError> {
        let none = || BackupError::NoBackup { location: self.depot.name(), number };
        let chosen = match number {
            Some(number) => number,
            None => *numbers(self.depot)?.last().ok_or_else(none)?,
        };
        BackupManifest::read(self.depot, chosen)?.ok_or_else(none)
    }

    /// What an interrupted restore has left, if one has.
    fn begun(&self, dir: &Path) -> Result<Option<Marker>, BackupError> {
        let entries = self.disk.list(dir).map_err(BackupError::disk("list", dir))?;
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        if has(RESTORING_FILE) {
            let path = dir.join(RESTORING_FILE);
            let bytes = self.disk.read(&path).map_err(BackupError::disk("read", &path))?;
            let marker = serde_json::from_slice(&bytes).map_err(|_| {
                refused(dir, &format!("{} is not what a restore writes", path.display()))
            })?;
            return Ok(Some(marker));
        }
        let unfinished = format!("{RESTORING_FILE}{UNFINISHED}");
        let foreign = |name: &str| name != LOCK_FILE && name != unfinished;
        match entries.iter().find(|entry| foreign(&entry.name)) {
            Some(entry) => Err(refused(dir, &format!("it is not empty, it has {:?}", entry.name))),
            None => Ok(None),
        }
    }

    /// Marks the directory, durably, before anything else comes.
    fn begin(
        &self,
        dir: &Path,
        backup: &BackupManifest,
        begun: Option<Marker>,
    ) -> Result<(), BackupError> {
        let marker = Marker { number: backup.number, id: backup.id.clone() };
        match begun {
            Some(begun) if begun == marker => return Ok(()),
            Some(begun) => {
                let reason = format!(
                    "an interrupted restore of backup {} has left it; finish that one with \
                     --backup {}, or remove the directory",
                    begun.number, begun.number
                );
                return Err(refused(dir, &reason));
            }
            None => {}
        }
        let text = serde_json::to_vec(&marker).expect("a marker is plain data");
        let path = dir.join(RESTORING_FILE);
        let (unfinished, file) = self.create_unfinished(&path)?;
        file.write_all_at(&text, 0).map_err(BackupError::disk("write", &unfinished))?;
        file.sync_data().map_err(BackupError::disk("sync", &unfinished))?;
        self.disk.rename(&unfinished, &path).map_err(BackupError::disk("rename", &unfinished))?;
        self.disk.sync_dir(dir).map_err(BackupError::disk("sync", dir))
    }

    /// Makes sure that a file is there.
    fn bring(
        &self,
        dir: &Path,
        file: &BackupFile,
        copied: &AtomicU64,
        progress: &dyn Progress,
    ) -> Result<(), BackupError> {
        let path = dir.join(&file.path);
        if self.is_there(&path, file)? {
            progress.advance(file.bytes);
            return Ok(());
        }
        let (unfinished, target) = self.create_unfinished(&path)?;
        let (mut position, mut crc) = (0, 0);
        let found = self.depot.read(&file.key, &mut |piece| {
            target
                .write_all_at(piece, position)
                .map_err(BackupError::disk("write", &unfinished))?;
            position += piece.len() as u64;
            crc = crc32c::crc32c_append(crc, piece);
            progress.advance(piece.len() as u64);
            Ok(())
        })?;
        let reason = if !found {
            Some("it is missing".to_owned())
        } else if position != file.bytes {
            Some(format!("it has {position} bytes, and should have {}", file.bytes))
        } else if format!("{crc:08x}") != file.crc32c {
            Some(format!("its checksum is {crc:08x}, and should be {}", file.crc32c))
        } else {
            None
        };
        if let Some(reason) = reason {
            return Err(BackupError::Damaged { object: self.depot.name_of(&file.key), reason });
        }
        target.sync_data().map_err(BackupError::disk("sync", &unfinished))?;
        drop(target);
        copied.fetch_add(position, Ordering::Relaxed);
        self.disk.rename(&unfinished, &path).map_err(BackupError::disk("rename", &unfinished))?;
        self.disk.reach("restore.one_copied");
        Ok(())
    }

    /// Whether an interrupted restore has brought a file, whole and sound. It is made durable again:
    /// that one may have died before it came to that.
    fn is_there(&self, path: &Path, file: &BackupFile) -> Result<bool, BackupError> {
        let bytes = match self.disk.map(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            bytes => bytes.map_err(BackupError::disk("map", path))?,
        };
        let same = bytes.len() as u64 == file.bytes && file.crc() == Some(crc32c::crc32c(&bytes));
        drop(bytes);
        if same {
            let opened = self.disk.open(path).map_err(BackupError::disk("open", path))?;
            opened.sync_data().map_err(BackupError::disk("sync", path))?;
        }
        Ok(same)
    }

    /// Opens a file that gets its name when it is whole, in the place of one that was left.
    fn create_unfinished(
        &self,
        path: &Path,
    ) -> Result<(PathBuf, Box<dyn timberline_io::DiskFile>), BackupError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!("{name}{UNFINISHED}"));
        match self.disk.remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BackupError::disk("remove", unfinished)(error));
            }
            _ => {}
        }
        let file = self.disk.create(&unfinished, 0);
        let file = file.map_err(BackupError::disk("create", &unfinished))?;
        Ok((unfinished, file))
    }

    /// Makes all names durable, and then lets the directory be opened.
    fn end(&self, dir: &Path, backup: &BackupManifest) -> Result<(), BackupError> {
        let disk = self.disk.as_ref();
        for parent in parents(dir, backup) {
            disk.sync_dir(&parent).map_err(BackupError::disk("sync", &parent))?;
        }
        disk.reach("restore.copied");
        let marker = dir.join(RESTORING_FILE);
        disk.remove_file(&marker).map_err(BackupError::disk("remove", marker))?;
        disk.reach("restore.unmarked");
        disk.sync_dir(dir).map_err(BackupError::disk("sync", dir))
    }
}

/// The directories of a backup's files and those above them, up to the database's, the innermost first.
fn parents(dir: &Path, backup: &BackupManifest) -> Vec<PathBuf> {
    let mut found = BTreeSet::from([dir.to_owned()]);
    for file in &backup.files {
        let path = dir.join(&file.path);
        let above = path.ancestors().skip(1).take_while(|above| *above != dir);
        found.extend(above.map(Path::to_owned));
    }
    // Sorted, a directory comes before what is in it.
    found.into_iter().rev().collect()
}

/// Creates a directory, durably.
fn make_dir(disk: &dyn Disk, dir: &Path) -> Result<(), BackupError> {
    if disk.list(dir).is_ok() {
        return Ok(());
    }
    disk.create_dir_all(dir).map_err(BackupError::disk("create", dir))?;
    for above in dir.ancestors().skip(1) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match disk.sync_dir(above) {
            // One that we may not even read, we have not changed.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            result => result.map_err(BackupError::disk("sync", above))?,
        }
    }
    Ok(())
}

fn refused(dir: &Path, reason: &str) -> BackupError {
    BackupError::Target { dir: dir.to_owned(), reason: reason.to_owned() }
}
