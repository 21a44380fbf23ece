//! The samples of one series in the head.
//!
//! In-order floats go to the open chunk, and from there into sealed ones; in-order histograms have
//! pieces of their own. Whatever their kinds, in-order samples ascend in time. Samples that are not
//! newer than the newest of either kind are *late* and kept apart.
//!
//! Invariant: the open chunk and all late samples of one buffer belong to one epoch.

use timberline_codec::{chunk, xor::XorEncoder};
use timberline_model::{
    DuplicatePolicy, Exemplar, STALE_NAN_BITS, SeriesColumns, TimeRange, TimeUnit,
};

use super::{
    epoch::{Epoch, EpochSpan},
    exemplars::{ExemplarFate, Exemplars},
    extra::{Extra, ExtraGarbage},
    held::{Held, SampleValue},
    histograms,
    late::Arrival,
    sealed::{SealedChunk, in_units},
};

/// One series' samples: 120 bytes, 32 and more for an open chunk, 56 for a sealed one and its payload.
/// What is not an in-order float is behind one pointer.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) open: XorEncoder,
    pub(super) sealed: Vec<SealedChunk>,
    pub(super) extra: Option<Box<Extra>>,
    /// The newest instant of any sample ever applied, if `has_newest`. Outlives the chunks.
    newest_ts: i64,
    /// The value there, if it is a float: that which came last under [`DuplicatePolicy::Last`], else
    /// the first.
    newest_bits: u64,
    open_min_ts: i64,
    pub(super) open_epoch: Epoch,
    pub(super) open_unit: TimeUnit,
    has_newest: bool,
    newest_is_histogram: bool,
    /// Whether the blocks may hold something else at the newest instant than what is remembered.
    newest_is_doubtful: bool,
}

const _: () = assert!(size_of::<Series>() <= 120);

impl Default for Series {
    fn default() -> Self {
        Self {
            open: XorEncoder::new(),
            sealed: Vec::new(),
            extra: None,
            newest_ts: 0,
            newest_bits: 0,
            open_min_ts: 0,
            open_epoch: Epoch::default(),
            open_unit: TimeUnit::Milli,
            has_newest: false,
            newest_is_histogram: false,
            newest_is_doubtful: false,
        }
    }
}

/// How a sample stands to those that the series had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Newer than all.
    InOrder,
    /// At the newest instant, of which the sample is known.
    AtNewest,
    /// Older than the newest, or at an instant of which nobody knows what the blocks hold.
    Late,
}

impl Series {
    #[inline]
    pub(super) fn standing(&self, ts: i64) -> Standing {
        if !self.has_newest || ts > self.newest_ts {
            Standing::InOrder
        } else if ts == self.newest_ts && !self.newest_is_doubtful {
            Standing::AtNewest
        } else {
            Standing::Late
        }
    }

    /// The float at the newest instant, if it is one.
    #[inline]
    pub(super) fn newest_float(&self) -> Option<f64> {
        (!self.newest_is_histogram).then_some(f64::from_bits(self.newest_bits))
    }

    /// Whether a float with its start is what the newest instant has already.
    #[inline]
    pub(super) fn is_newest(&self, value: f64, start: i64) -> bool {
        let starts = self.extra.as_ref().and_then(|extra| extra.starts.as_ref());
        !self.newest_is_histogram
            && self.newest_bits == value.to_bits()
            && starts.map_or(0, |starts| starts.newest()) == start
    }

    /// Adds a float that is newer than all samples.
    #[inline]
    pub(super) fn append(&mut self, ts: i64, value: f64, start: i64, at: &mut Arrival<'_>) {
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
        self.newest_is_histogram = false;
        self.newest_is_doubtful = false;
        if start != 0 || self.extra.is_some() {
            self.note_start(ts, start, at);
        }
    }

    #[inline(never)]
    fn note_start(&mut self, ts: i64, start: i64, at: &mut Arrival<'_>) {
        let extra = self.extra.get_or_insert_default();
        if start != 0 || extra.starts.is_some() {
            extra.starts.get_or_insert_default().note(ts, start, at);
        }
    }

    /// Adds a float that is not newer than the newest sample.
    pub(super) fn append_late(&mut self, ts: i64, value: f64, start: i64, at: &mut Arrival<'_>) {
        let becomes_newest = self.becomes_newest(ts, at.policy);
        let extra = self.extra.get_or_insert_default();
        if becomes_newest {
            self.newest_bits = value.to_bits();
            self.newest_is_histogram = false;
            self.newest_is_doubtful = false;
            if start != 0 || extra.starts.is_some() {
                extra.starts.get_or_insert_default().note_late(start);
            }
        }
        extra.late.get_or_insert_default().push(ts, value, start, at);
        at.ledger.of(at.epoch).late_samples += 1;
    }

    /// Adds a histogram, encoded, that is newer than all samples.
    pub(super) fn append_histogram(
        &mut self,
        ts: i64,
        start: i64,
        encoded: &[u8],
        at: &mut Arrival<'_>,
    ) {
        let histograms = &mut self.extra.get_or_insert_default().histograms;
        histograms.get_or_insert_default().push(ts, start, encoded, at);
        self.newest_ts = ts;
        self.has_newest = true;
        self.newest_is_histogram = true;
        self.newest_is_doubtful = false;
    }

    /// Adds a histogram, encoded, that is not newer than the newest sample.
    pub(super) fn append_late_histogram(
        &mut self,
        ts: i64,
        start: i64,
        encoded: &[u8],
        at: &mut Arrival<'_>,
    ) {
        if self.becomes_newest(ts, at.policy) {
            self.newest_is_histogram = true;
            self.newest_is_doubtful = false;
        }
        let late = &mut self.extra.get_or_insert_default().late;
        late.get_or_insert_default().push_histogram(ts, start, encoded, at);
        at.ledger.of(at.epoch).late_samples += 1;
    }

    /// Whether a late sample is to be remembered as that of the newest instant.
    const fn becomes_newest(&self, ts: i64, policy: DuplicatePolicy) -> bool {
        ts == self.newest_ts && (self.newest_is_doubtful || matches!(policy, DuplicatePolicy::Last))
    }

    /// Says that the blocks may have other samples in a range than went there, or none any more.
    pub(super) fn doubt_newest(&mut self, range: TimeRange) {
        self.newest_is_doubtful |= self.has_newest && range.contains(self.newest_ts);
        if let Some(extra) = &mut self.extra {
            extra.exemplars.take_if(|of| of.is_empty() && range.contains(of.newest_ts()));
        }
    }

    /// Adds an exemplar; returns the bytes that it takes.
    pub(super) fn add_exemplar(&mut self, exemplar: &Exemplar, epoch: Epoch) -> u64 {
        let exemplars = &mut self.extra.get_or_insert_default().exemplars;
        let exemplars = exemplars.get_or_insert_with(|| Box::new(Exemplars::new(exemplar.clone())));
        exemplars.push(exemplar.clone(), epoch)
    }

    /// The exemplars, if the series ever had one.
    pub(super) fn exemplars(&self) -> Option<&Exemplars> {
        self.extra.as_ref()?.exemplars.as_deref()
    }

    /// What is to become of an exemplar that comes after `more` others that are not here yet.
    pub(super) fn exemplar_fate(&self, exemplar: &Exemplar, more: usize) -> ExemplarFate {
        self.exemplars().map_or(ExemplarFate::New, |exemplars| exemplars.fate(exemplar, more))
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

    /// Whether the series has nothing in memory.
    pub(super) fn is_empty(&self) -> bool {
        self.open.count() == 0
            && self.sealed.is_empty()
            && self.extra.as_deref().is_none_or(Extra::is_flushed)
    }

    /// The newest instant of any sample ever applied, and whether a stale marker stands there.
    pub(super) fn newest(&self) -> Option<(i64, bool)> {
        let is_stale = !self.newest_is_histogram && self.newest_bits == STALE_NAN_BITS;
        self.has_newest.then_some((self.newest_ts, is_stale))
    }

    /// Whether some chunk of these epochs may have samples in the range.
    pub(super) fn has_samples(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        let in_extra = |extra: &Extra| {
            extra.late.as_ref().is_some_and(|late| late.has_samples(range, epochs))
                || extra.histograms.as_ref().is_some_and(|of| of.has_samples(range, epochs))
        };
        self.is_open_in(range, epochs)
            || self.sealed.iter().any(|chunk| chunk.is_in(range, epochs))
            || self.extra.as_deref().is_some_and(in_extra)
    }

    /// Whether there are exemplars of these epochs in the range.
    pub(super) fn has_exemplars(&self, range: &TimeRange, epochs: &EpochSpan) -> bool {
        self.exemplars().is_some_and(|exemplars| exemplars.has_any(range, epochs))
    }

    /// The value that the head holds of some epochs at an instant; where there are several, the first.
    pub(super) fn value_at(&self, ts: i64, epochs: &EpochSpan) -> Option<SampleValue> {
        let mut first = None;
        self.each_at(ts, epochs, &mut |held| {
            first = Some(held.value);
            false
        });
        first
    }

    /// What the head holds at an instant; where there are several, the last.
    pub(super) fn last_at(&self, ts: i64) -> Option<Held> {
        let (mut last, all) = (None, EpochSpan::after(Epoch::default()));
        self.each_at(ts, &all, &mut |held| {
            last = Some(held);
            true
        });
        last
    }

    /// Calls `each` with what the head holds at an instant, older arrivals first, until it says
    /// `false`.
    fn each_at(&self, ts: i64, epochs: &EpochSpan, each: &mut dyn FnMut(Held) -> bool) {
        let instant = TimeRange::new(ts, ts);
        let mut columns = SeriesColumns::default();
        if self.is_open_in(&instant, epochs) {
            decode_open(self.open_unit, self.open.payload(), &mut columns);
        } else if let Some(chunk) = self.sealed.iter().find(|c| c.is_in(&instant, epochs)) {
            chunk.decode(&mut columns);
        }
        let extra = self.extra.as_deref();
        let index = columns.timestamps.partition_point(|at| *at < ts);
        let mut goes_on = true;
        if columns.timestamps.get(index) == Some(&ts) {
            let starts = extra.and_then(|extra| extra.starts.as_ref());
            let start = starts.map_or(0, |starts| starts.at(ts));
            goes_on = each(Held { start, value: SampleValue::Float(columns.values[index]) });
        }
        let Some(extra) = extra else { return };
        for piece in extra.histograms.iter().flat_map(|of| of.pieces(&instant, epochs)) {
            histograms::decode(&piece, instant, |_, start, histogram| {
                let value = SampleValue::Histogram(Box::new(histogram));
                goes_on = goes_on && each(Held { start, value });
                goes_on
            });
        }
        if let Some(late) = extra.late.as_ref().filter(|_| goes_on) {
            late.each_at(ts, epochs, each);
        }
    }

    /// Moves all that belongs to `upto` and older epochs into `garbage`.
    pub(super) fn release(&mut self, upto: Epoch, garbage: &mut Garbage) {
        if self.open.count() > 0 && self.open_epoch <= upto {
            garbage.open.push(std::mem::take(&mut self.open));
        }
        garbage.take(&mut self.sealed, upto);
        if let Some(extra) = &mut self.extra {
            extra.release(upto, &mut garbage.extra);
            if extra.is_empty() {
                self.extra = None;
            }
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
    pub(super) extra: ExtraGarbage,
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
