//! The chunks of a Prometheus block: segments in the directory `chunks`.
//!
//! The format is in `docs/formats/prometheus-blocks.md`. Timestamps are milliseconds there and
//! nanoseconds here.

use timberline_codec::{
    CodecError,
    crc::{crc32c, crc32c_append},
    prometheus::{self, Encoding},
};
use timberline_model::{NANOS_PER_MILLI, SeriesColumns};

use super::bytes::{Bytes, Fault};

/// First bytes of a segment.
pub(crate) const MAGIC: u32 = 0x85BD_40DD;
/// The version that is read and written.
pub(crate) const VERSION: u8 = 1;
/// A chunk never has more bytes: hundreds of times what Prometheus writes. One sample takes a few bits, and
/// much more when it is decoded.
const CHUNK_BYTES_MAX: usize = 16 << 20;
/// Bytes before the first chunk.
pub(crate) const HEADER_BYTES: usize = 8;

/// Why a chunk cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A segment that is none.
    #[error("not a segment of chunks of version {VERSION}")]
    Header,
    /// Bytes that make no sense.
    #[error("{0}")]
    Cut(Fault),
    /// A checksum that does not match.
    #[error("its checksum does not match")]
    Checksum,
    /// A chunk larger than any.
    #[error("it has {0} bytes; a chunk has no more than {CHUNK_BYTES_MAX}")]
    TooLarge(usize),
    /// A payload that cannot be decoded.
    #[error(transparent)]
    Payload(#[from] CodecError),
    /// A timestamp that 64 bits of nanoseconds cannot hold.
    #[error("timestamp {0} ms is beyond 64 bits of nanoseconds (years 1677 to 2262)")]
    Time(i64),
}

/// Checks the first bytes of a segment.
///
/// # Errors
/// Another magic number or version.
pub fn check_segment(bytes: &[u8]) -> Result<(), ChunkError> {
    let sound =
        bytes.len() >= HEADER_BYTES && bytes[..4] == MAGIC.to_be_bytes() && bytes[4] == VERSION;
    if sound { Ok(()) } else { Err(ChunkError::Header) }
}

/// Appends the samples of the chunk at an offset of a segment, times in nanoseconds.
///
/// # Errors
/// Bytes that are no chunk; the columns may have some of its samples then.
pub fn read_chunk(
    segment: &[u8],
    offset: usize,
    columns: &mut SeriesColumns,
) -> Result<(), ChunkError> {
    let mut bytes = Bytes::new(segment.get(offset..).unwrap_or_default());
    let len = bytes.count(1, "a length").map_err(ChunkError::Cut)?;
    if len > CHUNK_BYTES_MAX {
        return Err(ChunkError::TooLarge(len));
    }
    let encoding = bytes.byte("an encoding").map_err(ChunkError::Cut)?;
    let payload = bytes.take(len, "a payload").map_err(ChunkError::Cut)?;
    let crc = crc32c_append(crc32c(&[encoding]), payload);
    if bytes.u32("a checksum").map_err(ChunkError::Cut)? != crc {
        return Err(ChunkError::Checksum);
    }
    match Encoding::from_code(encoding)? {
        Encoding::Xor => read_floats(payload, columns),
        histograms => read_histograms(histograms, payload, columns),
    }
}

fn read_floats(payload: &[u8], columns: &mut SeriesColumns) -> Result<(), ChunkError> {
    let start = columns.timestamps.len();
    prometheus::decode_floats(payload, &mut columns.timestamps, &mut columns.values)?;
    if !columns.starts.is_empty() {
        columns.starts.resize(columns.timestamps.len(), 0);
    }
    to_nanos(&mut columns.timestamps[start..])
}

fn read_histograms(
    encoding: Encoding,
    payload: &[u8],
    columns: &mut SeriesColumns,
) -> Result<(), ChunkError> {
    let column = &mut columns.histograms;
    let start = column.timestamps.len();
    prometheus::decode_histograms(encoding, payload, &mut column.timestamps, &mut column.values)?;
    if !column.starts.is_empty() {
        column.starts.resize(column.timestamps.len(), 0);
    }
    to_nanos(&mut column.timestamps[start..])
}

fn to_nanos(timestamps: &mut [i64]) -> Result<(), ChunkError> {
    for ts in timestamps {
        *ts = nanos(*ts)?;
    }
    Ok(())
}

/// Milliseconds as nanoseconds.
pub(crate) fn nanos(ms: i64) -> Result<i64, ChunkError> {
    ms.checked_mul(NANOS_PER_MILLI).ok_or(ChunkError::Time(ms))
}

#[cfg(test)]
mod tests {
    use timberline_codec::varint::put_uvarint;

    use super::*;

    #[test]
    fn a_chunk_that_is_too_large_is_not_decoded() {
        let mut segment = Vec::new();
        put_uvarint(&mut segment, CHUNK_BYTES_MAX as u64 + 1);
        let len = segment.len() + CHUNK_BYTES_MAX + 6;
        segment.resize(len, 0);
        let mut columns = SeriesColumns::default();
        let error = ChunkError::TooLarge(CHUNK_BYTES_MAX + 1);
        assert_eq!(read_chunk(&segment, 0, &mut columns), Err(error));
    }
}
