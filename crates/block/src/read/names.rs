//! The table of label names: small, and read when a block is opened.
//!
//! Invariant: names ascend, and every name's sections lie in order between those of its neighbours.

use std::ops::Range;

use timberline_model::limits;

use crate::{cursor::Cursor, format::VALUES_PER_BLOCK};

/// One label name, and where its values lie.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) name: Box<str>,
    /// Distinct values, at least 1.
    pub(crate) value_count: u32,
    /// Series that have the label.
    pub(crate) series_count: u32,
    /// Where its posting lists start; the first says which series have the label.
    pub(crate) postings: u64,
    /// Bytes of that first list.
    pub(crate) present_bytes: u64,
    /// Where its values start, and the posting lists end.
    pub(crate) values: u64,
    /// Where the table of its blocks starts, and the values end.
    pub(crate) blocks: u64,
}

impl Name {
    /// How many blocks its values are in.
    pub(crate) const fn block_count(&self) -> u32 {
        self.value_count.div_ceil(VALUES_PER_BLOCK)
    }
}

/// Reads a table of `count` names whose sections fill `section`, in a block of so many series; `None`
/// when it is not one.
pub(crate) fn decode(
    table: &[u8],
    count: u32,
    section: Range<u64>,
    series_count: u32,
) -> Option<Vec<Name>> {
    let mut cursor = Cursor::new(table);
    let mut names: Vec<Name> = Vec::new();
    let mut start = section.start;
    for _ in 0..count {
        let (name, end) = decode_one(&mut cursor, start, series_count)?;
        if names.last().is_some_and(|last| last.name >= name.name) {
            return None;
        }
        start = end;
        names.push(name);
    }
    (cursor.is_empty() && start == section.end).then_some(names)
}

/// Reads the next name, whose sections must begin at `start`, and returns where they end.
fn decode_one(cursor: &mut Cursor<'_>, start: u64, series_max: u32) -> Option<(Name, u64)> {
    let len = cursor.uvarint()?;
    let name = str::from_utf8(cursor.take(len)?).ok()?;
    let (value_count, series_count) = (cursor.uvarint32()?, cursor.uvarint32()?);
    let postings = cursor.uvarint()?;
    let present_bytes = cursor.uvarint()?;
    let (postings_bytes, values_bytes) = (cursor.uvarint()?, cursor.uvarint()?);
    let values = postings.checked_add(postings_bytes)?;
    let blocks = values.checked_add(values_bytes)?;
    let sound = (1..=limits::LABEL_NAME_BYTES_MAX).contains(&name.len())
        && value_count >= 1
        && value_count <= series_count
        && series_count <= series_max
        && postings == start
        && present_bytes <= postings_bytes;
    let name = Name {
        name: name.into(),
        value_count,
        series_count,
        postings,
        present_bytes,
        values,
        blocks,
    };
    let end = blocks.checked_add(8 * u64::from(name.block_count()))?;
    sound.then_some((name, end))
}
