//! A client of remote read, made of a protobuf library and the decoders of chunks: it shares no line with
//! the server's side.

use std::collections::BTreeMap;

use prost::Message;
use timberline_codec::{
    crc::crc32c,
    prometheus::{Encoding, decode_floats, decode_histograms},
    varint::uvarint,
};
use timberline_model::{BucketCounts, BucketSpan, Histogram, ResetHint};

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Matcher {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Query {
    #[prost(int64, tag = "1")]
    start: i64,
    #[prost(int64, tag = "2")]
    end: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<Matcher>,
}

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<Query>,
    #[prost(int32, repeated, tag = "2")]
    accepted: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Clone, PartialEq, Message)]
struct WireHistogram {
    #[prost(uint64, optional, tag = "1")]
    count_int: Option<u64>,
    #[prost(double, optional, tag = "2")]
    count_float: Option<f64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, tag = "6")]
    zero_int: u64,
    #[prost(double, tag = "7")]
    zero_float: f64,
    #[prost(message, repeated, tag = "8")]
    negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    positive_counts: Vec<f64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    custom_values: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<WireHistogram>,
}

#[derive(Clone, PartialEq, Message)]
struct QueryResult {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, repeated, tag = "1")]
    results: Vec<QueryResult>,
}

#[derive(Clone, PartialEq, Message)]
struct WireChunk {
    #[prost(int64, tag = "1")]
    min_ms: i64,
    #[prost(int64, tag = "2")]
    max_ms: i64,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(bytes = "vec", tag = "4")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ChunkedSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    chunks: Vec<WireChunk>,
}

#[derive(Clone, PartialEq, Message)]
struct ChunkedResponse {
    #[prost(message, repeated, tag = "1")]
    series: Vec<ChunkedSeries>,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One message of samples.
    Samples,
    /// A stream of chunks.
    Chunks,
}

/// The samples of one series by their milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadSeries {
    /// The bits of the floats.
    pub floats: BTreeMap<i64, u64>,
    /// The histograms.
    pub histograms: BTreeMap<i64, Histogram>,
}

/// What of a histogram must be the same: the bits of its count and sum, its schema, and the bits of the
/// bounds and counts of its buckets.
pub type Essence = (u64, u64, i8, Vec<(u64, u64, u64)>);

impl ReadSeries {
    /// The essences of the histograms: chunks may have empty buckets that were not written, and know
    /// other hints.
    #[must_use]
    pub fn essences(&self) -> BTreeMap<i64, Essence> {
        self.histograms.iter().map(|(ts, histogram)| (*ts, essence(histogram))).collect()
    }
}

fn essence(histogram: &Histogram) -> Essence {
    if histogram.is_stale() {
        return (0, histogram.sum.to_bits(), 0, Vec::new());
    }
    let count = match histogram.counts {
        BucketCounts::Integer { count, .. } => count as f64,
        BucketCounts::Float { count, .. } => count,
    };
    let filled = histogram.buckets().into_iter().filter(|bucket| bucket.count > 0.0);
    let bits = filled.map(|b| (b.lower.to_bits(), b.upper.to_bits(), b.count.to_bits())).collect();
    (count.to_bits(), histogram.sum.to_bits(), histogram.schema, bits)
}

/// Asks the server at an address for all series that one label's value picks by a regular expression.
/// Series are named in words; they must have come in the order of their labels.
///
/// # Panics
/// When the answer is none.
#[must_use]
pub fn read(
    address: &str,
    form: Form,
    (name, regex): (&str, &str),
    (start, end): (i64, i64),
) -> BTreeMap<String, ReadSeries> {
    let matchers = vec![Matcher { kind: 2, name: name.into(), value: regex.into() }];
    let accepted = vec![if form == Form::Samples { 0 } else { 1 }];
    let request = Request { queries: vec![Query { start, end, matchers }], accepted };
    let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("small");
    let url = format!("http://{address}/api/v1/read");
    let answer = ureq::post(&url)
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Read-Version", "0.1.0")
        .send(&body[..]);
    let mut answer = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
    let bytes = answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body");
    match form {
        Form::Samples => sampled(&bytes),
        Form::Chunks => chunked(&bytes),
    }
}

fn words(labels: &[Label]) -> String {
    let pairs = labels.iter().map(|label| format!("{}={:?}", label.name, label.value));
    pairs.collect::<Vec<_>>().join(",")
}

fn sampled(bytes: &[u8]) -> BTreeMap<String, ReadSeries> {
    let body = snap::raw::Decoder::new().decompress_vec(bytes).expect("a snappy block");
    let response = Response::decode(&body[..]).expect("a read response");
    let all = response.results.into_iter().flat_map(|result| result.series);
    let series = all.map(|series| {
        let floats = series.samples.iter().map(|s| (s.timestamp, s.value.to_bits())).collect();
        let histograms =
            series.histograms.into_iter().map(|one| (one.timestamp, one.into())).collect();
        (words(&series.labels), ReadSeries { floats, histograms })
    });
    series.collect()
}

fn chunked(mut rest: &[u8]) -> BTreeMap<String, ReadSeries> {
    let mut found: BTreeMap<String, ReadSeries> = BTreeMap::new();
    let mut last: Vec<Label> = Vec::new();
    while !rest.is_empty() {
        let (len, tail) = uvarint(rest).expect("a length");
        let (crc, tail) = tail.split_first_chunk::<4>().expect("a checksum");
        let (message, tail) = tail.split_at(usize::try_from(len).expect("a length"));
        assert_eq!(crc32c(message), u32::from_be_bytes(*crc), "the checksum of a frame");
        let response = ChunkedResponse::decode(message).expect("chunks");
        for series in response.series {
            let key = |labels: &[Label]| -> Vec<(String, String)> {
                labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect()
            };
            assert!(key(&last) <= key(&series.labels), "series in the order of their labels");
            let columns = found.entry(words(&series.labels)).or_default();
            series.chunks.iter().for_each(|chunk| decode_chunk(chunk, columns));
            last = series.labels;
        }
        rest = tail;
    }
    found
}

fn decode_chunk(chunk: &WireChunk, series: &mut ReadSeries) {
    let code = u8::try_from(chunk.kind).expect("a kind of chunk");
    let encoding = Encoding::from_code(code).expect("a kind of chunk");
    let mut timestamps = Vec::new();
    if encoding == Encoding::Xor {
        let mut values = Vec::new();
        decode_floats(&chunk.data, &mut timestamps, &mut values).expect("a chunk of floats");
        let bits = values.iter().map(|value| value.to_bits());
        series.floats.extend(timestamps.iter().copied().zip(bits));
    } else {
        let mut values = Vec::new();
        decode_histograms(encoding, &chunk.data, &mut timestamps, &mut values)
            .expect("a chunk of histograms");
        series.histograms.extend(timestamps.iter().copied().zip(values));
    }
    assert_eq!(timestamps.first(), Some(&chunk.min_ms));
    assert_eq!(timestamps.last(), Some(&chunk.max_ms));
}

impl From<WireHistogram> for Histogram {
    fn from(wire: WireHistogram) -> Self {
        let spans = |spans: Vec<Span>| {
            let span = |span: Span| BucketSpan { offset: span.offset, length: span.length };
            spans.into_iter().map(span).collect()
        };
        let counts = |deltas: &[i64]| {
            let sum = |last: &mut i64, delta: &i64| {
                *last += delta;
                Some(u64::try_from(*last).expect("counts are not negative"))
            };
            deltas.iter().scan(0, sum).collect()
        };
        Self {
            reset_hint: ResetHint::Unknown,
            schema: i8::try_from(wire.schema).expect("a schema"),
            zero_threshold: wire.zero_threshold,
            sum: wire.sum,
            positive_spans: spans(wire.positive_spans),
            negative_spans: spans(wire.negative_spans),
            custom_values: wire.custom_values,
            counts: match wire.count_float {
                Some(count) => BucketCounts::Float {
                    count,
                    zero_count: wire.zero_float,
                    positive: wire.positive_counts,
                    negative: wire.negative_counts,
                },
                None => BucketCounts::Integer {
                    count: wire.count_int.unwrap_or(0),
                    zero_count: wire.zero_int,
                    positive: counts(&wire.positive_deltas),
                    negative: counts(&wire.negative_deltas),
                },
            },
        }
    }
}
