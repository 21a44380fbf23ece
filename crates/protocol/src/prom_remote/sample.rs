//! Samples as both versions of remote write have them: a double and milliseconds.

use timberline_model::{NANOS_PER_MILLI, RejectReason};

use crate::{DecodeLimits, Decoded, ProtocolError, protobuf::Reader};

/// One sample as it came: milliseconds and a value. What is absent is zero, as protobuf has it.
pub(super) type WireSample = (i64, f64);

/// Reads a sample; version 2.0's start time is not stored yet and skipped, as any field not known.
#[inline]
fn read(mut message: Reader<'_>) -> Result<WireSample, ProtocolError> {
    let mut sample = (0, 0.0);
    while let Some(field) = message.next()? {
        match field.number {
            1 => sample.1 = field.double()?,
            // Negative numbers are written as the 64-bit number that they are modulo 2^64.
            2 => sample.0 = field.varint()? as i64,
            _ => {}
        }
    }
    Ok(sample)
}

/// Reads a sample behind others of its request, of which there may be `len_max`. Looked at before each
/// of them: two bytes of a body make one.
#[inline]
pub(super) fn push(
    samples: &mut Vec<WireSample>,
    message: Reader<'_>,
    len_max: usize,
    limits: &DecodeLimits,
) -> Result<(), ProtocolError> {
    if samples.len() >= len_max {
        return Err(limits.too_many_samples());
    }
    samples.push(read(message)?);
    Ok(())
}

/// Pushes the samples of the series pushed last, and rejects those whose time does not fit.
#[inline]
pub(super) fn push_all(decoded: &mut Decoded<'_>, series_index: usize, samples: &[WireSample]) {
    for &(ts_ms, value) in samples {
        match ts_ms.checked_mul(NANOS_PER_MILLI) {
            Some(ts) => decoded.batch.push_sample(ts, value),
            None => decoded.reject(series_index, 1, time_out_of_range(ts_ms)),
        }
    }
}

#[cold]
fn time_out_of_range(ts_ms: i64) -> RejectReason {
    let words = format!("timestamp {ts_ms} ms is out of range (years 1677 to 2262)");
    RejectReason::Protocol(words)
}
