//! Columns that several sections have: series references, timestamps, values.

use timberline_codec::varint::{ivarint, put_ivarint, put_uvarint, uvarint};
use timberline_model::{SeriesRef, TimeUnit};

use super::{TIMES_DELTA, TIMES_EQUAL, malformed};
use crate::LogError;

pub(super) const VALUE_BYTES: usize = size_of::<f64>();

pub(super) fn put_refs(bytes: &mut Vec<u8>, refs: &[SeriesRef]) {
    let mut previous = 0;
    for series in refs {
        assert!(series.0 >= previous, "series {series} comes after series {previous}");
        put_uvarint(bytes, series.0 - previous);
        previous = series.0;
    }
}

/// A unit, a form, and the timestamps in that unit. A scrape has one instant, which is stored once.
pub(super) fn put_timestamps(bytes: &mut Vec<u8>, timestamps: &[i64]) {
    let first = timestamps[0];
    if timestamps.iter().all(|ts| *ts == first) {
        let unit = TimeUnit::of(first);
        bytes.extend_from_slice(&[unit as u8, TIMES_EQUAL]);
        put_ivarint(bytes, first / unit.nanos());
        return;
    }
    let unit = unit_of(timestamps);
    bytes.extend_from_slice(&[unit as u8, TIMES_DELTA]);
    match unit {
        // With the divisor known, the compiler multiplies instead of dividing.
        TimeUnit::Milli => put_deltas::<1_000_000>(bytes, timestamps),
        TimeUnit::Micro => put_deltas::<1_000>(bytes, timestamps),
        _ => put_deltas::<1>(bytes, timestamps),
    }
}

fn put_deltas<const UNIT: i64>(bytes: &mut Vec<u8>, timestamps: &[i64]) {
    let mut previous: i64 = 0;
    for ts in timestamps {
        let ts = ts / UNIT;
        put_ivarint(bytes, ts.wrapping_sub(previous));
        previous = ts;
    }
}

/// The coarsest unit that holds all of them exactly.
fn unit_of(timestamps: &[i64]) -> TimeUnit {
    let mut unit = TimeUnit::Milli;
    for ts in timestamps {
        if ts % unit.nanos() != 0 {
            unit = TimeUnit::of(*ts).max(unit);
        }
    }
    unit
}

pub(super) fn put_values(bytes: &mut Vec<u8>, values: &[f64]) {
    bytes.reserve(size_of_val(values));
    for value in values {
        bytes.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

/// Appends `count` references; returns the bytes behind them.
pub(super) fn read_refs<'a>(
    mut bytes: &'a [u8],
    count: usize,
    refs: &mut Vec<SeriesRef>,
) -> Result<&'a [u8], LogError> {
    refs.reserve(count);
    let mut previous = 0_u64;
    for _ in 0..count {
        let (delta, rest) = uvarint(bytes).ok_or(malformed("series references are cut off"))?;
        previous = previous.checked_add(delta).ok_or(malformed("a series reference overflows"))?;
        refs.push(SeriesRef(previous));
        bytes = rest;
    }
    Ok(bytes)
}

/// Appends `count` timestamps; returns the bytes behind them.
pub(super) fn read_timestamps<'a>(
    bytes: &'a [u8],
    count: usize,
    timestamps: &mut Vec<i64>,
) -> Result<&'a [u8], LogError> {
    let cut = || malformed("timestamps are cut off");
    let [unit, form, rest @ ..] = bytes else { return Err(cut()) };
    let unit = TimeUnit::from_code(*unit).ok_or(malformed("unknown time unit"))?.nanos();
    let overflow = || malformed("a timestamp is beyond 64 bits of nanoseconds");
    let mut rest = rest;
    match *form {
        TIMES_EQUAL => {
            let (ts, tail) = ivarint(rest).ok_or_else(cut)?;
            let ts = ts.checked_mul(unit).ok_or_else(overflow)?;
            timestamps.resize(timestamps.len() + count, ts);
            rest = tail;
        }
        TIMES_DELTA => {
            timestamps.reserve(count);
            let mut previous: i64 = 0;
            for _ in 0..count {
                let (delta, tail) = ivarint(rest).ok_or_else(cut)?;
                previous = previous.wrapping_add(delta);
                timestamps.push(previous.checked_mul(unit).ok_or_else(overflow)?);
                rest = tail;
            }
        }
        _ => return Err(malformed("unknown form of timestamps")),
    }
    Ok(rest)
}

/// Appends a value for each eight bytes.
pub(super) fn read_values(bytes: &[u8], values: &mut Vec<f64>) {
    let bits = bytes.chunks_exact(VALUE_BYTES);
    values.extend(
        bits.map(|b| {
            f64::from_bits(u64::from_le_bytes(b.try_into().expect("chunks of eight bytes")))
        }),
    );
}
