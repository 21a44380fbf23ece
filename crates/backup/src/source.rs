//! The snapshot that a backup copies.
//!
//! A snapshot is made for one backup and removed after it. While it is copied its lock is held; so those
//! that a killed backup has left can be told from those in use, and are removed by the next one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_io::{Disk, FileLock};

use crate::BackupError;

/// Marks a snapshot that was made for a backup, and is nobody's else.
const MARKER_FILE: &str = "BACKUP";
/// What the database's own lock is called.
pub(crate) const LOCK_FILE: &str = "LOCK";

/// A snapshot that belongs to a backup. Dropping this leaves it to the next one to remove.
#[derive(Debug)]
pub struct SnapshotSource {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    lock: FileLock,
}

impl SnapshotSource {
    /// Takes over a snapshot that was just made for a backup, and removes those beside it that killed
    /// backups have left.
    ///
    /// # Errors
    /// A snapshot that is not there, as on another machine than the server's, or that is in use.
    pub fn take(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, BackupError> {
        let lock = disk.lock(&dir.join(LOCK_FILE)).map_err(BackupError::disk("lock", dir))?;
        let marker = dir.join(MARKER_FILE);
        disk.create(&marker, 0).map_err(BackupError::disk("create", marker))?;
        let source = Self { disk, dir: dir.to_owned(), lock };
        source.remove_leftovers();
        Ok(source)
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Removes the snapshot: its backup is done.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn remove(self) -> Result<(), BackupError> {
        let Self { disk, dir, lock } = self;
        let removed = disk.remove_dir_all(&dir);
        drop(lock);
        removed.map_err(BackupError::disk("remove", dir))
    }

    /// What stays is only space, and gets its turn with the next backup.
    fn remove_leftovers(&self) {
        let Some(parent) = self.dir.parent() else { return };
        for entry in self.disk.list(parent).unwrap_or_default() {
            let dir = parent.join(&entry.name);
            let entries = self.disk.list(&dir).unwrap_or_default();
            if dir != self.dir
                && entries.iter().any(|entry| entry.name == MARKER_FILE)
                && let Ok(lock) = self.disk.lock(&dir.join(LOCK_FILE))
            {
                let _ = self.disk.remove_dir_all(&dir);
                drop(lock);
            }
        }
    }
}

/// Whether a file of a snapshot's directory is none of the database's.
pub(crate) fn is_own(name: &str) -> bool {
    name == MARKER_FILE || name == LOCK_FILE
}
