//! A disk, as far as a database needs one.

use std::{
    fmt, io,
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Files and directories, by path. All methods may be called from any thread.
///
/// What survives a power cut: bytes of a file once [`DiskFile::sync_data`] has returned; the
/// existence, name and absence of a file once [`Disk::sync_dir`] has returned for its directory.
/// Anything else may survive, be lost, or survive in part.
///
/// Errors are `std::io::Error`: `NotFound`, `AlreadyExists`, `StorageFull` (also for quotas) and
/// `WouldBlock` (a lock held elsewhere) are told apart, the rest means that the disk has failed.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Creates a file of `len` bytes of zeros whose space is really allocated, open for reading and
    /// writing.
    ///
    /// # Errors
    /// `AlreadyExists`, `StorageFull`, or a failing disk.
    fn create(&self, path: &Path, len: u64) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, or a failing disk.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// `NotFound`, or a failing disk.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Makes an immutable file's bytes addressable without copying them. The file must not be
    /// written, cut or replaced in place while mapped; removing it is fine.
    ///
    /// # Errors
    /// `NotFound`, or a failing disk.
    fn map(&self, path: &Path) -> io::Result<Mapped>;

    /// The entries of a directory, sorted by name.
    ///
    /// # Errors
    /// `NotFound`, or a failing disk.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// Creates a directory and its parents; one that exists is fine.
    ///
    /// # Errors
    /// A failing disk.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Gives a file a second name, `to`. Either name can be removed without the other.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists`, `Unsupported` where the file system has no such thing or the two
    /// places do not share one, or a failing disk.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file or directory, atomically replacing a file at `to`.
    ///
    /// # Errors
    /// `NotFound`, or a failing disk.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, or a failing disk.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and all in it.
    ///
    /// # Errors
    /// `NotFound`, or a failing disk.
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable: creations, renames and removals in it.
    ///
    /// # Errors
    /// A failing disk.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Bytes that an unprivileged process may still allocate where `dir` lies.
    ///
    /// # Errors
    /// A failing disk.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;

    /// Takes an exclusive lock on a file, creating it if need be. It ends when the returned value is
    /// dropped or the process dies.
    ///
    /// # Errors
    /// `WouldBlock` when another process, or another holder in this one, has it.
    fn lock(&self, path: &Path) -> io::Result<FileLock>;

    /// Says that a step of a change which takes several has been done. Tests let the process die, or
    /// the power go, at such a point; otherwise nothing comes of it. `docs/fail-points.md` lists them.
    fn reach(&self, _point: &'static str) {}
}

/// An open file. Positioned reads and writes only: there is no cursor to share.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Length in bytes.
    ///
    /// # Errors
    /// A failing disk.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// A failing disk.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond the end, or a failing disk.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, growing the file if need be.
    ///
    /// # Errors
    /// `StorageFull`, or a failing disk; part of the bytes may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts or extends (with zeros) the file.
    ///
    /// # Errors
    /// `StorageFull`, or a failing disk.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes the file's bytes and length durable.
    ///
    /// # Errors
    /// A failing disk. What was written since the last success is then in doubt, and stays in doubt
    /// whatever a second call says: the caller must not go on.
    fn sync_data(&self) -> io::Result<()>;
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// Its name, without the directory.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Length in bytes; zero for directories.
    pub len: u64,
}

/// The bytes of an immutable file. Clones share them.
#[derive(Clone)]
pub struct Mapped {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
}

impl Mapped {
    /// Wraps whatever holds the bytes.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self { bytes: Arc::new(bytes) }
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapped({} bytes)", self.len())
    }
}

/// An exclusive lock, held until dropped.
#[derive(Debug)]
pub struct FileLock {
    _path: PathBuf,
    _held: Box<dyn fmt::Debug + Send + Sync>,
}

impl FileLock {
    /// Wraps whatever releases the lock when dropped.
    pub fn new(path: &Path, held: impl fmt::Debug + Send + Sync + 'static) -> Self {
        Self { _path: path.to_owned(), _held: Box::new(held) }
    }
}
