//! Reading posting lists, and joining many of them.

use roaring::RoaringBitmap;

use super::{dictionary::PostingRef, index::Index};
use crate::{BlockError, format::SMALL_POSTING_MAX, posting};

impl Index {
    /// Reads one posting list.
    pub(crate) fn posting(&self, list: PostingRef) -> Result<RoaringBitmap, BlockError> {
        let bytes = self.bytes(list.position, list.bytes)?;
        posting::decode(bytes, list.count, self.series_count())
            .ok_or_else(|| self.malformed("a posting list"))
    }

    /// All series.
    pub(crate) fn every_series(&self) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.series_count());
        all
    }
}

/// The union of posting lists. Short ones are gathered and sorted once: adding a million lists of one
/// series each to a bitmap is what a regular expression over instances would cost otherwise.
#[derive(Debug, Default)]
pub(crate) struct Union {
    numbers: Vec<u32>,
    bitmap: RoaringBitmap,
}

impl Union {
    pub(crate) fn add(&mut self, index: &Index, list: PostingRef) -> Result<(), BlockError> {
        if list.count > SMALL_POSTING_MAX {
            self.bitmap |= index.posting(list)?;
            return Ok(());
        }
        let bytes = index.bytes(list.position, list.bytes)?;
        posting::decode_small(bytes, list.count, index.series_count(), &mut self.numbers)
            .ok_or_else(|| index.malformed("a posting list"))
    }

    pub(crate) fn finish(mut self, index: &Index) -> Result<RoaringBitmap, BlockError> {
        self.numbers.sort_unstable();
        self.numbers.dedup();
        let short = RoaringBitmap::from_sorted_iter(self.numbers)
            .map_err(|_| index.malformed("a posting list"))?;
        Ok(self.bitmap | short)
    }
}
