//! The last step of both decoders: one series and its samples into the batch.

use timberline_model::{
    LabelDecoder, Labels, LabelsBuilder, SeriesKey, limits::REJECTIONS_NAMED_MAX,
};

use super::sample::{WireSample, nanos, out_of_range};
use crate::Decoded;

/// Pushes a series and its floats, and rejects samples whose time does not fit.
#[inline]
pub(super) fn push_samples<'a>(
    decoded: &mut Decoded<'a>,
    series_index: usize,
    key: SeriesKey<'a>,
    samples: &[WireSample],
) {
    decoded.batch.push_series(key);
    for sample in samples {
        match (nanos(sample.ts_ms), nanos(sample.start_ms)) {
            (Some(ts), Some(0)) => decoded.batch.push_sample(ts, sample.value),
            (Some(ts), Some(start)) => decoded.batch.push_sample_since(ts, start, sample.value),
            _ => reject_time(decoded, series_index, sample),
        }
    }
}

/// Rejects a sample of the series pushed last for its time.
#[cold]
fn reject_time(decoded: &mut Decoded<'_>, series_index: usize, sample: &WireSample) {
    let labels = last_labels(decoded);
    let reason = match nanos(sample.ts_ms) {
        None => out_of_range("timestamp", sample.ts_ms),
        Some(_) => out_of_range("start timestamp", sample.start_ms),
    };
    decoded.reject_items(series_index, (1, 0), || labels, reason);
}

/// The labels of the series pushed last, if a rejection that comes now is still named.
#[cold]
fn last_labels(decoded: &Decoded<'_>) -> Option<Labels> {
    if decoded.rejections.len() >= REJECTIONS_NAMED_MAX {
        return None;
    }
    match &decoded.batch.series().last()?.key {
        SeriesKey::Raw { bytes, decode } => labels_in_words(bytes, *decode),
        SeriesKey::Labels(labels) => Some(labels.clone()),
        SeriesKey::Ref(_) => None,
    }
}

/// Labels in words, for a rejection, if they are sound.
#[cold]
pub(super) fn labels_in_words(bytes: &[u8], decode: LabelDecoder) -> Option<Labels> {
    let mut builder = LabelsBuilder::default();
    decode(bytes, &mut builder).ok()?;
    builder.build().ok()
}
