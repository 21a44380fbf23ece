//! The Gorilla payload as a page. Its timestamps are all zero, which costs a bit each.

use super::{PageError, cursor::Cursor};
use crate::xor::{self, XorEncoder};

pub(super) fn encode(values: &[f64], bytes: &mut Vec<u8>) {
    let mut encoder = XorEncoder::new();
    for value in values {
        encoder.append(0, *value);
    }
    bytes.extend_from_slice(encoder.payload());
}

/// A number of bytes that the payload does not fall below.
pub(super) fn least_bytes(values: &[f64]) -> usize {
    let bits: usize = values
        .windows(2)
        .map(|pair| match pair[0].to_bits() ^ pair[1].to_bits() {
            // Each value has a bit of its timestamp, too.
            0 => 2,
            xor => 3 + (u64::BITS - xor.leading_zeros() - xor.trailing_zeros()) as usize,
        })
        .sum();
    bits / 8
}

pub(super) fn decode(cursor: &mut Cursor<'_>, values: &mut [f64]) -> Result<(), PageError> {
    let payload = cursor.remaining();
    let count = xor::sample_count(payload)?;
    if count != values.len() {
        return Err(PageError::Count { count: count as u64, max: values.len() });
    }
    let (mut timestamps, mut decoded) = (Vec::new(), Vec::new());
    xor::decode(payload, &mut timestamps, &mut decoded)?;
    values.copy_from_slice(&decoded);
    Ok(())
}
