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

/// The union of posting lists, made when all are known.
///
/// Adding a million lists of one series each to a bitmap, or a thousand lists that reach over the
/// whole block, is what a regular expression over instances or hosts would cost otherwise.
#[derive(Debug, Default)]
pub(crate) struct Union {
    lists: Vec<PostingRef>,
    /// Sum of the lists' counts.
    total: u64,
}

/// With fewer than one of so many series in the union, its numbers are sorted; with more, bits are
/// set in a row of as many bits as there are series.
const SERIES_PER_SORTED: u64 = 64;

impl Union {
    pub(crate) fn add(&mut self, list: PostingRef) {
        self.lists.push(list);
        self.total += u64::from(list.count);
    }

    pub(crate) fn finish(self, index: &Index) -> Result<RoaringBitmap, BlockError> {
        if let [list] = self.lists.as_slice() {
            return index.posting(*list);
        }
        let series_count = index.series_count();
        if self.total < u64::from(series_count) / SERIES_PER_SORTED {
            let mut numbers = Vec::new();
            index.visit(&self.lists, |number| numbers.push(number))?;
            numbers.sort_unstable();
            numbers.dedup();
            return RoaringBitmap::from_sorted_iter(numbers)
                .map_err(|_| index.malformed("a posting list"));
        }
        let mut bits = vec![0_u8; series_count.div_ceil(8) as usize];
        // Every number of a list that decodes is below the number of series.
        index.visit(&self.lists, |number| bits[number as usize / 8] |= 1 << (number % 8))?;
        Ok(RoaringBitmap::from_lsb0_bytes(0, &bits))
    }
}

impl Index {
    /// Calls `each` with every number of some lists.
    pub(crate) fn visit(
        &self,
        lists: &[PostingRef],
        mut each: impl FnMut(u32),
    ) -> Result<(), BlockError> {
        let mut numbers = Vec::new();
        for list in lists {
            if list.count > SMALL_POSTING_MAX {
                self.posting(*list)?.iter().for_each(&mut each);
                continue;
            }
            let bytes = self.bytes(list.position, list.bytes)?;
            numbers.clear();
            posting::decode_small(bytes, list.count, self.series_count(), &mut numbers)
                .ok_or_else(|| self.malformed("a posting list"))?;
            numbers.iter().copied().for_each(&mut each);
        }
        Ok(())
    }
}
