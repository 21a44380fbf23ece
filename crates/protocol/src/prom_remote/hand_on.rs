//! The last step of both decoders: one series' contents into the batch.

use timberline_model::{
    Exemplar, HistogramSample, LabelDecoder, Labels, LabelsBuilder, SeriesKey,
    limits::REJECTIONS_NAMED_MAX,
};

use super::sample::WireSample;
use crate::Decoded;

/// Pushes a series and what it holds, and rejects samples whose time does not fit.
#[inline]
pub(super) fn hand_on<'a>(
    decoded: &mut Decoded<'a>,
    series_index: usize,
    key: SeriesKey<'a>,
    samples: &[WireSample],
    histograms: impl Iterator<Item = HistogramSample>,
    exemplars: impl Iterator<Item = Exemplar>,
) {
    decoded.batch.push_series(key);
    for sample in samples {
        match sample.in_nanos() {
            Ok((ts, start, value)) => decoded.batch.push_sample_since(ts, start, value),
            Err(reason) => {
                let labels = last_labels(decoded);
                decoded.reject_items(series_index, (1, 0), || labels, reason);
            }
        }
    }
    histograms.for_each(|sample| decoded.batch.push_histogram(sample));
    exemplars.for_each(|exemplar| decoded.batch.push_exemplar(exemplar));
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
