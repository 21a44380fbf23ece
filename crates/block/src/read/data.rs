//! The file with the samples: `pages`, or `chunks` in version 1.
//!
//! Invariant: [`DataFile::bytes`] gives out only bytes whose granules have been verified. Chunks of
//! version 1 lie in no granules; each has a checksum of its own.

use std::path::{Path, PathBuf};

use timberline_io::Mapped;

use super::granules::Granules;
use crate::{BlockError, format::HEADER_BYTES};

/// An open file of samples.
#[derive(Debug)]
pub(crate) struct DataFile {
    path: PathBuf,
    map: Mapped,
    /// Checksums, which lie in the index.
    granules: Option<Granules>,
}

impl DataFile {
    pub(crate) const fn new(path: PathBuf, map: Mapped, granules: Option<Granules>) -> Self {
        Self { path, map, granules }
    }

    /// Some verified bytes behind the header.
    #[inline]
    pub(crate) fn bytes(&self, position: u64, len: u32) -> Result<&[u8], BlockError> {
        let start = usize::try_from(position).ok().filter(|start| *start >= HEADER_BYTES);
        let range = start.and_then(|start| Some((start, start.checked_add(len as usize)?)));
        let (start, end) = range.filter(|(_, end)| *end <= self.map.len()).ok_or_else(|| {
            BlockError::Malformed { path: self.path.clone(), what: "the position of a page" }
        })?;
        if let Some(granules) = &self.granules {
            granules.verify(&self.map, start, end).map_err(|bad| BlockError::Checksum {
                path: self.path.clone(),
                start: bad.start,
                end: bad.end,
                stored: bad.stored,
                computed: bad.computed,
            })?;
        }
        Ok(&self.map[start..end])
    }

    /// All the bytes, unverified.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.map
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
