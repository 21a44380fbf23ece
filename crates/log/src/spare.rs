//! Segments made ahead of need, so that a full disk is known before anything is appended.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use timberline_io::{Disk, DiskFile};

use crate::{LogError, LogOptions};

/// How files are named before they become segments. Leftovers are removed when the log opens.
pub(crate) const SPARE_EXTENSION: &str = ".tmp";

/// A file with its space allocated that is not yet a segment.
#[derive(Debug)]
pub(crate) struct Spare {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Bytes allocated.
    pub(crate) len: u64,
}

/// Makes spares, and keeps at most one.
#[derive(Debug)]
pub(crate) struct Spares {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment_bytes: u64,
    reserve_bytes: u64,
    shelf: Mutex<Shelf>,
    storage_full: AtomicBool,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Shelf {
    ready: Option<Spare>,
    made_count: u64,
}

impl Spares {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf, options: &LogOptions) -> Self {
        Self {
            disk,
            dir,
            segment_bytes: options.segment_bytes,
            reserve_bytes: options.reserve_bytes,
            shelf: Mutex::default(),
            storage_full: AtomicBool::new(false),
            failures: AtomicU64::new(0),
        }
    }

    /// A spare of at least `len_min` bytes: the one kept, or a new one.
    ///
    /// # Errors
    /// [`LogError::StorageFull`] or a failing disk; nothing has changed then.
    pub(crate) fn take(&self, len_min: u64) -> Result<Spare, LogError> {
        let mut shelf = self.shelf.lock();
        if shelf.ready.as_ref().is_some_and(|spare| spare.len >= len_min) {
            return Ok(shelf.ready.take().expect("it was there a line ago"));
        }
        self.make(&mut shelf, len_min.max(self.segment_bytes))
    }

    /// Keeps a spare that was taken and is not needed yet.
    pub(crate) fn put_back(&self, spare: Spare) {
        self.shelf.lock().ready.get_or_insert(spare);
    }

    /// Puts a spare on the shelf if there is none. A failure is only counted: whoever needs the
    /// space tries again and reports.
    pub(crate) fn prepare(&self) {
        let mut shelf = self.shelf.lock();
        if shelf.ready.is_none() {
            match self.make(&mut shelf, self.segment_bytes) {
                Ok(spare) => shelf.ready = Some(spare),
                Err(_) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Gives the kept spare's space back.
    ///
    /// # Errors
    /// A failing disk.
    pub(crate) fn clear(&self) -> Result<(), LogError> {
        match self.shelf.lock().ready.take() {
            Some(Spare { path, .. }) => {
                self.disk.remove_file(&path).map_err(LogError::disk("remove", path))
            }
            None => Ok(()),
        }
    }

    /// Whether the last need of space was refused.
    pub(crate) fn storage_full(&self) -> bool {
        self.storage_full.load(Ordering::Relaxed)
    }

    /// Times that [`Spares::prepare`] failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn make(&self, shelf: &mut Shelf, len: u64) -> Result<Spare, LogError> {
        let result = self.allocate(shelf, len);
        let full = matches!(result, Err(LogError::StorageFull { .. }));
        self.storage_full.store(full, Ordering::Relaxed);
        result
    }

    fn allocate(&self, shelf: &mut Shelf, len: u64) -> Result<Spare, LogError> {
        let free = self
            .disk
            .free_bytes(&self.dir)
            .map_err(LogError::disk("measure the free space of", &self.dir))?;
        let full = |free| LogError::StorageFull {
            dir: self.dir.clone(),
            needed: len,
            free,
            reserve: self.reserve_bytes,
        };
        if free < len.saturating_add(self.reserve_bytes) {
            return Err(full(free));
        }
        shelf.made_count += 1;
        let path = self.dir.join(format!("spare-{}{SPARE_EXTENSION}", shelf.made_count));
        match self.disk.create(&path, len) {
            Ok(file) => Ok(Spare { path, file: Arc::from(file), len }),
            Err(error) => {
                // What was made of it is only waste, and the next opening sweeps it anyway.
                let _removed = self.disk.remove_file(&path);
                if error.kind() == io::ErrorKind::StorageFull {
                    return Err(full(free));
                }
                Err(LogError::disk("create", path)(error))
            }
        }
    }
}
