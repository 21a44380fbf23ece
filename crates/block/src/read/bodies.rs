//! Series bodies: the hash of a series' labels and the list of its chunks.

use timberline_model::TimeUnit;

use super::index::{Grouped, Index};
use crate::{BlockError, cursor::Cursor, format::SERIES_PER_GROUP};

/// One chunk, as the index describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkMeta {
    /// Where it starts in `chunks`.
    pub position: u64,
    /// Its size in bytes.
    pub bytes: u32,
    /// Its samples.
    pub count: u32,
    /// Its first instant, in nanoseconds.
    pub min_ts: i64,
    /// Its last instant, in nanoseconds.
    pub max_ts: i64,
}

/// Fewest bytes of a chunk's entry.
const ENTRY_BYTES_MIN: usize = 4;

/// The body of one series. Iterates over its chunks; `None` within is a malformed entry.
#[derive(Clone, Debug)]
pub(crate) struct Body<'a> {
    pub(crate) hash: u64,
    cursor: Cursor<'a>,
    unit_nanos: i64,
    left: u64,
    position: u64,
    /// End of the chunk before, in units.
    previous: Option<i64>,
}

impl Index {
    /// The body of a series.
    pub(crate) fn body(&self, series: u32) -> Result<Body<'_>, BlockError> {
        let mut group = Cursor::new(self.group(Grouped::Bodies, series)?);
        let malformed = || self.malformed("the list of a series' chunks");
        for _ in 0..series % SERIES_PER_GROUP {
            group.uvarint().and_then(|len| group.take(len)).ok_or_else(malformed)?;
        }
        let body = group.uvarint().and_then(|len| group.take(len)).ok_or_else(malformed)?;
        Body::decode(body).ok_or_else(malformed)
    }
}

impl<'a> Body<'a> {
    fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let hash = cursor.u64()?;
        let unit_nanos = TimeUnit::from_code(cursor.u8()?)?.nanos();
        let (left, position) = (cursor.uvarint()?, cursor.uvarint()?);
        let room = cursor.rest().len() / ENTRY_BYTES_MIN;
        if left == 0 || left > room as u64 {
            return None;
        }
        Some(Self { hash, cursor, unit_nanos, left, position, previous: None })
    }

    /// How many chunks are still to come; no more than the bytes have room for.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    fn entry(&mut self) -> Option<ChunkMeta> {
        let (bytes, count) = (self.cursor.uvarint32()?, self.cursor.uvarint32()?);
        let min = match self.previous {
            None => self.cursor.ivarint()?,
            Some(previous) => previous.checked_add_unsigned(self.cursor.uvarint()?)?,
        };
        let max = min.checked_add_unsigned(self.cursor.uvarint()?)?;
        let position = self.position;
        self.position = position.checked_add(u64::from(bytes))?;
        self.previous = Some(max);
        self.left -= 1;
        if self.left == 0 && !self.cursor.is_empty() {
            return None;
        }
        Some(ChunkMeta {
            position,
            bytes,
            count,
            min_ts: min.checked_mul(self.unit_nanos)?,
            max_ts: max.checked_mul(self.unit_nanos)?,
        })
    }
}

impl Iterator for Body<'_> {
    type Item = Option<ChunkMeta>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let entry = self.entry();
        if entry.is_none() {
            self.left = 0;
        }
        Some(entry)
    }
}
