//! Sealed chunks: encoded samples that will not change any more.

use std::sync::Arc;

use timberline_codec::{chunk, xor::XorEncoder};
use timberline_model::{SeriesColumns, TimeRange, TimeUnit};

use super::epoch::{Epoch, EpochSpan};

/// A chunk as the codec seals it, with its bounds. Reads share the bytes and decode them without a
/// lock.
#[derive(Debug)]
pub(super) struct SealedChunk {
    bytes: Arc<[u8]>,
    min_ts: i64,
    max_ts: i64,
    pub(super) epoch: Epoch,
}

impl SealedChunk {
    /// Seals what an encoder holds. `scratch` is used and left in any state.
    pub(super) fn new(
        encoder: &XorEncoder,
        unit: TimeUnit,
        bounds: TimeRange,
        epoch: Epoch,
        scratch: &mut Vec<u8>,
    ) -> Self {
        scratch.clear();
        chunk::seal_into(unit as u8, encoder, scratch);
        let bytes = Arc::from(scratch.as_slice());
        Self { bytes, min_ts: bounds.start, max_ts: bounds.end, epoch }
    }

    /// Whether the chunk belongs to one of the epochs and may have samples in the range.
    #[inline]
    pub(super) fn is_in(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        epochs.contains(self.epoch) && self.min_ts <= range.end && range.start <= self.max_ts
    }

    /// The bytes, shared.
    pub(super) fn share(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// Appends the samples.
    pub(super) fn decode(&self, out: &mut SeriesColumns) {
        decode_sealed(&self.bytes, out);
    }

    /// Bytes in memory: the chunk's own, the counters in front of them, and this struct.
    pub(super) fn held_bytes(&self) -> u64 {
        (self.bytes.len() + 2 * size_of::<usize>() + size_of::<Self>()) as u64
    }
}

/// Appends the samples of a sealed chunk.
pub(super) fn decode_sealed(bytes: &[u8], out: &mut SeriesColumns) {
    chunk::decode(bytes, &mut out.timestamps, &mut out.values)
        .expect("a chunk in memory is as the head sealed it");
}

/// Whole units in an instant that the unit holds exactly. The divisors are constants, so that this
/// is a multiplication.
#[inline]
pub(super) const fn in_units(ts: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => ts / TimeUnit::Second.nanos(),
        TimeUnit::Milli => ts / TimeUnit::Milli.nanos(),
        TimeUnit::Micro => ts / TimeUnit::Micro.nanos(),
        TimeUnit::Nano => ts,
    }
}
