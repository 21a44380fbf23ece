//! Remote write 1.0 requests written: for tests, benchmarks and clients.

use timberline_model::{Exemplar, FamilyMetadata, Histogram, Labels, NANOS_PER_MILLI, Sample};

use super::{
    exemplar::put_exemplar, histogram::put_histogram, labels::put_labels, metadata::put_metadata,
};
use crate::protobuf::{put_bytes, put_double, put_int64};

/// What a request says of one series.
#[derive(Clone, Copy, Debug)]
pub struct SeriesParts<'s> {
    /// The series.
    pub labels: &'s Labels,
    /// Its floats.
    pub samples: &'s [Sample],
    /// Its native histograms, each with its time in nanoseconds.
    pub histograms: &'s [(i64, Histogram)],
    /// Its exemplars.
    pub exemplars: &'s [Exemplar],
}

/// A `prometheus.WriteRequest` of floats, not compressed. Times are cut to whole milliseconds, as the
/// format has nothing finer.
#[must_use]
pub fn encode_v1<'s>(series: impl IntoIterator<Item = (&'s Labels, &'s [Sample])>) -> Vec<u8> {
    let parts = series.into_iter().map(|(labels, samples)| SeriesParts {
        labels,
        samples,
        histograms: &[],
        exemplars: &[],
    });
    encode_v1_parts(parts, &[])
}

/// A `prometheus.WriteRequest` of everything that it can hold, not compressed.
#[must_use]
pub fn encode_v1_parts<'s>(
    series: impl IntoIterator<Item = SeriesParts<'s>>,
    metadata: &[FamilyMetadata],
) -> Vec<u8> {
    let (mut request, mut message, mut part) = (Vec::new(), Vec::new(), Vec::new());
    for series in series {
        message.clear();
        put_labels(&mut message, 1, series.labels);
        for sample in series.samples {
            put_sample(&mut message, sample.ts, sample.value, &mut part);
        }
        for exemplar in series.exemplars {
            part.clear();
            put_exemplar(&mut part, exemplar);
            put_bytes(&mut message, 3, &part);
        }
        for (ts, histogram) in series.histograms {
            part.clear();
            put_histogram(&mut part, *ts, histogram);
            put_bytes(&mut message, 4, &part);
        }
        put_bytes(&mut request, 1, &message);
    }
    for entry in metadata {
        part.clear();
        put_metadata(&mut part, entry);
        put_bytes(&mut request, 3, &part);
    }
    request
}

/// Appends the field of a float to a `TimeSeries`; `part` is room to work in.
pub(crate) fn put_sample(message: &mut Vec<u8>, ts: i64, value: f64, part: &mut Vec<u8>) {
    part.clear();
    put_double(part, 1, value);
    put_int64(part, 2, ts.div_euclid(NANOS_PER_MILLI));
    put_bytes(message, 2, part);
}
