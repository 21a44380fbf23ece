//! Remote write messages as another implementation (`prost`) writes them, and batches in a form that
//! tests can compare. Tests only.

use prost::Message;
use timberline_model::{Labels, LabelsBuilder, LabelsError, SeriesKey};

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

/// Whatever message this crate only counts: a histogram, an exemplar, metadata.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Counted {
    #[prost(string, tag = "2")]
    pub(crate) text: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SeriesV1 {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) exemplars: Vec<Counted>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) histograms: Vec<Counted>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestV1 {
    #[prost(message, repeated, tag = "1")]
    pub(crate) timeseries: Vec<SeriesV1>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) metadata: Vec<Counted>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SeriesV2 {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) histograms: Vec<Counted>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) exemplars: Vec<Counted>,
    #[prost(message, optional, tag = "5")]
    pub(crate) metadata: Option<Counted>,
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
