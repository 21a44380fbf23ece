//! Exceptions within a page: where they are, and what is there.
//!
//! A position is written as the distance from the place after the exception before.

use super::{PageError, cursor::Cursor, pack::Entries, pack::mask};
use crate::varint::put_uvarint;

/// Writes the bits above `width` of those of the entries that have any.
pub(super) fn put_high_bits(entries: &[u64], width: u32, bytes: &mut Vec<u8>) {
    let fit = mask(width);
    let mut next = 0;
    for (position, entry) in entries.iter().enumerate() {
        if *entry > fit {
            put_uvarint(bytes, (position - next) as u64);
            put_uvarint(bytes, entry >> width);
            next = position + 1;
        }
    }
}

/// Reads `patches` exceptions and puts their bits above those of the entries.
pub(super) fn apply_high_bits(
    cursor: &mut Cursor<'_>,
    patches: usize,
    width: u32,
    count: usize,
    entries: &mut Entries,
) -> Result<(), PageError> {
    let mut next = 0;
    for _ in 0..patches {
        let position = position(cursor.uvarint("patch position")?, next, count)?;
        let high = cursor.uvarint("patch bits")?;
        let max = u64::MAX.checked_shr(width).unwrap_or(0);
        if high > max {
            return Err(PageError::Range { field: "patch bits", value: high, max });
        }
        // With a width of 64 only zero passes.
        entries[position] |= high.checked_shl(width).unwrap_or(0);
        next = position + 1;
    }
    Ok(())
}

/// Writes whole values at ascending positions: the count, then each, and one that equals the one
/// before by a flag only.
pub(super) fn put_values(positions: &[u16], values: &[f64], bytes: &mut Vec<u8>) {
    put_uvarint(bytes, positions.len() as u64);
    let (mut next, mut last) = (0, None);
    for position in positions.iter().map(|position| usize::from(*position)) {
        let bits = values[position].to_bits();
        let same = last == Some(bits);
        put_uvarint(bytes, ((position - next) as u64) << 1 | u64::from(same));
        if !same {
            bytes.extend_from_slice(&bits.to_le_bytes());
        }
        (next, last) = (position + 1, Some(bits));
    }
}

/// Reads what [`put_values`] wrote over the values.
pub(super) fn apply_values(cursor: &mut Cursor<'_>, values: &mut [f64]) -> Result<(), PageError> {
    let patches = cursor.uvarint("patch count")?;
    let (mut next, mut last) = (0, 0.0);
    for _ in 0..bounded(patches, values.len())? {
        let gap = cursor.uvarint("patch position")?;
        let position = position(gap >> 1, next, values.len())?;
        if gap & 1 == 0 {
            last = f64::from_bits(cursor.word("patch value")?);
        }
        values[position] = last;
        next = position + 1;
    }
    Ok(())
}

/// A number of patches, of which there are no more than entries.
pub(super) fn bounded(patches: u64, count: usize) -> Result<usize, PageError> {
    match usize::try_from(patches) {
        Ok(patches) if patches <= count => Ok(patches),
        _ => Err(PageError::Range { field: "patch count", value: patches, max: count as u64 }),
    }
}

fn position(gap: u64, next: usize, count: usize) -> Result<usize, PageError> {
    match usize::try_from(gap).ok().and_then(|gap| gap.checked_add(next)) {
        Some(position) if position < count => Ok(position),
        _ => {
            let max = (count as u64).saturating_sub(1);
            Err(PageError::Range { field: "patch position", value: gap, max })
        }
    }
}
