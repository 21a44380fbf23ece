//! Remote write messages as another implementation (`prost`) writes them, and batches in a form that
//! tests can compare. Tests only.

use proptest::prelude::*;
use prost::Message;
use timberline_model::{
    BucketCounts, BucketSpan, Exemplar, Histogram, HistogramSample, Labels, LabelsBuilder,
    LabelsError, NANOS_PER_MILLI, ResetHint, SeriesKey,
};

use crate::Decoded;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Label {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
    #[prost(int64, tag = "3")]
    pub(crate) start_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Span {
    #[prost(sint32, tag = "1")]
    pub(crate) offset: i32,
    #[prost(uint32, tag = "2")]
    pub(crate) length: u32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Count {
    #[prost(uint64, tag = "1")]
    Int(u64),
    #[prost(double, tag = "2")]
    Float(f64),
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum ZeroCount {
    #[prost(uint64, tag = "6")]
    Int(u64),
    #[prost(double, tag = "7")]
    Float(f64),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WireHistogram {
    #[prost(oneof = "Count", tags = "1, 2")]
    pub(crate) count: Option<Count>,
    #[prost(double, tag = "3")]
    pub(crate) sum: f64,
    #[prost(sint32, tag = "4")]
    pub(crate) schema: i32,
    #[prost(double, tag = "5")]
    pub(crate) zero_threshold: f64,
    #[prost(oneof = "ZeroCount", tags = "6, 7")]
    pub(crate) zero_count: Option<ZeroCount>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    pub(crate) negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    pub(crate) negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    pub(crate) positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    pub(crate) positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    pub(crate) reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(crate) timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    pub(crate) custom_values: Vec<f64>,
    #[prost(int64, tag = "17")]
    pub(crate) start_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExemplarV1 {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(double, tag = "2")]
    pub(crate) value: f64,
    #[prost(int64, tag = "3")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExemplarV2 {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) labels_refs: Vec<u32>,
    #[prost(double, tag = "2")]
    pub(crate) value: f64,
    #[prost(int64, tag = "3")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetadataV1 {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, tag = "2")]
    pub(crate) family: String,
    #[prost(string, tag = "4")]
    pub(crate) help: String,
    #[prost(string, tag = "5")]
    pub(crate) unit: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetadataV2 {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(uint32, tag = "3")]
    pub(crate) help_ref: u32,
    #[prost(uint32, tag = "4")]
    pub(crate) unit_ref: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SeriesV1 {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) exemplars: Vec<ExemplarV1>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) histograms: Vec<WireHistogram>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestV1 {
    #[prost(message, repeated, tag = "1")]
    pub(crate) timeseries: Vec<SeriesV1>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) metadata: Vec<MetadataV1>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SeriesV2 {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) histograms: Vec<WireHistogram>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) exemplars: Vec<ExemplarV2>,
    #[prost(message, optional, tag = "5")]
    pub(crate) metadata: Option<MetadataV2>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestV2 {
    #[prost(string, repeated, tag = "4")]
    pub(crate) symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) timeseries: Vec<SeriesV2>,
}

/// A sample of so many milliseconds.
pub(crate) fn sample(timestamp: i64, value: f64) -> Sample {
    Sample { value, timestamp, start_timestamp: 0 }
}

/// A histogram as a sender writes it.
pub(crate) fn wire_histogram(sample: &HistogramSample) -> WireHistogram {
    let histogram = &sample.histogram;
    let spans = |spans: &[BucketSpan]| {
        spans.iter().map(|span| Span { offset: span.offset, length: span.length }).collect()
    };
    let deltas = |counts: &[u64]| {
        let mut last = 0;
        let delta = |count: &u64| *count as i64 - std::mem::replace(&mut last, *count as i64);
        counts.iter().map(delta).collect()
    };
    let mut wire = WireHistogram {
        sum: histogram.sum,
        schema: histogram.schema.into(),
        zero_threshold: histogram.zero_threshold,
        negative_spans: spans(&histogram.negative_spans),
        positive_spans: spans(&histogram.positive_spans),
        reset_hint: i32::from(histogram.reset_hint as u8),
        timestamp: sample.ts / NANOS_PER_MILLI,
        start_timestamp: sample.start / NANOS_PER_MILLI,
        custom_values: histogram.custom_values.clone(),
        ..WireHistogram::default()
    };
    match &histogram.counts {
        BucketCounts::Integer { count, zero_count, positive, negative } => {
            wire.count = Some(Count::Int(*count));
            wire.zero_count = Some(ZeroCount::Int(*zero_count));
            wire.positive_deltas = deltas(positive);
            wire.negative_deltas = deltas(negative);
        }
        BucketCounts::Float { count, zero_count, positive, negative } => {
            wire.count = Some(Count::Float(*count));
            wire.zero_count = Some(ZeroCount::Float(*zero_count));
            wire.positive_counts.clone_from(positive);
            wire.negative_counts.clone_from(negative);
        }
    }
    wire
}

/// Histograms of every kind, sound or not; times are whole milliseconds.
pub(crate) fn any_histogram() -> impl Strategy<Value = HistogramSample> {
    let spans = || {
        let span = (any::<i32>(), any::<u32>());
        let span = span.prop_map(|(offset, length)| BucketSpan { offset, length });
        prop::collection::vec(span, 0..4)
    };
    let integers = || prop::collection::vec(0..=i64::MAX as u64, 0..6);
    let integer = (any::<u64>(), any::<u64>(), integers(), integers()).prop_map(
        |(count, zero_count, positive, negative)| BucketCounts::Integer {
            count,
            zero_count,
            positive,
            negative,
        },
    );
    let floats = || prop::collection::vec(any::<u64>().prop_map(f64::from_bits), 0..6);
    let float = (floats(), floats()).prop_map(|(positive, negative)| BucketCounts::Float {
        count: positive.iter().sum(),
        zero_count: negative.iter().sum(),
        positive,
        negative,
    });
    let head = (-1_000_000_i64..1_000_000, 0..1_000_i64, 0..4_u8, any::<i8>(), floats());
    let bits = (any::<u64>(), any::<u64>());
    (head, bits, spans(), spans(), prop_oneof![integer, float]).prop_map(
        |(
            (ts, start, hint, schema, custom_values),
            bits,
            positive_spans,
            negative_spans,
            counts,
        )| {
            HistogramSample {
                ts: ts * NANOS_PER_MILLI,
                start: start * NANOS_PER_MILLI,
                histogram: Histogram {
                    reset_hint: ResetHint::from_code(hint).unwrap(),
                    schema,
                    zero_threshold: f64::from_bits(bits.0),
                    sum: f64::from_bits(bits.1),
                    positive_spans,
                    negative_spans,
                    custom_values,
                    counts,
                },
            }
        },
    )
}

/// A message of 1.0 with these labels and samples and nothing else.
pub(crate) fn series_v1(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> SeriesV1 {
    let label = |(name, value): &(&str, &str)| Label {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    SeriesV1 {
        labels: labels.iter().map(label).collect(),
        samples: samples.iter().map(|&(ts, value)| sample(ts, value)).collect(),
        ..SeriesV1::default()
    }
}

/// A series of a batch: its labels, as a database would find them, and times with values' bits.
pub(crate) type Read = (Result<Labels, LabelsError>, Vec<(i64, u64)>);

/// Everything in a batch, with keys decoded.
pub(crate) fn read(decoded: &Decoded<'_>) -> Vec<Read> {
    let batch = &decoded.batch;
    let mut columns = batch.timestamps().iter().zip(batch.values());
    let mut series = Vec::new();
    for write in batch.series() {
        let labels = match &write.key {
            SeriesKey::Raw { bytes, decode } => {
                let mut builder = LabelsBuilder::default();
                decode(bytes, &mut builder).and_then(|()| builder.build())
            }
            SeriesKey::Labels(labels) => Ok(labels.clone()),
            SeriesKey::Ref(series) => panic!("no wire format has reference {series}"),
        };
        let samples = columns.by_ref().take(write.sample_count as usize);
        series.push((labels, samples.map(|(ts, value)| (*ts, value.to_bits())).collect()));
    }
    series
}

/// The histograms and exemplars of every series of a batch.
pub(crate) fn read_rest(decoded: &Decoded<'_>) -> Vec<(Vec<HistogramSample>, Vec<Exemplar>)> {
    let batch = &decoded.batch;
    let (mut histograms, mut exemplars) = (batch.histograms().iter(), batch.exemplars().iter());
    let of_series = batch.series().iter().map(|write| {
        let histograms = histograms.by_ref().take(write.histogram_count as usize);
        let exemplars = exemplars.by_ref().take(write.exemplar_count as usize);
        (histograms.cloned().collect(), exemplars.cloned().collect())
    });
    of_series.collect()
}
