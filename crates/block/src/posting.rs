//! Posting lists: which series have a value, as ascending series numbers.
//!
//! Short ones are differences, the rest are roaring bitmaps in their portable serialisation. The
//! count, stored elsewhere, says which. Invariant: a list that decodes has exactly its count, and only
//! numbers below the number of series.

use roaring::RoaringBitmap;
use timberline_codec::varint::put_uvarint;

use crate::{cursor::Cursor, format::SMALL_POSTING_MAX};

/// Appends the list of `series`, ascending and not empty.
pub(crate) fn encode(series: &[u32], bytes: &mut Vec<u8>) {
    if series.len() <= SMALL_POSTING_MAX as usize {
        let mut previous = 0;
        for &number in series {
            put_uvarint(bytes, u64::from(number - previous));
            previous = number;
        }
        return;
    }
    let mut bitmap = RoaringBitmap::from_sorted_iter(series.iter().copied())
        .expect("a posting list is built in the order of its series");
    bitmap.optimize();
    bitmap.serialize_into(bytes).expect("writing to memory does not fail");
}

/// Reads a list of `count` numbers below `series_count`; `None` when it is not one.
pub(crate) fn decode(bytes: &[u8], count: u32, series_count: u32) -> Option<RoaringBitmap> {
    if count <= SMALL_POSTING_MAX {
        let mut numbers = Vec::with_capacity(count as usize);
        decode_small(bytes, count, series_count, &mut numbers)?;
        return RoaringBitmap::from_sorted_iter(numbers).ok();
    }
    let mut rest = bytes;
    let bitmap = RoaringBitmap::deserialize_from(&mut rest).ok()?;
    let sound = rest.is_empty()
        && bitmap.len() == u64::from(count)
        && bitmap.max().is_some_and(|max| max < series_count);
    sound.then_some(bitmap)
}

/// Reads a short list and appends its numbers; `None` when it is not one.
pub(crate) fn decode_small(
    bytes: &[u8],
    count: u32,
    series_count: u32,
    numbers: &mut Vec<u32>,
) -> Option<()> {
    let mut cursor = Cursor::new(bytes);
    let mut previous = None;
    for _ in 0..count {
        let difference = cursor.uvarint32()?;
        let number = match previous {
            None => difference,
            Some(_) if difference == 0 => return None,
            Some(previous) => difference.checked_add(previous)?,
        };
        if number >= series_count {
            return None;
        }
        numbers.push(number);
        previous = Some(number);
    }
    cursor.is_empty().then_some(())
}
