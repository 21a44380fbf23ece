//! Samples of one series that came out of order.
//!
//! They wait in arrival order in a small buffer, where reads find them, and go from there into sealed
//! pieces that overlap each other and the in-order chunks. Reading merges them. A piece has floats or
//! histograms; where the kinds alternate, a piece ends, so that the order of pieces is the order of
//! arrival.

use std::sync::Arc;

use timberline_codec::{chunk, xor::XorEncoder};
use timberline_model::{DuplicatePolicy, SeriesColumns, TimeRange, TimeUnit};

use super::{
    epoch::{Epoch, EpochSpan},
    held::Held,
    histograms::{self, OpenHistograms, SealedHistograms},
    ledger::Ledger,
    sealed::{SealedChunk, in_units},
};

/// The out-of-order samples of one series, oldest arrivals first.
#[derive(Debug, Default)]
pub(super) struct Late {
    pub(super) sealed: Vec<LatePiece>,
    /// Floats after all sealed pieces; empty if there are histograms.
    floats: Vec<(i64, f64)>,
    /// Their starts; none if nobody said for any.
    starts: Vec<i64>,
    /// The epoch of all floats that are not sealed.
    floats_epoch: Epoch,
    /// Histograms after all sealed pieces; empty if there are floats.
    histograms: OpenHistograms,
}

/// Late samples that will not change any more.
#[derive(Debug)]
pub(super) enum LatePiece {
    /// Floats by time, each with its start if somebody said one for any of them.
    Floats(SealedChunk, Option<Arc<[i64]>>),
    /// Histograms in order of arrival.
    Histograms(SealedHistograms),
}

/// What a read needs of a piece.
#[derive(Debug)]
pub(super) enum LatePart {
    Chunk(Arc<[u8]>, Option<Arc<[i64]>>),
    Floats(Vec<LateFloat>),
    Histograms(Arc<[u8]>),
}

/// A late float.
#[derive(Clone, Copy, Debug)]
pub(super) struct LateFloat {
    pub(super) ts: i64,
    pub(super) value: f64,
    pub(super) start: i64,
}

impl LatePiece {
    pub(super) const fn epoch(&self) -> Epoch {
        match self {
            Self::Floats(chunk, _) => chunk.epoch,
            Self::Histograms(piece) => piece.epoch,
        }
    }

    fn is_in(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        match self {
            Self::Floats(chunk, _) => chunk.is_in(range, epochs),
            Self::Histograms(piece) => piece.is_in(range, epochs),
        }
    }

    fn part(&self) -> LatePart {
        match self {
            Self::Floats(chunk, starts) => LatePart::Chunk(chunk.share(), starts.clone()),
            Self::Histograms(piece) => LatePart::Histograms(piece.share()),
        }
    }
}

impl Late {
    /// Adds a float.
    pub(super) fn push(&mut self, ts: i64, value: f64, start: i64, at: &mut Arrival<'_>) {
        if !self.histograms.is_empty() {
            self.seal_histograms(at);
        }
        let full = self.floats.len() >= chunk::SAMPLES_MAX;
        if !self.floats.is_empty() && (full || self.floats_epoch != at.epoch) {
            self.seal_floats(at);
        }
        if self.floats.is_empty() {
            self.floats_epoch = at.epoch;
            at.ledger.of(at.epoch).chunks += 1;
        }
        let before = self.float_bytes();
        self.floats.push((ts, value));
        if start != 0 || !self.starts.is_empty() {
            self.starts.resize(self.floats.len() - 1, 0);
            self.starts.push(start);
        }
        at.ledger.of(at.epoch).bytes += self.float_bytes() - before;
    }

    /// Adds a histogram.
    pub(super) fn push_histogram(
        &mut self,
        ts: i64,
        start: i64,
        encoded: &[u8],
        at: &mut Arrival<'_>,
    ) {
        if !self.floats.is_empty() {
            self.seal_floats(at);
        }
        if self.histograms.is_full(at.epoch) {
            self.seal_histograms(at);
        }
        self.histograms.push(ts, start, encoded, at);
    }

    /// Makes a chunk of the floats.
    fn seal_floats(&mut self, at: &mut Arrival<'_>) {
        let held = self.float_bytes();
        let mut samples = self.waiting_floats();
        (self.floats, self.starts) = (Vec::new(), Vec::new());
        sort(&mut samples, at.policy);
        let unit = samples.iter().map(|at| TimeUnit::of(at.ts)).max().unwrap_or(TimeUnit::Milli);
        let mut encoder = XorEncoder::new();
        for sample in &samples {
            encoder.append(in_units(sample.ts, unit), sample.value);
        }
        let bounds = TimeRange::new(samples[0].ts, samples[samples.len() - 1].ts);
        let sealed = SealedChunk::new(&encoder, unit, bounds, self.floats_epoch, at.scratch);
        let any_start = samples.iter().any(|sample| sample.start != 0);
        let starts: Option<Arc<[i64]>> =
            any_start.then(|| samples.iter().map(|sample| sample.start).collect());
        let start_bytes = starts.as_ref().map_or(0, |starts| size_of_val::<[i64]>(starts) as u64);
        at.ledger.of(self.floats_epoch).replace_bytes(held, sealed.held_bytes() + start_bytes);
        self.sealed.push(LatePiece::Floats(sealed, starts));
    }

    fn seal_histograms(&mut self, at: &mut Arrival<'_>) {
        let sealed = self.histograms.seal(at);
        self.sealed.push(LatePiece::Histograms(sealed));
    }

    fn float_bytes(&self) -> u64 {
        (self.floats.capacity() * size_of::<(i64, f64)>()
            + self.starts.capacity() * size_of::<i64>()) as u64
    }

    /// The floats that are not sealed, in order of arrival.
    fn waiting_floats(&self) -> Vec<LateFloat> {
        let start = |index: usize| self.starts.get(index).copied().unwrap_or(0);
        let floats = self.floats.iter().enumerate();
        floats
            .map(|(index, (ts, value))| LateFloat { ts: *ts, value: *value, start: start(index) })
            .collect()
    }

    /// Whether something of these epochs may be in the range.
    pub(super) fn has_samples(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        self.sealed.iter().any(|piece| piece.is_in(range, epochs))
            || self.histograms.is_in(range, epochs)
            || (epochs.contains(self.floats_epoch)
                && self.floats.iter().any(|(ts, _)| range.contains(*ts)))
    }

    /// What a read of a range needs, older arrivals first.
    pub(super) fn parts(&self, range: &TimeRange, epochs: &EpochSpan) -> Vec<LatePart> {
        let sealed = self.sealed.iter().filter(|piece| piece.is_in(range, epochs));
        let mut parts: Vec<LatePart> = sealed.map(LatePiece::part).collect();
        if !self.floats.is_empty() && epochs.contains(self.floats_epoch) {
            parts.push(LatePart::Floats(self.waiting_floats()));
        }
        if self.histograms.is_in(range, epochs) {
            parts.push(LatePart::Histograms(Arc::from(self.histograms.bytes())));
        }
        parts
    }

    /// Calls `each` with what came for an instant, older arrivals first, until it says `false`, which
    /// this returns then.
    pub(super) fn each_at(
        &self,
        ts: i64,
        epochs: &EpochSpan,
        each: &mut dyn FnMut(Held) -> bool,
    ) -> bool {
        for part in self.parts(&TimeRange::new(ts, ts), epochs) {
            let mut goes_on = true;
            for held in part.held_at(ts) {
                goes_on = goes_on && each(held);
            }
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// Moves what belongs to `upto` and older epochs out.
    pub(super) fn release(&mut self, upto: Epoch, garbage: &mut LateGarbage) {
        // Sealed in the order of their epochs, so what goes is in front.
        let gone = self.sealed.partition_point(|piece| piece.epoch() <= upto);
        garbage.sealed.extend(self.sealed.drain(..gone));
        if self.sealed.is_empty() {
            self.sealed = Vec::new();
        }
        if self.floats_epoch <= upto {
            garbage.floats.push(std::mem::take(&mut self.floats));
            self.starts = Vec::new();
        }
        if !self.histograms.is_empty() && self.histograms.epoch <= upto {
            garbage.open.push(std::mem::take(&mut self.histograms));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.floats.is_empty() && self.histograms.is_empty()
    }
}

/// Late samples that are no longer needed, to be freed where no lock is held.
#[derive(Debug, Default)]
pub(super) struct LateGarbage {
    sealed: Vec<LatePiece>,
    floats: Vec<Vec<(i64, f64)>>,
    open: Vec<OpenHistograms>,
}

impl LatePart {
    /// The samples in a range, as an input of a merge.
    pub(super) fn columns(self, range: TimeRange, policy: DuplicatePolicy) -> SeriesColumns {
        let mut columns = SeriesColumns::default();
        match self {
            Self::Chunk(bytes, starts) => {
                super::sealed::decode_sealed(&bytes, &mut columns);
                columns.starts.extend(starts.iter().flat_map(|starts| starts.iter()));
                columns.trim(timberline_model::ColumnsMark::default(), range);
            }
            Self::Floats(mut floats) => {
                floats.retain(|float| range.contains(float.ts));
                sort(&mut floats, policy);
                floats.iter().for_each(|at| columns.push(at.ts, at.start, at.value));
            }
            Self::Histograms(piece) => {
                let mut found = Vec::new();
                histograms::decode(&piece, range, |ts, start, histogram| {
                    found.push((ts, start, histogram));
                    true
                });
                found.sort_by_key(|(ts, ..)| *ts);
                for (ts, start, histogram) in found {
                    columns.histograms.push(ts, start, histogram);
                }
            }
        }
        columns
    }

    /// What came for an instant, older arrivals first.
    fn held_at(self, ts: i64) -> Vec<Held> {
        let columns = self.columns(TimeRange::new(ts, ts), DuplicatePolicy::All);
        super::held::all_in(columns)
    }
}

/// What the moment of a sample's arrival brings with it.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    pub(super) epoch: Epoch,
    pub(super) policy: DuplicatePolicy,
    pub(super) ledger: &'a mut Ledger,
    pub(super) scratch: &'a mut Vec<u8>,
}

/// Sorts by time, arrivals of one instant in their order, and leaves out those that the policy will
/// never show.
fn sort(samples: &mut Vec<LateFloat>, policy: DuplicatePolicy) {
    samples.sort_by_key(|sample| sample.ts);
    match policy {
        DuplicatePolicy::All => {}
        DuplicatePolicy::First | DuplicatePolicy::Reject => {
            samples.dedup_by_key(|sample| sample.ts);
        }
        DuplicatePolicy::Last => samples.dedup_by(|later, kept| {
            let same = later.ts == kept.ts;
            if same {
                *kept = *later;
            }
            same
        }),
    }
}
