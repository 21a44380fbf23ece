//! Samples as both versions of remote write have them: a double and milliseconds. Version 2.0 adds when
//! what they count began; 1.0 has no such field.

use timberline_model::{NANOS_PER_MILLI, RejectReason};

use super::contents::Left;
use crate::{ProtocolError, protobuf::Reader};

/// One sample as it came. What is absent is zero, as protobuf has it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WireSample {
    pub(super) ts_ms: i64,
    /// 0 where nobody said.
    pub(super) start_ms: i64,
    pub(super) value: f64,
}

#[inline]
fn read(mut message: Reader<'_>) -> Result<WireSample, ProtocolError> {
    let mut sample = WireSample::default();
    while let Some(field) = message.next()? {
        match field.number {
            1 => sample.value = field.double()?,
            // Negative numbers are written as the 64-bit number that they are modulo 2^64.
            2 => sample.ts_ms = field.varint()? as i64,
            3 => sample.start_ms = field.varint()? as i64,
            _ => {}
        }
    }
    Ok(sample)
}

/// Reads a sample behind others. Their number is looked at before each: two bytes of a body make one.
#[inline]
pub(super) fn push(
    samples: &mut Vec<WireSample>,
    message: Reader<'_>,
    left: &mut Left,
) -> Result<(), ProtocolError> {
    left.take(1)?;
    samples.push(read(message)?);
    Ok(())
}

/// Milliseconds in nanoseconds, if 64 bits hold them.
#[inline]
pub(super) const fn nanos(ms: i64) -> Option<i64> {
    ms.checked_mul(NANOS_PER_MILLI)
}

/// The reason to reject what has a time beyond 64 bits of nanoseconds.
#[cold]
pub(super) fn out_of_range(what: &'static str, ms: i64) -> RejectReason {
    RejectReason::Protocol(format!("{what} {ms} ms is out of range (years 1677 to 2262)"))
}
