//! The machine's own disk, through the operating system.
//!
//! Invariant: `StorageFull` is the answer wherever space or a quota ran out, so that callers have one
//! error to wait for.

mod allocate;
mod file;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
};

use self::{allocate::allocate, file::RealFile};
use crate::{
    disk::{DirEntry, Disk, DiskFile, FileLock, Mapped},
    fail_point, mmap,
};

/// The disk of this machine. Paths mean what they mean to the operating system.
///
/// ```
/// use timberline_io::{Disk, RealDisk};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("numbers");
/// let file = RealDisk.create(&path, 8)?;
/// file.write_all_at(&42_u64.to_le_bytes(), 0)?;
/// file.sync_data()?;
/// RealDisk.sync_dir(dir.path())?;
/// assert_eq!(RealDisk.read(&path)?, 42_u64.to_le_bytes());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path, len: u64) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(as_storage_full)?;
        if let Err(error) = allocate(&file, len) {
            // A file without its space is of no use to anybody. If it cannot even be removed, the
            // first error is still the one to tell.
            drop(fs::remove_file(path));
            return Err(as_storage_full(error));
        }
        Ok(Box::new(RealFile::new(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Box::new(RealFile::new(file)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        mmap::map(&File::open(path)?)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(or_here(dir))? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Removed since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let is_dir = metadata.is_dir();
            let len = if is_dir { 0 } else { metadata.len() };
            // Names that are not UTF-8 are never ours; they are shown as well as can be.
            let name = entry.file_name().to_string_lossy().into_owned();
            entries.push(DirEntry { name, is_dir, len });
        }
        entries.sort_unstable();
        Ok(entries)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir).map_err(as_storage_full)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::hard_link(from, to) {
            // So says a file system without hard links; and one that is not ours to link on.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied
                        | io::ErrorKind::CrossesDevices
                        | io::ErrorKind::TooManyLinks
                ) =>
            {
                Err(io::Error::new(io::ErrorKind::Unsupported, error))
            }
            result => result.map_err(as_storage_full),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to).map_err(as_storage_full)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        match File::open(or_here(dir))?.sync_all() {
            // Some network and overlay file systems know no such call: names are then as durable as
            // that file system makes them by itself.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
                Ok(())
            }
            result => result,
        }
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(or_here(dir))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(as_storage_full)?;
        // The lock belongs to this opening of the file, so it also keeps out a second holder within
        // the process, and the kernel drops it however the process ends.
        match file.try_lock() {
            Ok(()) => Ok(FileLock::new(path, RealLock { file })),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn reach(&self, point: &'static str) {
        fail_point::reach(point);
    }
}

/// Holds a lock until dropped or until the process ends.
#[derive(Debug)]
struct RealLock {
    file: File,
}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Closing is not enough: a child process between its fork and its exec has the file open too.
        // If this fails, closing does it a moment later.
        drop(self.file.unlock());
    }
}

/// `dir`, or the current directory where a path had no directory part.
fn or_here(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

/// Tells a used-up quota as what it is to the caller: no space.
fn as_storage_full(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::QuotaExceeded {
        return io::Error::new(io::ErrorKind::StorageFull, error);
    }
    error
}
