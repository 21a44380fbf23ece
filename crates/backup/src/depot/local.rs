//! Objects as files below a directory.
//!
//! The crate `object_store` has such a thing too, but its version that fits the rest does not sync.
//!
//! Invariant: a file with an object's name is complete; it gets that name last.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_io::Disk;
use ulid::Ulid;

use super::{Depot, Object};
use crate::BackupError;

/// Part of the names of files that are no objects yet.
const UNFINISHED: &str = ".tmp-";
/// Bytes written or handed on at once.
const PIECE_BYTES: usize = 4 << 20;

/// Keeps objects in a directory.
#[derive(Clone, Debug)]
pub struct LocalDepot {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl LocalDepot {
    /// The objects below a directory, which is created when the first one comes.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { disk, root: root.to_owned() }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Writes a file with a name of its own beside the place where the object will be.
    fn write(&self, path: &Path, bytes: &[u8], sent: &dyn Fn(u64)) -> Result<PathBuf, BackupError> {
        self.make_parent(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!("{name}{UNFINISHED}{}", Ulid::generate()));
        let written = self.write_file(&unfinished, bytes, sent);
        if written.is_err() {
            // Its space may be what is missing; otherwise it is swept later.
            let _ = self.disk.remove_file(&unfinished);
        }
        written.map(|()| unfinished)
    }

    fn write_file(&self, path: &Path, bytes: &[u8], sent: &dyn Fn(u64)) -> Result<(), BackupError> {
        let file = self.disk.create(path, 0).map_err(BackupError::disk("create", path))?;
        let mut position = 0;
        for piece in bytes.chunks(PIECE_BYTES) {
            file.write_all_at(piece, position).map_err(BackupError::disk("write", path))?;
            position += piece.len() as u64;
            sent(piece.len() as u64);
        }
        file.sync_data().map_err(BackupError::disk("sync", path))
    }

    /// Creates the directory of a file, durably.
    fn make_parent(&self, path: &Path) -> Result<(), BackupError> {
        let parent = path.parent().unwrap_or(&self.root);
        if self.disk.list(parent).is_ok() {
            return Ok(());
        }
        self.disk.create_dir_all(parent).map_err(BackupError::disk("create", parent))?;
        for dir in parent.ancestors().skip(1) {
            let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
            match self.disk.sync_dir(dir) {
                // One that we may not even read, we have not changed.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
                result => result.map_err(BackupError::disk("sync", dir))?,
            }
        }
        Ok(())
    }

    fn sync_parent(&self, path: &Path) -> Result<(), BackupError> {
        let parent = path.parent().unwrap_or(&self.root);
        self.disk.sync_dir(parent).map_err(BackupError::disk("sync", parent))
    }

    /// Files below a directory, with their paths from the root.
    fn files(&self, dir: &Path, found: &mut Vec<Object>) -> Result<(), BackupError> {
        let entries = match self.disk.list(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(BackupError::disk("list", dir))?,
        };
        for entry in entries {
            let path = dir.join(&entry.name);
            if entry.is_dir {
                self.files(&path, found)?;
            } else if let Ok(key) = path.strip_prefix(&self.root) {
                let key = key.to_string_lossy().into_owned();
                found.push(Object { key, bytes: entry.len });
            }
        }
        Ok(())
    }
}

impl Depot for LocalDepot {
    fn put(&self, key: &str, bytes: &[u8], sent: &dyn Fn(u64)) -> Result<(), BackupError> {
        let path = self.path(key);
        let unfinished = self.write(&path, bytes, sent)?;
        self.disk.rename(&unfinished, &path).map_err(BackupError::disk("rename", &unfinished))?;
        self.sync_parent(&path)
    }

    fn put_new(&self, key: &str, bytes: &[u8]) -> Result<bool, BackupError> {
        let path = self.path(key);
        let unfinished = self.write(&path, bytes, &|_| ())?;
        let linked = self.disk.link(&unfinished, &path);
        // It has done its work, whatever came of it.
        let _ = self.disk.remove_file(&unfinished);
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(BackupError::disk("name", &path)(error)),
            Ok(()) => self.sync_parent(&path).map(|()| true),
        }
    }

    fn read(
        &self,
        key: &str,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<bool, BackupError> {
        let path = self.path(key);
        let mapped = match self.disk.map(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            mapped => mapped.map_err(BackupError::disk("read", &path))?,
        };
        for piece in mapped.chunks(PIECE_BYTES) {
            sink(piece)?;
        }
        Ok(true)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>, BackupError> {
        let mut found = Vec::new();
        self.files(&self.path(prefix), &mut found)?;
        found.retain(|object| !object.key.contains(UNFINISHED));
        found.sort();
        Ok(found)
    }

    fn delete(&self, key: &str) -> Result<(), BackupError> {
        let path = self.path(key);
        match self.disk.remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            result => result.map_err(BackupError::disk("remove", &path))?,
        }
        let Some(parent) = path.parent().filter(|parent| *parent != self.root) else {
            return self.sync_parent(&path);
        };
        match self.disk.sync_dir(parent) {
            // Who removed the last file beside this one, at the same time, has removed the directory.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            result => result.map_err(BackupError::disk("sync", parent))?,
        }
        // Directories of blocks that have gone are only litter.
        if self.disk.list(parent).is_ok_and(|entries| entries.is_empty()) {
            let _ = self.disk.remove_dir_all(parent);
        }
        Ok(())
    }

    fn sweep(&self) -> Result<(), BackupError> {
        let mut found = Vec::new();
        self.files(&self.root, &mut found)?;
        for object in found.iter().filter(|object| object.key.contains(UNFINISHED)) {
            self.delete(&object.key)?;
        }
        Ok(())
    }

    fn name(&self) -> String {
        self.root.display().to_string()
    }
}
