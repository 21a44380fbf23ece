//! Chunks: up to 120 samples of one series as they lie in blocks and, sealed, in the head.
//!
//! The format is `docs/formats/chunk.md`: codec, unit, payload, CRC32C over all before. What this
//! module is not: an index. A chunk does not know its series.
//!
//! Invariant: a byte changed anywhere in a chunk is an error when it is decoded, never other samples.

use crate::{
    CodecError,
    crc::crc32c,
    xor::{self, XorEncoder},
};

/// Most samples of a chunk.
pub const SAMPLES_MAX: usize = 120;

/// The codec byte of a Gorilla payload ([`xor`]).
pub const CODEC_XOR: u8 = 1;

/// The unit byte of whole seconds.
pub const UNIT_SECOND: u8 = 0;
/// The unit byte of whole milliseconds.
pub const UNIT_MILLI: u8 = 1;
/// The unit byte of whole microseconds.
pub const UNIT_MICRO: u8 = 2;
/// The unit byte of nanoseconds.
pub const UNIT_NANO: u8 = 3;

/// Bytes around the payload: codec, unit, checksum.
pub const FRAME_BYTES: usize = HEADER_BYTES + CRC_BYTES;

const HEADER_BYTES: usize = 2;
const CRC_BYTES: usize = 4;

/// Nanoseconds of a unit, by its stored number.
///
/// # Errors
/// A number that is none of the four units.
pub const fn unit_nanos(unit: u8) -> Result<i64, CodecError> {
    match unit {
        UNIT_SECOND => Ok(1_000_000_000),
        UNIT_MILLI => Ok(1_000_000),
        UNIT_MICRO => Ok(1_000),
        UNIT_NANO => Ok(1),
        _ => Err(CodecError::UnknownUnit { code: unit }),
    }
}

/// The chunk of an encoder's samples, whose timestamps are in `unit`.
///
/// # Panics
/// When `unit` is not one of the four, or the encoder has none or more than [`SAMPLES_MAX`] samples.
#[must_use]
pub fn seal(unit: u8, encoder: &XorEncoder) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoder.payload().len() + FRAME_BYTES);
    seal_into(unit, encoder, &mut bytes);
    bytes
}

/// As [`seal`], appending the chunk to `bytes`.
///
/// # Panics
/// As [`seal`].
pub fn seal_into(unit: u8, encoder: &XorEncoder, bytes: &mut Vec<u8>) {
    let count = usize::from(encoder.count());
    assert!((1..=SAMPLES_MAX).contains(&count), "a chunk of {count} samples");
    assert!(unit_nanos(unit).is_ok(), "a chunk in unit {unit}");
    let start = bytes.len();
    bytes.extend_from_slice(&[CODEC_XOR, unit]);
    bytes.extend_from_slice(encoder.payload());
    let crc = crc32c(&bytes[start..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
}

/// Checks a chunk's frame and returns its unit and its payload, which is not looked into.
///
/// # Errors
/// Too few bytes, a checksum that does not match, or a codec or unit that is not known.
pub fn open(bytes: &[u8]) -> Result<(u8, &[u8]), CodecError> {
    let min = FRAME_BYTES + 1;
    let too_short = || CodecError::TooShort { len: bytes.len(), min };
    let (checked, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or_else(too_short)?;
    let (&[codec, unit], payload) =
        checked.split_first_chunk::<HEADER_BYTES>().ok_or_else(too_short)?;
    let (stored, computed) = (u32::from_le_bytes(*crc), crc32c(checked));
    if stored != computed {
        return Err(CodecError::Checksum { stored, computed });
    }
    if codec != CODEC_XOR {
        return Err(CodecError::UnknownCodec { code: codec });
    }
    unit_nanos(unit)?;
    Ok((unit, payload))
}

/// Decodes a chunk and appends its samples to the columns, timestamps in nanoseconds since the Unix
/// epoch. After an error the columns are as they were.
///
/// # Errors
/// Whatever [`open`] and [`decode_payload`] find, or a chunk without samples.
pub fn decode(
    bytes: &[u8],
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), CodecError> {
    let (unit, payload) = open(bytes)?;
    if xor::sample_count(payload)? == 0 {
        return Err(CodecError::SampleCount { count: 0, max: SAMPLES_MAX });
    }
    decode_payload(unit, payload, timestamps, values)
}

/// Decodes a payload without a frame, as the head has it while a chunk is open. Appends as [`decode`]
/// does; a payload without samples is fine.
///
/// # Errors
/// Whatever [`xor::decode`] finds, an unknown unit, more than [`SAMPLES_MAX`] samples, or a timestamp
/// that 64 bits of nanoseconds cannot hold.
pub fn decode_payload(
    unit: u8,
    payload: &[u8],
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), CodecError> {
    let nanos = unit_nanos(unit)?;
    let count = xor::sample_count(payload)?;
    if count > SAMPLES_MAX {
        return Err(CodecError::SampleCount { count, max: SAMPLES_MAX });
    }
    let (known_timestamps, known_values) = (timestamps.len(), values.len());
    xor::decode(payload, timestamps, values)?;
    if let Err(error) = scale(&mut timestamps[known_timestamps..], nanos) {
        timestamps.truncate(known_timestamps);
        values.truncate(known_values);
        return Err(error);
    }
    Ok(())
}

/// Turns units into nanoseconds.
fn scale(timestamps: &mut [i64], unit_nanos: i64) -> Result<(), CodecError> {
    let (min, max) = (i64::MIN / unit_nanos, i64::MAX / unit_nanos);
    let mut sound = true;
    for ts in timestamps.iter() {
        sound &= (min..=max).contains(ts);
    }
    if !sound {
        let beyond = timestamps.iter().find(|ts| !(min..=max).contains(*ts)).copied();
        return Err(CodecError::TimeOverflow { ts: beyond.unwrap_or(0), unit_nanos });
    }
    for ts in timestamps {
        *ts *= unit_nanos;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
