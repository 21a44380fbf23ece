//! `prometheus.ReadResponse`: `results = 1`, each with `timeseries = 1`, each with `labels = 1`,
//! `samples = 2` and `histograms = 4`, as in remote write 1.0.

use timberline_model::{Labels, NANOS_PER_MILLI, SeriesColumns};

use crate::{
    ProtocolError,
    prom_remote::{compress, encode::put_sample, histogram::put_histogram, labels::put_labels},
    protobuf::put_bytes,
};

/// An answer under way: results in the order of the queries, series in the order of their labels.
#[derive(Debug, Default)]
pub struct SampledResponse {
    response: Vec<u8>,
    result: Vec<u8>,
    series: Vec<u8>,
    part: Vec<u8>,
}

impl SampledResponse {
    /// Adds a series to the result at hand.
    pub fn push(&mut self, labels: &Labels, columns: &SeriesColumns) {
        let Self { result, series, part, .. } = self;
        series.clear();
        put_labels(series, 1, labels);
        for index in last_of_each_milli(&columns.timestamps) {
            put_sample(series, columns.timestamps[index], columns.values[index], part);
        }
        let histograms = &columns.histograms;
        for index in last_of_each_milli(&histograms.timestamps) {
            part.clear();
            put_histogram(part, histograms.timestamps[index], &histograms.values[index]);
            put_bytes(series, 4, part);
        }
        put_bytes(result, 1, series);
    }

    /// Ends the result of one query; the next push is the next one's.
    pub fn end_result(&mut self) {
        put_bytes(&mut self.response, 1, &self.result);
        self.result.clear();
    }

    /// Bytes held so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.response.len() + self.result.len()
    }

    /// Whether nothing was pushed and no result ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The answer's body, compressed.
    ///
    /// # Errors
    /// More than the 4 GiB that a snappy block can hold.
    pub fn finish(self) -> Result<Vec<u8>, ProtocolError> {
        compress(&self.response)
    }
}

/// The milliseconds of a time.
pub(super) const fn millis(ts: i64) -> i64 {
    ts.div_euclid(NANOS_PER_MILLI)
}

/// Indexes of the samples that are the last in their millisecond.
pub(super) fn last_of_each_milli(timestamps: &[i64]) -> impl Iterator<Item = usize> {
    let is_last = |index: &usize| match timestamps.get(index + 1) {
        Some(next) => millis(*next) != millis(timestamps[*index]),
        None => true,
    };
    (0..timestamps.len()).filter(is_last)
}
