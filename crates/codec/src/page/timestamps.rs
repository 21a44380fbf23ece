//! Pages of timestamps, in a unit that the caller keeps.

use super::{
    PageError, VALUES_MAX,
    cursor::Cursor,
    integers::{self, Plan},
    linear,
    pack::Entries,
};
use crate::varint::{put_ivarint, put_uvarint};

/// How a page of timestamps is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampCodec {
    /// Even steps: first and step.
    Even,
    /// What a prediction leaves, bit-packed, with patches.
    Packed,
}

impl TimestampCodec {
    /// The byte that a page of this codec begins with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Even => 0x41,
            Self::Packed => 0x42,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0x41 => Some(Self::Even),
            0x42 => Some(Self::Packed),
            _ => None,
        }
    }
}

/// What [`encode_timestamps`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimestampPageInfo {
    /// How.
    pub codec: TimestampCodec,
    /// Timestamps, 1 to [`VALUES_MAX`].
    pub count: usize,
    /// Bytes of the page.
    pub bytes: usize,
}

/// Appends a page of timestamps, of any unit and in any order; even steps cost least.
///
/// The page knows nothing of the values, so that series that were scraped together can share it.
///
/// # Panics
/// When there are none or more than [`VALUES_MAX`].
pub fn encode_timestamps(timestamps: &[i64], bytes: &mut Vec<u8>) -> TimestampPageInfo {
    let count = timestamps.len();
    assert!((1..=VALUES_MAX).contains(&count), "a page of {count} timestamps");
    let start = bytes.len();
    let plan = Plan::new(timestamps);
    let even = plan.arithmetic();
    let codec = if even.is_some() { TimestampCodec::Even } else { TimestampCodec::Packed };
    bytes.push(codec.code());
    put_uvarint(bytes, count as u64);
    match even {
        Some((first, step)) => {
            put_ivarint(bytes, first);
            put_ivarint(bytes, step);
        }
        None => plan.put(bytes),
    }
    let mut decoded: Entries = [0; VALUES_MAX];
    let sound = read(&bytes[start..], VALUES_MAX, &mut decoded) == Ok(count)
        && timestamps.iter().zip(&decoded).all(|(ts, decoded)| *ts == *decoded as i64);
    assert!(sound, "a page of timestamps decodes to what was encoded");
    TimestampPageInfo { codec, count, bytes: bytes.len() - start }
}

/// Decodes a page of at most `count_max` timestamps and appends them. After an error `timestamps` is
/// as it was.
///
/// # Errors
/// Bytes that are not such a page, or that go on behind it.
pub fn decode_timestamps(
    bytes: &[u8],
    count_max: usize,
    timestamps: &mut Vec<i64>,
) -> Result<(), PageError> {
    let mut entries: Entries = [0; VALUES_MAX];
    let count = read(bytes, count_max, &mut entries)?;
    timestamps.extend(entries[..count].iter().map(|entry| *entry as i64));
    Ok(())
}

/// Reads a page into the first entries, and returns how many.
fn read(bytes: &[u8], count_max: usize, entries: &mut Entries) -> Result<usize, PageError> {
    let mut cursor = Cursor::new(bytes);
    let code = cursor.byte("codec")?;
    let codec = TimestampCodec::from_code(code)
        .ok_or(PageError::UnknownCodec { column: "timestamps", code })?;
    let count = cursor.count(1, count_max)?;
    match codec {
        TimestampCodec::Even => linear::sequence(&mut cursor, &mut entries[..count])?,
        TimestampCodec::Packed => integers::decode(&mut cursor, count, entries)?,
    }
    cursor.end()?;
    Ok(count)
}
