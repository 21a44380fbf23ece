//! Remote write 1.0 as a sender makes it: Protocol Buffers, written by hand, compressed with snappy.

use anyhow::{Context, Result};

/// The wire type of fields with a length.
pub(super) const LENGTH_DELIMITED: u8 = 2;
const WRITE_REQUEST_TIMESERIES: u8 = 1 << 3 | LENGTH_DELIMITED;
const TIMESERIES_LABELS: u8 = 1 << 3 | LENGTH_DELIMITED;
const TIMESERIES_SAMPLES: u8 = 2 << 3 | LENGTH_DELIMITED;
const LABEL_NAME: u8 = 1 << 3 | LENGTH_DELIMITED;
const LABEL_VALUE: u8 = 2 << 3 | LENGTH_DELIMITED;
const SAMPLE_VALUE: u8 = 1 << 3 | 1;
const SAMPLE_TIMESTAMP: u8 = 2 << 3;

/// The labels field of a series, which its samples share from request to request. Labels come sorted
/// by name.
pub(super) fn encode_labels<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut label = Vec::new();
    for (name, value) in labels {
        label.clear();
        put_bytes(&mut label, LABEL_NAME, name.as_bytes());
        put_bytes(&mut label, LABEL_VALUE, value.as_bytes());
        put_bytes(&mut encoded, TIMESERIES_LABELS, &label);
    }
    encoded
}

/// A request in the making. One series has one sample, as a scraper sends it.
#[derive(Debug, Default)]
pub(super) struct Request {
    bytes: Vec<u8>,
    sample: Vec<u8>,
}

impl Request {
    /// Adds one sample, its timestamp in milliseconds, of the series with these encoded labels.
    pub(super) fn push(&mut self, labels: &[u8], ts_ms: i64, value: f64) {
        self.sample.clear();
        self.sample.push(SAMPLE_VALUE);
        self.sample.extend_from_slice(&value.to_le_bytes());
        self.sample.push(SAMPLE_TIMESTAMP);
        put_varint(&mut self.sample, ts_ms.cast_unsigned());
        // A sample's length takes one byte: it is 19 at most.
        let len = labels.len() + 2 + self.sample.len();
        self.bytes.push(WRITE_REQUEST_TIMESERIES);
        put_varint(&mut self.bytes, len as u64);
        self.bytes.extend_from_slice(labels);
        put_bytes(&mut self.bytes, TIMESERIES_SAMPLES, &self.sample);
    }

    /// The compressed body; the request is empty again.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>> {
        let body = snap::raw::Encoder::new().compress_vec(&self.bytes);
        self.bytes.clear();
        body.context("compressing a request")
    }
}

/// Appends a length-delimited field; `key` holds its number and wire type.
pub(super) fn put_bytes(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    out.push(key);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a varint.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        timeseries: Vec<TimeSeries>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        samples: Vec<Sample>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Label {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        value: String,
    }

    #[derive(Clone, Copy, PartialEq, Message)]
    struct Sample {
        #[prost(double, tag = "1")]
        value: f64,
        #[prost(int64, tag = "2")]
        timestamp: i64,
    }

    #[test]
    fn a_request_reads_back_with_another_decoder() {
        let long = "x".repeat(300);
        let pairs = [("__name__", "cpu"), ("host", long.as_str())];
        let labels = encode_labels(pairs);
        let mut request = Request::default();
        request.push(&labels, 1_700_000_000_000, -0.5);
        request.push(&labels, -1, f64::INFINITY);
        let body = request.finish().unwrap();
        let bytes = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
        let decoded = WriteRequest::decode(bytes.as_slice()).unwrap();

        let label = |(name, value): (&str, &str)| Label { name: name.into(), value: value.into() };
        let labels: Vec<Label> = pairs.map(label).into();
        let series = |timestamp, value| TimeSeries {
            labels: labels.clone(),
            samples: vec![Sample { value, timestamp }],
        };
        let expected = vec![series(1_700_000_000_000, -0.5), series(-1, f64::INFINITY)];
        assert_eq!(decoded.timeseries, expected);
    }
}
