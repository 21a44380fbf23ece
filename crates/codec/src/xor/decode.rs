//! Payload in, columns out.

use super::{COUNT_BYTES, DELTA_CLASSES};
use crate::{CodecError, bits::BitReader, varint};

/// The sample count that a payload says it has.
///
/// # Errors
/// A payload of fewer than two bytes.
pub fn sample_count(payload: &[u8]) -> Result<usize, CodecError> {
    let count = payload.first_chunk::<COUNT_BYTES>();
    let count = count.ok_or(CodecError::Cut { len: payload.len(), count: 0 })?;
    Ok(usize::from(u16::from_be_bytes(*count)))
}

/// Decodes a payload and appends its samples to the columns, timestamps in the payload's own unit.
/// After an error the columns are as they were.
///
/// # Errors
/// A payload that ends before its samples do, that goes on behind them, or that names more
/// significant bits than a value has. Never allocates for more samples than the bytes can hold.
pub fn decode(
    payload: &[u8],
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), CodecError> {
    let (known_timestamps, known_values) = (timestamps.len(), values.len());
    let result = decode_onto(payload, timestamps, values);
    if result.is_err() {
        timestamps.truncate(known_timestamps);
        values.truncate(known_values);
    }
    result
}

fn decode_onto(
    payload: &[u8],
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), CodecError> {
    let count = sample_count(payload)?;
    let len = payload.len();
    let cut = || CodecError::Cut { len, count };
    let mut rest = &payload[COUNT_BYTES..];
    if count > 0 {
        let (ts, tail) = varint::ivarint(rest).ok_or_else(cut)?;
        let (value, tail) = tail.split_first_chunk::<8>().ok_or_else(cut)?;
        let value = u64::from_be_bytes(*value);
        timestamps.push(ts);
        values.push(f64::from_bits(value));
        rest = tail;
        if count > 1 {
            let (delta, bits) = varint::uvarint(rest).ok_or_else(cut)?;
            // The second sample takes at least one bit and each later one two.
            if bits.len() * 8 < 2 * (count - 1) - 1 {
                return Err(cut());
            }
            let (from_ts, from_value) = (timestamps.len(), values.len());
            timestamps.resize(from_ts + count - 1, 0);
            values.resize(from_value + count - 1, 0.0);
            let columns = (&mut timestamps[from_ts..], &mut values[from_value..]);
            let state = State { ts, delta, value, width: u64::BITS, trailing: 0 };
            let used = read_bits(bits, state, columns.0, columns.1)?.ok_or_else(cut)?;
            rest = &bits[used..];
        }
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(CodecError::Trailing { len, extra: rest.len(), count })
    }
}

/// What the next sample is written against.
struct State {
    ts: i64,
    delta: u64,
    value: u64,
    /// Significant bits of the current window.
    width: u32,
    /// Zeros below the window.
    trailing: u32,
}

/// Reads the samples after the first, as many as the columns have room for, and returns how many
/// bytes they took; `None` when there were not enough.
fn read_bits(
    bits: &[u8],
    mut state: State,
    timestamps: &mut [i64],
    values: &mut [f64],
) -> Result<Option<usize>, CodecError> {
    let mut reader = BitReader::new(bits);
    let columns = timestamps.iter_mut().zip(values);
    for (index, (ts, value)) in columns.enumerate() {
        let mut word = reader.peek();
        // The second sample's delta is no delta of deltas: it was read before.
        if index > 0 {
            if word >> 63 == 0 {
                word <<= 1;
                reader.skip(1);
            } else {
                let (change, after) = read_change(&mut reader, word);
                state.delta = state.delta.wrapping_add(change as u64);
                word = after;
            }
        }
        state.ts = state.ts.wrapping_add(state.delta as i64);
        *ts = state.ts;
        if word >> 63 == 0 {
            reader.skip(1);
        } else {
            if word >> 62 & 1 == 0 {
                reader.skip(2);
            } else {
                let leading = (word >> 57 & 0x1f) as u32;
                // 64 significant bits are written as none.
                let significant = ((word >> 51 & 0x3f) as u32).wrapping_sub(1) & 0x3f;
                state.width = significant + 1;
                if leading + state.width > u64::BITS {
                    let significant = state.width;
                    return Err(CodecError::Window { leading, significant, index: index + 1 });
                }
                state.trailing = u64::BITS - leading - state.width;
                reader.skip(13);
            }
            state.value ^= reader.read(state.width) << state.trailing;
        }
        *value = f64::from_bits(state.value);
    }
    Ok((!reader.is_past_end()).then(|| reader.position().div_ceil(8)))
}

/// A delta of deltas that is not zero, and what follows it; `word` is what the reader shows.
///
/// What follows need not be fetched again after the narrow classes: they take 24 bits at most, and a
/// value's header needs 13 of those left.
#[inline]
fn read_change(reader: &mut BitReader<'_>, word: u64) -> (i64, u64) {
    const { assert!(BitReader::PEEK_BITS - 24 >= 13) };
    for (index, (_, prefix_bits, bits)) in DELTA_CLASSES.into_iter().enumerate() {
        // One more 1 than the class before, then a 0.
        if word >> (62 - index) & 1 == 0 {
            reader.skip(prefix_bits + bits);
            let number = (word << prefix_bits >> (64 - bits)) as i64;
            let half = 1_i64 << (bits - 1);
            let change = if number > half { number - 2 * half } else { number };
            return (change, word << (prefix_bits + bits));
        }
    }
    reader.skip(4);
    let change = reader.read(u64::BITS) as i64;
    (change, reader.peek())
}
