//! The values of one label name, sorted, and the posting list of each.
//!
//! Values are front-coded in blocks of 16. A value is found by a binary search over the blocks' first
//! values; one with a known number by reading its block from the start.

use roaring::RoaringBitmap;
use timberline_model::limits;

use super::{index::Index, names::Name};
use crate::{
    BlockError,
    cursor::Cursor,
    format::{SMALL_POSTING_MAX, VALUES_PER_BLOCK},
};

/// Where a posting list lies, and how many series it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PostingRef {
    pub(crate) position: u64,
    pub(crate) bytes: u64,
    pub(crate) count: u32,
}

/// The values of one label name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dictionary<'a> {
    index: &'a Index,
    name: &'a Name,
}

impl<'a> Dictionary<'a> {
    pub(crate) const fn new(index: &'a Index, name: &'a Name) -> Self {
        Self { index, name }
    }

    /// The list of the series that have the label at all.
    pub(crate) const fn present(&self) -> PostingRef {
        let Name { postings, present_bytes, series_count, .. } = *self.name;
        PostingRef { position: postings, bytes: present_bytes, count: series_count }
    }

    /// Finds a value and its posting list.
    pub(crate) fn find(&self, value: &str) -> Result<Option<PostingRef>, BlockError> {
        let mut entries = self.entries(self.block_of(value)?)?;
        while let Some(posting) = entries.next(self.index)? {
            match entries.text.as_slice().cmp(value.as_bytes()) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Ok(Some(posting)),
                std::cmp::Ordering::Greater => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Puts the value with a number into `text`.
    pub(crate) fn value(&self, number: u32, text: &mut Vec<u8>) -> Result<(), BlockError> {
        if number >= self.name.value_count {
            return Err(self.index.malformed("the number of a label value"));
        }
        let mut entries = self.entries(number / VALUES_PER_BLOCK)?;
        std::mem::swap(&mut entries.text, text);
        entries.text.clear();
        for _ in 0..=number % VALUES_PER_BLOCK {
            entries.next(self.index)?.ok_or_else(|| self.index.malformed("a label value"))?;
        }
        std::mem::swap(&mut entries.text, text);
        Ok(())
    }

    /// Whether one of a value's series is in a set.
    pub(crate) fn meets(&self, list: PostingRef, set: &RoaringBitmap) -> Result<bool, BlockError> {
        if list.count > SMALL_POSTING_MAX {
            return Ok(!self.index.posting(list)?.is_disjoint(set));
        }
        let mut found = false;
        self.index.visit(&[list], |series| found |= set.contains(series))?;
        Ok(found)
    }

    /// Calls `each` with the values that start with `prefix` and their posting lists, in order.
    pub(crate) fn scan(
        &self,
        prefix: &str,
        each: &mut dyn FnMut(&str, PostingRef) -> Result<(), BlockError>,
    ) -> Result<(), BlockError> {
        for block in self.block_of(prefix)?..self.name.block_count() {
            let mut entries = self.entries(block)?;
            while let Some(posting) = entries.next(self.index)? {
                let text = entries.text.as_slice();
                if text.starts_with(prefix.as_bytes()) {
                    let text =
                        str::from_utf8(text).map_err(|_| self.index.malformed("a label value"))?;
                    each(text, posting)?;
                } else if text > prefix.as_bytes() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The last block that begins at or before a value.
    fn block_of(&self, value: &str) -> Result<u32, BlockError> {
        let (mut low, mut high) = (0, self.name.block_count());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let mut entries = self.entries(middle)?;
            entries.next(self.index)?;
            if entries.text.as_slice() <= value.as_bytes() {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn entries(&self, block: u32) -> Result<Entries<'a>, BlockError> {
        let name = self.name;
        let len = name.blocks - name.values;
        let (from, to) = self.index.table_span(
            name.blocks,
            block,
            name.block_count(),
            name.values,
            name.values,
            len,
        )?;
        let mut cursor = Cursor::new(self.index.bytes(from, to - from)?);
        let list_start = cursor.uvarint().and_then(|start| start.checked_add(name.postings));
        let list_start = list_start.ok_or_else(|| self.index.malformed("a block of values"))?;
        let before = block * VALUES_PER_BLOCK;
        Ok(Entries {
            cursor,
            text: Vec::new(),
            left: (name.value_count - before).min(VALUES_PER_BLOCK),
            list_start,
            list_end: name.values,
            series_max: name.series_count,
        })
    }
}

/// The values of one block.
struct Entries<'a> {
    cursor: Cursor<'a>,
    /// The value read last.
    text: Vec<u8>,
    left: u32,
    list_start: u64,
    list_end: u64,
    series_max: u32,
}

impl Entries<'_> {
    /// Reads the next value into `text`.
    #[inline]
    fn next(&mut self, index: &Index) -> Result<Option<PostingRef>, BlockError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        match self.entry() {
            Some(posting) => Ok(Some(posting)),
            None => Err(index.malformed("a block of values")),
        }
    }

    #[inline]
    fn entry(&mut self) -> Option<PostingRef> {
        let shared = usize::try_from(self.cursor.uvarint()?).ok()?;
        let len = self.cursor.uvarint()?;
        let suffix = self.cursor.take(len)?;
        if shared > self.text.len() || shared + suffix.len() > limits::LABEL_VALUE_BYTES_MAX {
            return None;
        }
        self.text.truncate(shared);
        self.text.extend_from_slice(suffix);
        let (count, bytes) = (self.cursor.uvarint32()?, self.cursor.uvarint()?);
        let position = self.list_start;
        self.list_start = position.checked_add(bytes)?;
        let sound = (1..=self.series_max).contains(&count)
            && self.list_start <= self.list_end
            && (self.left > 0 || self.cursor.is_empty());
        sound.then_some(PostingRef { position, bytes, count })
    }
}
