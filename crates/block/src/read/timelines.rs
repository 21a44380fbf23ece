//! Timelines: timestamp columns that series share, as the index describes them.

use timberline_codec::page::VALUES_MAX;
use timberline_model::TimeUnit;

use super::index::{Grouped, Index};
use crate::{BlockError, cursor::Cursor, format::SERIES_PER_GROUP};

/// Fewest bytes of a page's entry.
const ENTRY_BYTES_MIN: usize = 3;

/// A column of timestamps.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) number: u32,
    /// Nanoseconds in a unit of the stored times.
    pub(crate) unit: i64,
    /// Where its pages start in `pages`.
    pub(crate) position: u64,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
    /// Entries of all of them.
    pub(crate) count: u32,
    /// Full ones, and a last one of the rest.
    pub(crate) pages: Vec<TimePage>,
}

/// A page of timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimePage {
    pub(crate) position: u64,
    pub(crate) bytes: u32,
    pub(crate) count: u32,
    /// First and last, in units of its timeline; as nanoseconds they are within 64 bits.
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl Index {
    /// A timeline by its number.
    pub(crate) fn timeline(&self, number: u32) -> Result<Timeline, BlockError> {
        let malformed = || self.malformed("a timeline");
        if number >= self.footer.timelines {
            return Err(malformed());
        }
        let mut group = Cursor::new(self.group(Grouped::Timelines, number)?);
        for _ in 0..number % SERIES_PER_GROUP {
            group.uvarint().and_then(|len| group.take(len)).ok_or_else(malformed)?;
        }
        let record = group.uvarint().and_then(|len| group.take(len)).ok_or_else(malformed)?;
        Timeline::decode(number, record).ok_or_else(malformed)
    }
}

impl Timeline {
    fn decode(number: u32, record: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(record);
        let unit = TimeUnit::from_code(cursor.u8()?)?.nanos();
        let (position, count) = (cursor.uvarint()?, cursor.uvarint32()?);
        let page_count = count.div_ceil(VALUES_MAX as u32) as usize;
        if count == 0 || page_count > cursor.rest().len() / ENTRY_BYTES_MIN {
            return None;
        }
        let pages = Vec::with_capacity(page_count);
        let mut timeline = Self { number, unit, position, bytes: 0, count, pages };
        let mut previous = None;
        for page in 0..page_count {
            let bytes = cursor.uvarint32()?;
            let min = match previous {
                None => cursor.ivarint()?,
                Some(previous) => i64::checked_add_unsigned(previous, cursor.uvarint()?)?,
            };
            let max = min.checked_add_unsigned(cursor.uvarint()?)?;
            if min.checked_mul(unit).is_none() || max.checked_mul(unit).is_none() {
                return None;
            }
            let position = position.checked_add(timeline.bytes)?;
            let count = (count - (page * VALUES_MAX) as u32).min(VALUES_MAX as u32);
            timeline.bytes += u64::from(bytes);
            timeline.pages.push(TimePage { position, bytes, count, min, max });
            previous = Some(max);
        }
        position.checked_add(timeline.bytes)?;
        cursor.is_empty().then_some(timeline)
    }
}
