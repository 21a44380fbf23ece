//! The samples of one series in the head.
//!
//! In-order samples go to the open chunk, and from there into sealed ones; all of them ascend in
//! time without overlapping. Samples that are not newer than the newest are *late* and kept apart.
//!
//! Invariant: the open chunk and all late samples of one buffer belong to one epoch.

use timberline_codec::{chunk, xor::XorEncoder};
use timberline_model::{DuplicatePolicy, SeriesColumns, TimeRange, TimeUnit};

use super::{
    epoch::{Epoch, EpochSpan},
    late::{Arrival, Late, value_in},
    sealed::{SealedChunk, in_units},
};

/// One series' samples: 120 bytes, 32 and more for an open chunk, 56 for a sealed one and its payload.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) open: XorEncoder,
    pub(super) sealed: Vec<SealedChunk>,
    pub(super) late: Option<Box<Late>>,
    /// The newest instant of any sample ever applied, if `has_newest`. Outlives the chunks.
    newest_ts: i64,
    /// The value there: that which came last under [`DuplicatePolicy::Last`], else the first.
    newest_bits: u64,
    open_min_ts: i64,
    pub(super) open_epoch: Epoch,
    pub(super) open_unit: TimeUnit,
    has_newest: bool,
}

const _: () = assert!(size_of::<Series>() <= 120);

impl Default for Series {
    fn default() -> Self {
        Self {
            open: XorEncoder::new(),
            sealed: Vec::new(),
            late: None,
            newest_ts: 0,
            newest_bits: 0,
            open_min_ts: 0,
            open_epoch: Epoch::default(),
            open_unit: TimeUnit::Milli,
            has_newest: false,
        }
    }
}

/// How a sample stands to those that the series had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Newer than all.
    InOrder,
    /// At the newest instant.
    AtNewest,
    /// Older than the newest.
    Late,
}

impl Series {
    #[inline]
    pub(super) fn standing(&self, ts: i64) -> Standing {
        if !self.has_newest || ts > self.newest_ts {
            Standing::InOrder
        } else if ts == self.newest_ts {
            Standing::AtNewest
        } else {
            Standing::Late
        }
    }

    /// The bits of the value at the newest instant.
    #[inline]
    pub(super) const fn newest_bits(&self) -> u64 {
        self.newest_bits
    }

    /// Adds a sample that is newer than all.
    #[inline]
    pub(super) fn append(&mut self, ts: i64, value: f64, at: &mut Arrival<'_>) {
        let unit = TimeUnit::of(ts);
        if self.open.count() > 0 {
            let room = usize::from(self.open.count()) < chunk::SAMPLES_MAX;
            // A finer unit holds the instants of a coarser one, not the other way round.
            let goes_on = room && self.open_epoch == at.epoch && unit <= self.open_unit;
            if !goes_on {
                self.seal(at);
            }
        }
        if self.open.count() == 0 {
            self.open_epoch = at.epoch;
            self.open_unit = unit;
            self.open_min_ts = ts;
            at.ledger.of(at.epoch).chunks += 1;
        }
        let before = self.open.heap_bytes();
        self.open.append(in_units(ts, self.open_unit), value);
        let after = self.open.heap_bytes();
        if after != before {
            at.ledger.of(at.epoch).bytes += (after - before) as u64;
        }
        self.newest_ts = ts;
        self.newest_bits = value.to_bits();
        self.has_newest = true;
    }

    /// Adds a sample that is not newer than the newest.
    pub(super) fn append_late(&mut self, ts: i64, value: f64, at: &mut Arrival<'_>) {
        if at.policy == DuplicatePolicy::Last && ts == self.newest_ts {
            self.newest_bits = value.to_bits();
        }
        self.late.get_or_insert_default().push(ts, value, at);
        at.ledger.of(at.epoch).late_samples += 1;
    }

    fn seal(&mut self, at: &mut Arrival<'_>) {
        let open = std::mem::take(&mut self.open);
        let bounds = self.open_bounds();
        let sealed = SealedChunk::new(&open, self.open_unit, bounds, self.open_epoch, at.scratch);
        let counts = at.ledger.of(self.open_epoch);
        counts.replace_bytes(open.heap_bytes() as u64, sealed.held_bytes());
        self.sealed.push(sealed);
    }

    /// The bounds of the open chunk. Only in-order samples move the newest instant.
    const fn open_bounds(&self) -> TimeRange {
        TimeRange::new(self.open_min_ts, self.newest_ts)
    }

    /// Whether the open chunk belongs to one of the epochs and may have samples in the range.
    pub(super) fn is_open_in(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        self.open.count() > 0
            && epochs.contains(self.open_epoch)
            && self.open_bounds().overlaps(range)
    }

    /// Whether some chunk of these epochs may have samples in the range.
    pub(super) fn has_samples(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        self.is_open_in(range, epochs)
            || self.sealed.iter().any(|chunk| chunk.is_in(range, epochs))
            || self.late.as_ref().is_some_and(|late| late.has_samples(range, epochs))
    }

    /// The value that the head holds at an instant; where there are several, the first.
    pub(super) fn value_at(&self, ts: i64) -> Option<f64> {
        let (instant, epochs) = (TimeRange::new(ts, ts), EpochSpan::after(Epoch::default()));
        let mut columns = SeriesColumns::default();
        if self.is_open_in(&instant, &epochs) {
            decode_open(self.open_unit, self.open.payload(), &mut columns);
        } else if let Some(chunk) = self.sealed.iter().find(|c| c.is_in(&instant, &epochs)) {
            chunk.decode(&mut columns);
        }
        value_in(&columns, ts).or_else(|| self.late.as_ref().and_then(|late| late.value_at(ts)))
    }

    /// Moves all that belongs to `upto` and older epochs into `garbage`.
    pub(super) fn release(&mut self, upto: Epoch, garbage: &mut Garbage) {
        if self.open.count() > 0 && self.open_epoch <= upto {
            garbage.open.push(std::mem::take(&mut self.open));
        }
        garbage.take(&mut self.sealed, upto);
        let Some(late) = &mut self.late else { return };
        garbage.take(&mut late.sealed, upto);
        if late.buffer_epoch <= upto {
            garbage.buffers.push(std::mem::take(&mut late.buffer));
        }
        if late.sealed.is_empty() && late.buffer.is_empty() {
            self.late = None;
        }
    }
}

/// Appends the samples of an open chunk.
pub(super) fn decode_open(unit: TimeUnit, payload: &[u8], out: &mut SeriesColumns) {
    chunk::decode_payload(unit as u8, payload, &mut out.timestamps, &mut out.values)
        .expect("an open chunk is whole after every append");
}

/// What is no longer needed, to be freed where no lock is held.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    open: Vec<XorEncoder>,
    sealed: Vec<SealedChunk>,
    buffers: Vec<Vec<(i64, f64)>>,
}

impl Garbage {
    fn take(&mut self, chunks: &mut Vec<SealedChunk>, upto: Epoch) {
        // Sealed in the order of their epochs, so what goes is in front.
        let gone = chunks.partition_point(|chunk| chunk.epoch <= upto);
        self.sealed.extend(chunks.drain(..gone));
        if chunks.is_empty() {
            *chunks = Vec::new();
        }
    }
}
