//! What the head's tests share.

use timberline_model::{
    DuplicatePolicy, Labels, SeriesColumns, SeriesKey, SeriesRef, TimeRange, WriteBatch,
};

use super::super::{Epoch, Head, HeadOptions, HeadSample, SampleValue, SeriesPlace};

pub(super) const MILLI: i64 = 1_000_000;

pub(super) fn head(duplicates: DuplicatePolicy) -> Head {
    Head::new(HeadOptions { duplicates, ..HeadOptions::default() })
}

/// `m{host="..", z="1"}`.
pub(super) fn labels(host: usize) -> Labels {
    let host = format!("h{host}");
    Labels::from_pairs([("__name__", "m"), ("host", &host), ("z", "1")]).expect("valid labels")
}

/// The series of one label set, made if need be.
pub(super) fn series_of(head: &Head, labels: &Labels) -> SeriesRef {
    let mut batch = WriteBatch::default();
    batch.push_labels(labels.clone());
    batch.push_sample(0, 0.0);
    head.resolve(&batch).series[0].clone().expect("resolvable")
}

/// A batch of one sample for each of the keys.
pub(super) fn batch_of<'a>(keys: impl IntoIterator<Item = SeriesKey<'a>>) -> WriteBatch<'a> {
    let mut batch = WriteBatch::default();
    for key in keys {
        batch.push_series(key);
        batch.push_sample(MILLI, 1.0);
    }
    batch
}

pub(super) fn raw(labels: &Labels) -> SeriesKey<'_> {
    SeriesKey::Raw { bytes: labels.as_bytes(), decode: Labels::decode_canonical }
}

pub(super) fn nothing_older(_: &Labels, _: i64) -> Option<SampleValue> {
    None
}

/// Applies samples of one series and returns the indexes of those refused.
pub(super) fn write(head: &Head, series: SeriesRef, samples: &[(i64, f64)]) -> Vec<u32> {
    write_over(head, series, samples, &nothing_older)
}

pub(super) fn write_over(
    head: &Head,
    series: SeriesRef,
    samples: &[(i64, f64)],
    older: &dyn Fn(&Labels, i64) -> Option<SampleValue>,
) -> Vec<u32> {
    let place = SeriesPlace::of(series);
    let samples: Vec<HeadSample> = (0..)
        .zip(samples)
        .map(|(index, &(ts, value))| HeadSample { slot: place.slot(), index, ts, value })
        .collect();
    head.apply(place.shard(), &samples, older)
}

/// Samples with their values' bits.
pub(super) type Bits = Vec<(i64, u64)>;

pub(super) fn bits(columns: &SeriesColumns) -> Bits {
    assert_eq!(columns.timestamps.len(), columns.values.len());
    columns.timestamps.iter().copied().zip(columns.values.iter().map(|v| v.to_bits())).collect()
}

pub(super) fn read(head: &Head, series: SeriesRef, range: TimeRange, after: Epoch) -> Bits {
    let mut columns = SeriesColumns::default();
    head.read(series, range, after, &mut columns);
    bits(&columns)
}

pub(super) fn read_all(head: &Head, series: SeriesRef) -> Bits {
    read(head, series, TimeRange::ALL, Epoch::default())
}

pub(super) fn of(samples: &[(i64, f64)]) -> Bits {
    samples.iter().map(|(ts, value)| (*ts, value.to_bits())).collect()
}
