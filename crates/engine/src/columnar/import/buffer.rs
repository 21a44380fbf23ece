//! Series gathered in memory until there are enough of them to write.

use std::collections::HashMap;

use timberline_model::{BucketCounts, DuplicatePolicy, Histogram, Labels, SeriesColumns};

use crate::columnar::merge::merge_columns;

/// Bytes that a series takes beside its labels and samples, about: the map's entry and the columns.
const SERIES_BYTES: usize = 256;

/// Samples by series, and how much memory they take.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    series: HashMap<Labels, SeriesColumns>,
    bytes: usize,
}

impl Buffer {
    /// Takes the samples out of the columns.
    pub(super) fn push(&mut self, labels: &Labels, columns: &mut SeriesColumns) {
        if columns.is_empty() {
            return;
        }
        self.bytes += columns_bytes(columns);
        if let Some(held) = self.series.get_mut(labels) {
            held.append(columns);
            return;
        }
        self.bytes += labels.as_bytes().len() + SERIES_BYTES;
        // The samples are copied, so that the caller keeps columns that have room.
        let mut held = SeriesColumns::default();
        held.append(columns);
        self.series.insert(labels.clone(), held);
    }

    /// Bytes that it holds, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Empties it: series in order, each ascending in time and with one sample per instant unless the
    /// policy is to keep all.
    pub(super) fn take(&mut self, policy: DuplicatePolicy) -> Vec<(Labels, SeriesColumns)> {
        self.bytes = 0;
        let mut series: Vec<(Labels, SeriesColumns)> =
            std::mem::take(&mut self.series).into_iter().collect();
        series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (_, columns) in &mut series {
            let mut settled = SeriesColumns::default();
            merge_columns(std::slice::from_mut(columns), policy, &mut settled);
            *columns = settled;
        }
        series
    }
}

fn columns_bytes(columns: &SeriesColumns) -> usize {
    let histograms: usize = columns.histograms.values.iter().map(histogram_bytes).sum();
    columns.timestamps.len() * 16
        + columns.starts.len() * 8
        + columns.histograms.starts.len() * 8
        + histograms
}

fn histogram_bytes(histogram: &Histogram) -> usize {
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    let buckets = match &histogram.counts {
        BucketCounts::Integer { positive, negative, .. } => positive.len() + negative.len(),
        BucketCounts::Float { positive, negative, .. } => positive.len() + negative.len(),
    };
    size_of::<Histogram>() + 8 * (spans + buckets + histogram.custom_values.len() + 1)
}
