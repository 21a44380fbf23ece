//! Values in even steps: `(first + index * step) / 10^exponent`.

use super::{PageError, cursor::Cursor, pack::Entries, scale::Scale};
use crate::varint::put_ivarint;

pub(super) fn encode(scale: Scale, first: i64, step: i64, bytes: &mut Vec<u8>) {
    bytes.push(scale.to_byte());
    put_ivarint(bytes, first);
    put_ivarint(bytes, step);
}

pub(super) fn decode(cursor: &mut Cursor<'_>, values: &mut [f64]) -> Result<(), PageError> {
    let scale = Scale::from_byte(cursor.byte("scale")?)?;
    let mut integers: Entries = [0; _];
    sequence(cursor, &mut integers[..values.len()])?;
    scale.apply(&integers[..values.len()], values)
}

/// Reads first and step and fills in the sequence. It wraps.
pub(super) fn sequence(cursor: &mut Cursor<'_>, integers: &mut [u64]) -> Result<(), PageError> {
    let mut integer = cursor.ivarint("first")? as u64;
    let step = cursor.ivarint("step")? as u64;
    for place in integers {
        *place = integer;
        integer = integer.wrapping_add(step);
    }
    Ok(())
}
