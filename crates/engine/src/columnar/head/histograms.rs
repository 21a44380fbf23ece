//! Native histograms of one series in the head: encoded one after the other, in pieces that are sealed
//! when they are full.
//!
//! A histogram is encoded once, for the log, and copied from there. Each entry of a piece is the
//! difference of its time and of its start to the entry before, its length, and its bytes.

use std::sync::Arc;

use timberline_codec::{
    histogram,
    varint::{ivarint, put_ivarint, put_uvarint, uvarint},
};
use timberline_model::{Histogram, TimeRange};

use super::{
    epoch::{Epoch, EpochSpan},
    late::Arrival,
};

/// Histograms of a piece.
const HISTOGRAMS_MAX: u32 = 120;
/// Bytes of a piece at which it is sealed: reads copy what is not sealed.
const BYTES_MAX: usize = 16 << 10;

/// Histograms that will not change any more, in order of arrival.
#[derive(Debug)]
pub(super) struct SealedHistograms {
    bytes: Arc<[u8]>,
    bounds: TimeRange,
    pub(super) epoch: Epoch,
}

impl SealedHistograms {
    /// Whether the piece belongs to one of the epochs and may have histograms in the range.
    pub(super) fn is_in(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        epochs.contains(self.epoch) && self.bounds.overlaps(range)
    }

    /// The bytes, shared.
    pub(super) fn share(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// Bytes in memory: its own, the counters in front of them, and this struct.
    pub(super) fn held_bytes(&self) -> u64 {
        (self.bytes.len() + 2 * size_of::<usize>() + size_of::<Self>()) as u64
    }
}

/// Histograms of one epoch that are not sealed yet.
#[derive(Debug)]
pub(super) struct OpenHistograms {
    bytes: Vec<u8>,
    bounds: TimeRange,
    last_ts: i64,
    last_start: i64,
    count: u32,
    pub(super) epoch: Epoch,
}

impl Default for OpenHistograms {
    fn default() -> Self {
        let bounds = TimeRange::new(i64::MAX, i64::MIN);
        let epoch = Epoch::default();
        Self { bytes: Vec::new(), bounds, last_ts: 0, last_start: 0, count: 0, epoch }
    }
}

impl OpenHistograms {
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether a further one belongs into another piece.
    pub(super) fn is_full(&self, epoch: Epoch) -> bool {
        let full = self.count >= HISTOGRAMS_MAX || self.bytes.len() >= BYTES_MAX;
        !self.is_empty() && (full || self.epoch != epoch)
    }

    pub(super) fn push(&mut self, ts: i64, start: i64, encoded: &[u8], at: &mut Arrival<'_>) {
        if self.is_empty() {
            self.epoch = at.epoch;
            at.ledger.of(at.epoch).chunks += 1;
        }
        let before = self.bytes.capacity();
        put_ivarint(&mut self.bytes, ts.wrapping_sub(self.last_ts));
        put_ivarint(&mut self.bytes, start.wrapping_sub(self.last_start));
        put_uvarint(&mut self.bytes, encoded.len() as u64);
        self.bytes.extend_from_slice(encoded);
        at.ledger.of(at.epoch).bytes += (self.bytes.capacity() - before) as u64;
        self.bounds = TimeRange::new(self.bounds.start.min(ts), self.bounds.end.max(ts));
        (self.last_ts, self.last_start) = (ts, start);
        self.count += 1;
    }

    /// Seals what is there, and begins anew.
    pub(super) fn seal(&mut self, at: &mut Arrival<'_>) -> SealedHistograms {
        let open = std::mem::take(self);
        let bytes = Arc::from(open.bytes.as_slice());
        let sealed = SealedHistograms { bytes, bounds: open.bounds, epoch: open.epoch };
        let counts = at.ledger.of(open.epoch);
        counts.replace_bytes(open.bytes.capacity() as u64, sealed.held_bytes());
        sealed
    }

    /// Whether it belongs to one of the epochs and may have histograms in the range.
    pub(super) fn is_in(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        !self.is_empty() && epochs.contains(self.epoch) && self.bounds.overlaps(range)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The in-order histograms of one series, ascending in time.
#[derive(Debug, Default)]
pub(super) struct Histograms {
    pub(super) sealed: Vec<SealedHistograms>,
    pub(super) open: OpenHistograms,
}

impl Histograms {
    /// Adds one that is newer than all samples of the series.
    pub(super) fn push(&mut self, ts: i64, start: i64, encoded: &[u8], at: &mut Arrival<'_>) {
        if self.open.is_full(at.epoch) {
            let sealed = self.open.seal(at);
            self.sealed.push(sealed);
        }
        self.open.push(ts, start, encoded, at);
    }

    /// The bytes of each piece that may have histograms in the range.
    pub(super) fn pieces(&self, range: &TimeRange, epochs: &EpochSpan) -> Vec<Arc<[u8]>> {
        let sealed = self.sealed.iter().filter(|piece| piece.is_in(range, epochs));
        let mut pieces: Vec<Arc<[u8]>> = sealed.map(SealedHistograms::share).collect();
        if self.open.is_in(range, epochs) {
            pieces.push(Arc::from(self.open.bytes()));
        }
        pieces
    }

    /// Whether some of these epochs may be in the range.
    pub(super) fn has_samples(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        self.open.is_in(range, epochs) || self.sealed.iter().any(|piece| piece.is_in(range, epochs))
    }
}

/// Calls `each` with time, start and bytes of every histogram of a piece, until it says `false`.
fn each_entry<'a>(mut piece: &'a [u8], mut each: impl FnMut(i64, i64, &'a [u8]) -> bool) {
    const SOUND: &str = "a piece in memory is as the head made it";
    let (mut ts, mut start) = (0_i64, 0_i64);
    while !piece.is_empty() {
        let (ts_delta, rest) = ivarint(piece).expect(SOUND);
        let (start_delta, rest) = ivarint(rest).expect(SOUND);
        let (len, rest) = uvarint(rest).expect(SOUND);
        let (bytes, rest) = rest.split_at(usize::try_from(len).expect(SOUND));
        (ts, start) = (ts.wrapping_add(ts_delta), start.wrapping_add(start_delta));
        if !each(ts, start, bytes) {
            return;
        }
        piece = rest;
    }
}

/// Calls `each` with the histograms of a piece in a range of time, in order of arrival, until it says
/// `false`.
pub(super) fn decode(
    piece: &[u8],
    range: TimeRange,
    mut each: impl FnMut(i64, i64, Histogram) -> bool,
) {
    each_entry(piece, |ts, start, bytes| !range.contains(ts) || each(ts, start, decode_one(bytes)));
}

/// A histogram that the head holds.
pub(super) fn decode_one(mut bytes: &[u8]) -> Histogram {
    histogram::take(&mut bytes).expect("a histogram in memory is as the log has it")
}
