//! One native histogram as bytes, as the log and the head store it: `docs/formats/histogram.md`.
//!
//! What this module is not: a column. A histogram stands by itself here, and so costs more than in a
//! page ([`crate::page`]), where it is written against the one before it.
//!
//! Invariants: the bytes say where they end; what is taken is bit for bit what was put, NaN payloads
//! included, and passes [`Histogram::check`]. Nothing is allocated for more buckets, spans or bounds
//! than there are bytes left.
//!
//! ```
//! use timberline_codec::histogram;
//! use timberline_model::Histogram;
//!
//! let mut bytes = Vec::new();
//! histogram::put(&Histogram::stale(), &mut bytes);
//! bytes.push(7);
//! let mut rest = bytes.as_slice();
//! assert!(histogram::take(&mut rest)?.is_stale());
//! assert_eq!(rest, [7]);
//! # Ok::<(), timberline_codec::CodecError>(())
//! ```

mod layout;

use timberline_model::{BucketCounts, Histogram, ResetHint};

pub(crate) use layout::{
    Layout, THRESHOLD_RAW, THRESHOLD_ZERO, put_layout, take_layout, threshold_code, threshold_of,
};

use crate::{
    CodecError,
    varint::{self, put_ivarint, put_uvarint},
};

/// The low bits of the first byte: the reset hint.
const HINT: u8 = 0b11;
/// The counts are floats.
const FLOAT: u8 = 0b100;
/// The bits above are the version, 0.
const VERSION_SHIFT: u32 = 3;

/// Bytes of the smallest histogram: flags, layout, the sum, count and zero count.
pub const BYTES_MIN: usize = 1 + layout::BYTES_MIN + 8 + 2;

/// Appends a histogram: 15 bytes, two or three for most spans and one to three for most buckets.
///
/// The histogram passes [`Histogram::check`]; one that does not could not be taken again.
pub fn put(histogram: &Histogram, bytes: &mut Vec<u8>) {
    debug_assert_eq!(histogram.check(), Ok(()), "only whole histograms are stored");
    bytes.push(histogram.reset_hint as u8 | if histogram.is_float() { FLOAT } else { 0 });
    put_layout(histogram, bytes);
    bytes.extend_from_slice(&histogram.sum.to_bits().to_le_bytes());
    match &histogram.counts {
        BucketCounts::Integer { count, zero_count, positive, negative } => {
            put_uvarint(bytes, excess(*count, *zero_count, positive, negative));
            put_uvarint(bytes, *zero_count);
            put_integers(positive, bytes);
            put_integers(negative, bytes);
        }
        BucketCounts::Float { count, zero_count, positive, negative } => {
            for count in [count, zero_count].into_iter().chain(positive).chain(negative) {
                put_float(*count, bytes);
            }
        }
    }
}

/// What the count exceeds its buckets by: 0 unless some observations were NaN, or it is stale.
pub(crate) fn excess(count: u64, zero_count: u64, positive: &[u64], negative: &[u64]) -> u64 {
    let buckets = positive.iter().chain(negative).fold(zero_count, |sum, n| sum.wrapping_add(*n));
    count.wrapping_sub(buckets)
}

/// The inverse of [`excess`].
pub(crate) fn whole_count(excess: u64, zero: u64, positive: &[u64], negative: &[u64]) -> u64 {
    positive.iter().chain(negative).fold(excess.wrapping_add(zero), |sum, n| sum.wrapping_add(*n))
}

/// Each by its difference from its neighbour: buckets side by side hold much the same.
fn put_integers(counts: &[u64], bytes: &mut Vec<u8>) {
    let mut before = 0_u64;
    for count in counts {
        put_ivarint(bytes, count.wrapping_sub(before) as i64);
        before = *count;
    }
}

/// In place of twice a whole count: the bits follow.
const RAW: u8 = 1;

/// Whole numbers up to here are counts that a varint holds more shortly.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

fn put_float(count: f64, bytes: &mut Vec<u8>) {
    let whole = count as u64;
    if (whole as f64).to_bits() == count.to_bits() && count < WHOLE_MAX {
        put_uvarint(bytes, whole * 2);
    } else {
        bytes.push(RAW);
        bytes.extend_from_slice(&count.to_bits().to_le_bytes());
    }
}

/// Takes a histogram off the front of `bytes`. After an error they are as they were.
///
/// # Errors
/// Bytes that end within it, that no histogram is stored as, or that are of a later version.
pub fn take(bytes: &mut &[u8]) -> Result<Histogram, CodecError> {
    let mut rest = *bytes;
    let histogram = take_fields(&mut rest)?;
    histogram.check()?;
    *bytes = rest;
    Ok(histogram)
}

fn take_fields(bytes: &mut &[u8]) -> Result<Histogram, CodecError> {
    let flags = take_byte(bytes, "flags")?;
    let version = flags >> VERSION_SHIFT;
    if version != 0 {
        return Err(CodecError::HistogramVersion { version });
    }
    let layout = take_layout(bytes)?;
    let sum = f64::from_bits(take_word(bytes, "sum")?);
    let counts = if flags & FLOAT == 0 {
        let excess = take_uvarint(bytes, "count")?;
        let zero_count = take_uvarint(bytes, "zero count")?;
        let positive = take_integers(bytes, layout.positive_count)?;
        let negative = take_integers(bytes, layout.negative_count)?;
        let count = whole_count(excess, zero_count, &positive, &negative);
        BucketCounts::Integer { count, zero_count, positive, negative }
    } else {
        let (count, zero_count) = (take_float(bytes)?, take_float(bytes)?);
        let positive = take_floats(bytes, layout.positive_count)?;
        let negative = take_floats(bytes, layout.negative_count)?;
        BucketCounts::Float { count, zero_count, positive, negative }
    };
    let reset_hint = ResetHint::from_code(flags & HINT).unwrap_or_default();
    Ok(layout.into_histogram(reset_hint, sum, counts))
}

fn take_integers(bytes: &mut &[u8], count: usize) -> Result<Vec<u64>, CodecError> {
    let mut counts = Vec::with_capacity(room(bytes, count, "buckets")?);
    let mut before = 0_u64;
    for _ in 0..count {
        let change = varint::unzigzag(take_uvarint(bytes, "buckets")?);
        before = before.wrapping_add(change as u64);
        counts.push(before);
    }
    Ok(counts)
}

fn take_floats(bytes: &mut &[u8], count: usize) -> Result<Vec<f64>, CodecError> {
    let mut counts = Vec::with_capacity(room(bytes, count, "buckets")?);
    for _ in 0..count {
        counts.push(take_float(bytes)?);
    }
    Ok(counts)
}

fn take_float(bytes: &mut &[u8]) -> Result<f64, CodecError> {
    let number = take_uvarint(bytes, "counts")?;
    if number % 2 == 0 {
        return Ok((number / 2) as f64);
    }
    if number != u64::from(RAW) {
        let (value, max) = (number, u64::from(RAW));
        return Err(CodecError::HistogramRange { field: "mark", value, max });
    }
    Ok(f64::from_bits(take_word(bytes, "counts")?))
}

/// A number of entries of at least a byte each, if there are so many bytes.
fn room(bytes: &[u8], count: usize, field: &'static str) -> Result<usize, CodecError> {
    if count <= bytes.len() { Ok(count) } else { Err(CodecError::HistogramCut { field }) }
}

fn take_byte(bytes: &mut &[u8], field: &'static str) -> Result<u8, CodecError> {
    let (byte, rest) = bytes.split_first().ok_or(CodecError::HistogramCut { field })?;
    *bytes = rest;
    Ok(*byte)
}

fn take_word(bytes: &mut &[u8], field: &'static str) -> Result<u64, CodecError> {
    let (word, rest) = bytes.split_first_chunk().ok_or(CodecError::HistogramCut { field })?;
    *bytes = rest;
    Ok(u64::from_le_bytes(*word))
}

fn take_uvarint(bytes: &mut &[u8], field: &'static str) -> Result<u64, CodecError> {
    let (value, rest) = varint::uvarint(bytes).ok_or(CodecError::HistogramCut { field })?;
    *bytes = rest;
    Ok(value)
}

#[cfg(test)]
pub(crate) mod tests;
