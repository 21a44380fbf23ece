//! What must hold for every decoded write request.

use timberline_model::{LabelsBuilder, SeriesKey, limits};
use timberline_protocol::Decoded;

/// Checks a batch that came out of a body of so many bytes.
pub(crate) fn check(decoded: &Decoded<'_>, body_bytes: usize) {
    let batch = &decoded.batch;
    let samples: u64 = batch.series().iter().map(|series| u64::from(series.sample_count)).sum();
    assert_eq!(samples, batch.sample_count() as u64);
    assert_eq!(batch.timestamps().len(), batch.values().len());
    assert!(batch.sample_count() <= body_bytes, "more samples than bytes");
    let count = |of: fn(&timberline_model::SeriesWrite<'_>) -> u32| -> usize {
        batch.series().iter().map(|series| of(series) as usize).sum()
    };
    assert_eq!(count(|series| series.histogram_count), batch.histograms().len());
    assert_eq!(count(|series| series.exemplar_count), batch.exemplars().len());
    assert!(batch.histograms().len() + batch.exemplars().len() <= body_bytes);
    for sample in batch.histograms() {
        if sample.histogram.check().is_ok() {
            let _ = sample.histogram.buckets();
        }
    }
    assert!(decoded.rejections.len() <= limits::REJECTIONS_NAMED_MAX);
    assert!(decoded.items_rejected >= decoded.rejections.len() as u64);
    for series in batch.series() {
        match &series.key {
            SeriesKey::Raw { bytes, decode } => {
                let mut builder = LabelsBuilder::default();
                if decode(bytes, &mut builder).is_ok()
                    && let Ok(labels) = builder.build()
                {
                    assert!(
                        labels.metric_name().is_some(),
                        "labels without a name were let through"
                    );
                }
            }
            SeriesKey::Labels(labels) => assert!(labels.metric_name().is_some()),
            SeriesKey::Ref(_) => panic!("no wire format has references"),
        }
    }
}
