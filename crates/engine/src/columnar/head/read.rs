//! Reading one series.
//!
//! Under the lock only references are taken, and the few bytes that may still change are copied. All
//! decoding is done after it.

use std::sync::Arc;

use timberline_model::{ColumnsMark, SeriesColumns, SeriesRef, TimeRange, TimeUnit};

use super::{
    super::merge::merge_columns,
    epoch::{Epoch, EpochSpan},
    late,
    place::SeriesPlace,
    root::Head,
    sealed::decode_sealed,
    series::{Series, decode_open},
};

/// What one read needs of a series.
#[derive(Debug, Default)]
struct Snapshot {
    /// Sealed in-order chunks, ascending.
    sealed: Vec<Arc<[u8]>>,
    /// The open chunk, newer than all of them.
    open: Option<(TimeUnit, Vec<u8>)>,
    /// Sealed late chunks, older arrivals first.
    late_sealed: Vec<Arc<[u8]>>,
    /// Late samples in order of arrival.
    late: Vec<(i64, f64)>,
}

impl Head {
    /// Appends the samples of a series that lie in a range and belong to epochs after `after`:
    /// ascending, and as many to an instant as the policy keeps. Without any, `out` stays as it is.
    pub fn read(&self, series: SeriesRef, range: TimeRange, after: Epoch, out: &mut SeriesColumns) {
        self.read_epochs(series, range, EpochSpan::after(after), out);
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
        if let Some(late) = &series.late {
            let wanted = late.sealed.iter().filter(|chunk| chunk.is_in(range, epochs));
            snapshot.late_sealed.extend(wanted.map(super::sealed::SealedChunk::share));
            if epochs.contains(late.buffer_epoch) {
                snapshot.late.clone_from(&late.buffer);
            }
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
        out.trim(mark, *range);
        if self.late_sealed.is_empty() && self.late.is_empty() {
            return;
        }
        let mut parts = vec![out.split_off(mark)];
        for chunk in &self.late_sealed {
            let mut part = SeriesColumns::default();
            decode_sealed(chunk, &mut part);
            part.trim(ColumnsMark::default(), *range);
            parts.push(part);
        }
        let policy = head.options().duplicates;
        let mut late = self.late;
        late::sort(&mut late, policy);
        let mut part = SeriesColumns::default();
        (part.timestamps, part.values) =
            late.into_iter().filter(|(ts, _)| range.contains(*ts)).unzip();
        parts.push(part);
        merge_columns(&mut parts, policy, out);
    }
}
