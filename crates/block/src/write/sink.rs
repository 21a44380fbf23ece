//! A file being written from its first byte to its last, with its checksums.
//!
//! Invariant: the checksums are over the bytes given, not over bytes read back. After a failed write
//! the sink takes nothing more, so a file with a hole is never finished.

use std::path::{Path, PathBuf};

use timberline_codec::crc::{crc32c, crc32c_append};
use timberline_io::{Disk, DiskFile};

use crate::{BlockError, FileMeta, format::GRANULE_BYTES};

/// Bytes gathered before they are written; whole granules.
const BUFFER_BYTES: usize = 16 * GRANULE_BYTES;

/// A file being written.
#[derive(Debug)]
pub(crate) struct Sink {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    buffer: Vec<u8>,
    written: u64,
    crc: u32,
    /// Checksums of the granules written so far, until they are taken.
    granules: Option<Vec<u32>>,
    failed: bool,
}

impl Sink {
    pub(crate) fn create(disk: &dyn Disk, path: &Path) -> Result<Self, BlockError> {
        let file = disk.create(path, 0).map_err(BlockError::disk("create", path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            written: 0,
            crc: 0,
            granules: Some(Vec::new()),
            failed: false,
        })
    }

    /// Where the next byte goes.
    pub(crate) fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), BlockError> {
        while !bytes.is_empty() {
            let room = BUFFER_BYTES - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == BUFFER_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the granules here, the last one short, and returns their checksums.
    pub(crate) fn end_granules(&mut self) -> Result<Vec<u8>, BlockError> {
        self.flush()?;
        let sums = self.granules.take().unwrap_or_default();
        Ok(sums.into_iter().flat_map(u32::to_le_bytes).collect())
    }

    /// Writes what is left and makes the file's bytes durable.
    pub(crate) fn finish(mut self, name: &str) -> Result<FileMeta, BlockError> {
        self.flush()?;
        self.file.sync_data().map_err(BlockError::disk("sync", &self.path))?;
        Ok(FileMeta { name: name.to_owned(), bytes: self.written, crc32c: self.crc })
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        if self.failed {
            return Err(BlockError::WriterFailed { path: self.path.clone() });
        }
        if let Err(error) = self.file.write_all_at(&self.buffer, self.written) {
            self.failed = true;
            return Err(BlockError::disk("write", &self.path)(error));
        }
        if let Some(granules) = &mut self.granules {
            granules.extend(self.buffer.chunks(GRANULE_BYTES).map(crc32c));
        }
        self.crc = crc32c_append(self.crc, &self.buffer);
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
