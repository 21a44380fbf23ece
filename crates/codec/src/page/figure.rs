//! A float by itself, as short as decimals of few digits are: exponent and zigzag varint, or a mark and
//! the bits. For figures of pages and bounds of buckets, of which there are few; columns are packed.

use super::{
    PageError,
    cursor::Cursor,
    scale::{Scale, integer_of},
};
use crate::varint::put_ivarint;

/// Digits that are tried before a float is stored as it is.
const DIGITS_MAX: u8 = 12;

/// In place of an exponent: the bits follow.
const RAW: u8 = 0xff;

/// Appends a float, 2 to 9 bytes.
pub(crate) fn put(value: f64, bytes: &mut Vec<u8>) {
    let decimal = (0..=DIGITS_MAX)
        .find_map(|exponent| integer_of(value, exponent).map(|integer| (exponent, integer)));
    match decimal {
        Some((exponent, integer)) => {
            bytes.push(exponent);
            put_ivarint(bytes, integer);
        }
        None => {
            bytes.push(RAW);
            bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }
}

/// Reads a float within a page.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<f64, PageError> {
    let exponent = cursor.byte("exponent")?;
    if exponent == RAW {
        return Ok(f64::from_bits(cursor.word("figure")?));
    }
    if exponent > DIGITS_MAX {
        let (value, max) = (u64::from(exponent), u64::from(DIGITS_MAX));
        return Err(PageError::Range { field: "exponent", value, max });
    }
    let mut value = [0.0];
    Scale::divide(exponent).apply(&[cursor.ivarint("figure")? as u64], &mut value)?;
    Ok(value[0])
}

/// Reads a float off the front of some bytes; `None` when they end within it or are none.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<f64> {
    let mut cursor = Cursor::new(bytes);
    let value = read(&mut cursor).ok()?;
    *bytes = cursor.remaining();
    Some(value)
}
