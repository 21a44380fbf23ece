//! Why bytes are not what a decoder reads.

use timberline_model::HistogramError;

/// Why bytes cannot be decoded. Always the bytes' fault: whoever holds them (a block, a message)
/// wraps this and says whether that means a corrupt disk or an invalid request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Fewer bytes than the frame around a payload needs.
    #[error("chunk of {len} bytes is shorter than the {min} bytes that every chunk has")]
    TooShort {
        /// Bytes given.
        len: usize,
        /// Bytes of the smallest chunk.
        min: usize,
    },
    /// The checksum does not match.
    #[error("chunk checksum is {stored:#010x} but its bytes give {computed:#010x}")]
    Checksum {
        /// As stored.
        stored: u32,
        /// As computed.
        computed: u32,
    },
    /// A codec that this version does not know.
    #[error("chunk is in codec {code}; this version reads codec 1 (xor)")]
    UnknownCodec {
        /// The codec byte.
        code: u8,
    },
    /// A time unit that this version does not know.
    #[error("chunk has time unit {code}; this version reads units 0 to 3 (s, ms, us, ns)")]
    UnknownUnit {
        /// The unit byte.
        code: u8,
    },
    /// A sample count that a chunk cannot have.
    #[error("chunk says it holds {count} samples; chunks hold 1 to {max}")]
    SampleCount {
        /// As stored.
        count: usize,
        /// The most a chunk holds.
        max: usize,
    },
    /// The payload ends before its last sample.
    #[error("xor payload of {len} bytes ends before its {count} samples do")]
    Cut {
        /// Bytes of the payload.
        len: usize,
        /// Samples it says it holds.
        count: usize,
    },
    /// The payload goes on after its last sample.
    #[error("xor payload of {len} bytes has {extra} bytes after its {count} samples")]
    Trailing {
        /// Bytes of the payload.
        len: usize,
        /// Whole bytes left over.
        extra: usize,
        /// Samples it says it holds.
        count: usize,
    },
    /// A window of significant bits that does not fit in 64 bits.
    #[error(
        "xor window of {leading} leading and {significant} significant bits exceeds 64 (near sample {index})"
    )]
    Window {
        /// Leading zeros.
        leading: u32,
        /// Significant bits.
        significant: u32,
        /// Which sample, counted from zero.
        index: usize,
    },
    /// A timestamp that 64 bits of nanoseconds cannot hold.
    #[error("timestamp {ts} in units of {unit_nanos} ns is beyond 64 bits of nanoseconds")]
    TimeOverflow {
        /// In the chunk's unit.
        ts: i64,
        /// Nanoseconds of the unit.
        unit_nanos: i64,
    },
    /// A stored histogram ends too early.
    #[error("histogram ends within its {field}")]
    HistogramCut {
        /// What was being read.
        field: &'static str,
    },
    /// A stored histogram has a number that is out of its range.
    #[error("histogram has {field} {value}, which exceeds {max}")]
    HistogramRange {
        /// Which number.
        field: &'static str,
        /// As stored.
        value: u64,
        /// The largest that makes sense.
        max: u64,
    },
    /// A stored histogram is in a version that this one does not know.
    #[error("histogram is in version {version} of its form; this version reads version 0")]
    HistogramVersion {
        /// The version found.
        version: u8,
    },
    /// What a histogram's bytes say is no histogram.
    #[error("histogram: {0}")]
    Histogram(#[from] HistogramError),
    /// A chunk of Prometheus' in an encoding that is not read here.
    #[error(
        "prometheus chunk has encoding {code}, which is not one that is read here (1 xor, 2 histogram, 3 float histogram)"
    )]
    PrometheusEncoding {
        /// The number found.
        code: u8,
    },
    /// A chunk of Prometheus' ends too early.
    #[error("prometheus chunk ends within its {field}")]
    PrometheusCut {
        /// What was being read.
        field: &'static str,
    },
    /// A chunk of Prometheus' goes on behind its last sample.
    #[error("prometheus chunk has {extra} bytes after its last sample")]
    PrometheusTrailing {
        /// Whole bytes left over.
        extra: usize,
    },
    /// A chunk of Prometheus' has a number that is out of its range.
    #[error("prometheus chunk has {field} {value}, which exceeds {max}")]
    PrometheusRange {
        /// Which number.
        field: &'static str,
        /// As stored.
        value: u64,
        /// The largest that makes sense.
        max: u64,
    },
}
