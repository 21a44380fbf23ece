//! An open file of the machine's disk.

use std::{fs::File, io, os::unix::fs::FileExt};

use super::as_storage_full;
use crate::disk::DiskFile;

/// A file that is read and written at positions only.
#[derive(Debug)]
pub(super) struct RealFile {
    file: File,
}

impl RealFile {
    pub(super) fn new(file: File) -> Self {
        Self { file }
    }
}

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset).map_err(as_storage_full)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len).map_err(as_storage_full)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
