//! Reading one series.
//!
//! Under the lock only references are taken, and the few bytes that may still change are copied. All
//! decoding is done after it.

use std::sync::Arc;

use timberline_model::{Exemplar, SeriesColumns, SeriesRef, TimeRange, TimeUnit, limits};

use super::{
    super::merge::merge_columns,
    epoch::{Epoch, EpochSpan},
    exemplars::ExemplarFate,
    histograms,
    late::LatePart,
    place::SeriesPlace,
    root::Head,
    sealed::decode_sealed,
    series::{Series, decode_open},
    starts::fill,
};

/// What one read needs of a series.
#[derive(Debug, Default)]
struct Snapshot {
    /// Sealed in-order chunks, ascending.
    sealed: Vec<Arc<[u8]>>,
    /// The open chunk, newer than all of them.
    open: Option<(TimeUnit, Vec<u8>)>,
    /// First instants and starts of runs of in-order floats.
    starts: Vec<(i64, i64)>,
    /// Pieces of in-order histograms, ascending.
    histograms: Vec<Arc<[u8]>>,
    /// Late samples, older arrivals first.
    late: Vec<LatePart>,
}

impl Head {
    /// Appends the samples of a series that lie in a range and belong to epochs after `after`:
    /// ascending, and as many to an instant as the policy keeps. Without any, `out` stays as it is.
    pub fn read(&self, series: SeriesRef, range: TimeRange, after: Epoch, out: &mut SeriesColumns) {
        self.read_epochs(series, range, EpochSpan::after(after), out);
    }

    /// As [`Head::read`], without what belongs to epochs after `upto`.
    pub fn read_upto(
        &self,
        series: SeriesRef,
        range: TimeRange,
        (after, upto): (Epoch, Epoch),
        out: &mut SeriesColumns,
    ) {
        self.read_epochs(series, range, EpochSpan { after, upto }, out);
    }

    /// Whether a series may have samples in a range in epochs after `after`. Looks at the bounds of
    /// chunks, so that the answer may be yes where the range falls between two samples.
    #[must_use]
    pub fn has_samples(&self, series: SeriesRef, range: TimeRange, after: Epoch) -> bool {
        let place = SeriesPlace::of(series);
        let samples = self.shard(place.shard()).samples.read();
        let series = samples.table.get(place.slot());
        series.is_some_and(|series| series.has_samples(&range, &EpochSpan::after(after)))
    }

    /// The exemplars of a series that lie in a range and belong to epochs after `after`, ascending by
    /// time.
    #[must_use]
    pub fn exemplars(&self, series: SeriesRef, range: TimeRange, after: Epoch) -> Vec<Exemplar> {
        self.exemplars_in(series, range, EpochSpan::after(after))
    }

    /// What is to become of an exemplar of a series that is about to be written, after `more` others
    /// that are not here yet. To be asked before it is logged: what the log has is kept.
    #[must_use]
    pub fn exemplar_fate(
        &self,
        series: SeriesRef,
        exemplar: &Exemplar,
        more: usize,
    ) -> ExemplarFate {
        if more >= limits::EXEMPLARS_PER_SERIES_MAX {
            return ExemplarFate::TooMany;
        }
        let place = SeriesPlace::of(series);
        let samples = self.shard(place.shard()).samples.read();
        let series = samples.table.get(place.slot());
        series.map_or(ExemplarFate::New, |series| series.exemplar_fate(exemplar, more))
    }

    pub(super) fn exemplars_in(
        &self,
        series: SeriesRef,
        range: TimeRange,
        epochs: EpochSpan,
    ) -> Vec<Exemplar> {
        let place = SeriesPlace::of(series);
        let samples = self.shard(place.shard()).samples.read();
        let exemplars = samples.table.get(place.slot()).and_then(Series::exemplars);
        exemplars.map_or_else(Vec::new, |exemplars| exemplars.read(&range, &epochs))
    }

    pub(super) fn read_epochs(
        &self,
        series: SeriesRef,
        range: TimeRange,
        epochs: EpochSpan,
        out: &mut SeriesColumns,
    ) {
        if range.is_empty() {
            return;
        }
        let place = SeriesPlace::of(series);
        let samples = self.shard(place.shard()).samples.read();
        let Some(series) = samples.table.get(place.slot()) else { return };
        let snapshot = Snapshot::take(series, &range, &epochs);
        drop(samples);
        snapshot.decode(&range, self, out);
    }
}

impl Snapshot {
    fn take(series: &Series, range: &TimeRange, epochs: &EpochSpan) -> Self {
        let mut snapshot = Self::default();
        let wanted = series.sealed.iter().filter(|chunk| chunk.is_in(range, epochs));
        snapshot.sealed.extend(wanted.map(super::sealed::SealedChunk::share));
        if series.is_open_in(range, epochs) {
            snapshot.open = Some((series.open_unit, series.open.payload().to_vec()));
        }
        let Some(extra) = &series.extra else { return snapshot };
        if let Some(starts) = &extra.starts {
            snapshot.starts = starts.copy(range.start, range.end);
        }
        if let Some(histograms) = &extra.histograms {
            snapshot.histograms = histograms.pieces(range, epochs);
        }
        if let Some(late) = &extra.late {
            snapshot.late = late.parts(range, epochs);
        }
        snapshot
    }

    /// Decodes and merges, and appends what is in the range.
    fn decode(self, range: &TimeRange, head: &Head, out: &mut SeriesColumns) {
        let mark = out.mark();
        for chunk in &self.sealed {
            decode_sealed(chunk, out);
        }
        if let Some((unit, payload)) = &self.open {
            decode_open(*unit, payload, out);
        }
        out.starts.truncate(mark.floats);
        if !self.starts.is_empty() {
            out.starts.resize(mark.floats, 0);
            fill(&self.starts, &out.timestamps[mark.floats..], &mut out.starts);
        } else if !out.starts.is_empty() {
            out.starts.resize(out.timestamps.len(), 0);
        }
        out.trim(mark, *range);
        for piece in &self.histograms {
            histograms::decode(piece, *range, |ts, start, histogram| {
                out.histograms.push(ts, start, histogram);
                true
            });
        }
        if self.late.is_empty() {
            return;
        }
        let policy = head.options().duplicates;
        let mut parts = vec![out.split_off(mark)];
        parts.extend(self.late.into_iter().map(|part| part.columns(*range, policy)));
        merge_columns(&mut parts, policy, out);
    }
}
