//! How samples are cut into chunks.

use timberline_model::{Histogram, ResetHint};

use super::{encode, layout, resets};
use crate::{CodecError, xor::XorEncoder};

/// Most samples of a chunk that is encoded; Prometheus' own may have more.
pub const SAMPLES_MAX: usize = 120;

/// The most that the histograms of a chunk hold together: counts of buckets, spans and bounds.
pub const CELLS_MAX: usize = 1 << 22;

/// How a chunk is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Floats.
    Xor,
    /// Native histograms of whole counts.
    Histogram,
    /// Native histograms of float counts.
    FloatHistogram,
}

impl Encoding {
    /// The number that Prometheus has for it, in blocks and in remote read.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Xor => 1,
            Self::Histogram => 2,
            Self::FloatHistogram => 3,
        }
    }

    /// The encoding of a number.
    ///
    /// # Errors
    /// Any number but 1 to 3.
    pub const fn from_code(code: u8) -> Result<Self, CodecError> {
        match code {
            1 => Ok(Self::Xor),
            2 => Ok(Self::Histogram),
            3 => Ok(Self::FloatHistogram),
            _ => Err(CodecError::PrometheusEncoding { code }),
        }
    }
}

/// A chunk and what its holder keeps beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How the bytes are to be read.
    pub encoding: Encoding,
    /// The first timestamp, in milliseconds.
    pub min_ts: i64,
    /// The last timestamp, in milliseconds.
    pub max_ts: i64,
    /// Samples.
    pub count: usize,
    /// The chunk.
    pub bytes: Vec<u8>,
}

/// Appends chunks of up to [`SAMPLES_MAX`] floats each. Timestamps are milliseconds, and rise.
///
/// # Panics
/// When there are not as many timestamps as values.
pub fn encode_floats(timestamps: &[i64], values: &[f64], chunks: &mut Vec<Chunk>) {
    assert_eq!(timestamps.len(), values.len(), "a timestamp for each value");
    for (timestamps, values) in timestamps.chunks(SAMPLES_MAX).zip(values.chunks(SAMPLES_MAX)) {
        let mut encoder = XorEncoder::new();
        for (ts, value) in timestamps.iter().zip(values) {
            encoder.append(*ts, *value);
        }
        chunks.push(chunk_of(Encoding::Xor, timestamps, encoder.payload().to_vec()));
    }
}

fn chunk_of(encoding: Encoding, timestamps: &[i64], bytes: Vec<u8>) -> Chunk {
    let (min_ts, max_ts) = (timestamps[0], timestamps[timestamps.len() - 1]);
    Chunk { encoding, min_ts, max_ts, count: timestamps.len(), bytes }
}

/// Appends chunks of up to [`SAMPLES_MAX`] histograms each. Timestamps are milliseconds, and rise.
///
/// A chunk ends where the layout changes, before a counter reset, and where counters and gauges, or
/// whole and float counts, follow each other. The first chunk says that nothing is known of a reset,
/// unless its histogram says it. Of a stale histogram the chunk has nothing but that it is stale.
///
/// # Panics
/// When there are not as many timestamps as histograms, or one does not pass [`Histogram::check`].
pub fn encode_histograms(timestamps: &[i64], histograms: &[Histogram], chunks: &mut Vec<Chunk>) {
    assert_eq!(timestamps.len(), histograms.len(), "a timestamp for each histogram");
    let (mut start, mut before) = (0, None);
    while let Some(first) = histograms.get(start) {
        let count = chunk_len(&histograms[start..]);
        let hint = resets::hint_between(before, first);
        let (timestamps, histograms) =
            (&timestamps[start..start + count], &histograms[start..start + count]);
        let encoding =
            if first.is_float() { Encoding::FloatHistogram } else { Encoding::Histogram };
        let bytes = encode::chunk(hint, timestamps, histograms);
        chunks.push(chunk_of(encoding, timestamps, bytes));
        before = histograms.last();
        start += count;
    }
}

/// How many histograms from the first on share a chunk.
fn chunk_len(histograms: &[Histogram]) -> usize {
    let is_gauge = histograms[0].reset_hint == ResetHint::Gauge;
    let mut cells = layout::cells_of(&histograms[0]);
    let pairs = histograms.windows(2).take(SAMPLES_MAX - 1);
    let goes_on = |pair: &&[Histogram]| {
        cells += layout::cells_of(&pair[1]);
        cells <= CELLS_MAX && resets::share_chunk(is_gauge, &pair[0], &pair[1])
    };
    1 + pairs.take_while(goes_on).count()
}
