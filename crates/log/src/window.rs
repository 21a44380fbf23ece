//! Reading a file from front to back through one buffer.

use std::path::{Path, PathBuf};

use timberline_io::{Disk, DiskFile};

use crate::LogError;

/// Bytes that are read at once, unless one piece needs more.
const READ_BYTES: u64 = 256 << 10;

/// A file and the part of it that is in memory.
///
/// Bytes that were read once are not read again while they stay in the window, so a window may only
/// look at bytes that no longer change: the caller says how far those go.
#[derive(Debug)]
pub(crate) struct Window {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<Self, LogError> {
        let file = disk.open(path).map_err(LogError::disk("open", path))?;
        Ok(Self { path: path.to_owned(), file, start: 0, bytes: Vec::new() })
    }

    /// Bytes of the file.
    pub(crate) fn file_len(&self) -> Result<u64, LogError> {
        self.file.len().map_err(LogError::disk("measure", &self.path))
    }

    /// The `len` bytes at `position`; `None` when they do not all lie before `limit`, which is at most
    /// the length of the file.
    pub(crate) fn at(
        &mut self,
        position: u64,
        len: usize,
        limit: u64,
    ) -> Result<Option<&[u8]>, LogError> {
        let Some(end) = position.checked_add(len as u64).filter(|end| *end <= limit) else {
            return Ok(None);
        };
        if position < self.start || end > self.start + self.bytes.len() as u64 {
            let wanted = (limit - position).min(READ_BYTES.max(len as u64));
            let wanted = usize::try_from(wanted).expect("bounded by a length in memory");
            self.bytes.resize(wanted, 0);
            self.start = position;
            if let Err(source) = self.file.read_exact_at(&mut self.bytes, position) {
                self.bytes.clear();
                return Err(LogError::disk("read", &self.path)(source));
            }
        }
        let from = usize::try_from(position - self.start).expect("within the buffer");
        Ok(Some(&self.bytes[from..from + len]))
    }

    /// As many bytes from `position` on as one reading gives, at least one; empty at `limit`.
    pub(crate) fn run(&mut self, position: u64, limit: u64) -> Result<&[u8], LogError> {
        let len = limit.saturating_sub(position).min(READ_BYTES);
        let len = usize::try_from(len).expect("bounded by a constant");
        Ok(self.at(position, len, limit)?.unwrap_or_default())
    }
}
