//! Remote read against messages of a protobuf library, and chunks against the decoder of chunks.

use proptest::prelude::*;
use prost::Message;
use timberline_codec::prometheus::{Encoding, decode_histograms};
use timberline_model::{BucketCounts, Histogram, Labels, MatchOp, SeriesColumns, TimeRange};

use super::*;
use crate::{
    ProtocolError,
    prom_remote::{
        decompress,
        testing::{Label, SeriesV1},
    },
};

#[derive(Clone, PartialEq, Message)]
struct WireMatcher {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct WireQuery {
    #[prost(int64, tag = "1")]
    start: i64,
    #[prost(int64, tag = "2")]
    end: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<WireMatcher>,
    /// Of another type than the real one: nobody reads them.
    #[prost(string, tag = "4")]
    hints: String,
}

#[derive(Clone, PartialEq, Message)]
struct WireRequest {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<WireQuery>,
    #[prost(int32, repeated, tag = "2")]
    accepted: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct WireResult {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<SeriesV1>,
}

#[derive(Clone, PartialEq, Message)]
struct WireResponse {
    #[prost(message, repeated, tag = "1")]
    results: Vec<WireResult>,
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
struct WireChunkedSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    chunks: Vec<WireChunk>,
}

#[derive(Clone, PartialEq, Message)]
struct WireChunks {
    #[prost(message, repeated, tag = "1")]
    series: Vec<WireChunkedSeries>,
    #[prost(int64, tag = "2")]
    query_index: i64,
}

const LIMITS: ReadLimits = ReadLimits { queries_max: 4, matchers_max: 8, regexes_max: 2 };

fn matcher(kind: i32, name: &str, value: &str) -> WireMatcher {
    WireMatcher { kind, name: name.into(), value: value.into() }
}

fn query(matchers: Vec<WireMatcher>) -> WireQuery {
    WireQuery { start: 1_000, end: 2_000, matchers, hints: "whatever".into() }
}

fn decode(queries: Vec<WireQuery>, accepted: &[i32]) -> Result<ReadRequest, ProtocolError> {
    let request = WireRequest { queries, accepted: accepted.to_vec() };
    decode_request(&request.encode_to_vec(), &LIMITS)
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "node")]).unwrap()
}

fn floats(samples: &[(i64, f64)]) -> SeriesColumns {
    let mut columns = SeriesColumns::default();
    for (ts_ms, value) in samples {
        columns.timestamps.push(ts_ms * 1_000_000);
        columns.values.push(*value);
    }
    columns
}

#[test]
fn queries_are_read_with_their_matchers_and_without_their_hints() {
    let matchers = vec![
        matcher(0, "__name__", "up"),
        matcher(1, "job", "a"),
        matcher(2, "job", "b.*"),
        matcher(3, "job", "c|d"),
    ];
    let whole = WireQuery { start: i64::MIN, end: i64::MAX, ..query(Vec::new()) };
    let request = decode(vec![query(matchers), whole], &[]).unwrap();
    let [first, whole] = &request.queries[..] else { panic!("two queries") };
    assert_eq!(first.range, TimeRange::new(1_000_000_000, 2_000_999_999));
    assert_eq!(whole.range, TimeRange::ALL);
    let found: Vec<_> = first.matchers.iter().map(|m| (m.name(), m.op(), m.value())).collect();
    let expected = [
        ("__name__", MatchOp::Equal, "up"),
        ("job", MatchOp::NotEqual, "a"),
        ("job", MatchOp::Regex, "b.*"),
        ("job", MatchOp::NotRegex, "c|d"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_first_form_of_the_list_that_exists_wins() {
    let chosen = |accepted: &[i32]| decode(Vec::new(), accepted).unwrap().response_type();
    assert_eq!(chosen(&[]), Ok(ResponseType::Samples));
    assert_eq!(chosen(&[0, 1]), Ok(ResponseType::Samples));
    assert_eq!(chosen(&[7, 1, 0]), Ok(ResponseType::StreamedXorChunks));
    let refused = chosen(&[7, 8]).unwrap_err();
    assert!(refused.to_string().contains("[7, 8]"), "{refused}");
}

#[test]
fn what_is_no_question_is_refused_by_name() {
    let error = |matchers| decode(vec![query(Vec::new()), query(matchers)], &[]).unwrap_err();
    for (matcher, part) in [
        (matcher(2, "job", "("), "query 1: "),
        (matcher(9, "job", "a"), "matcher type 9 does not exist"),
    ] {
        let refused = error(vec![matcher]).to_string();
        assert!(refused.contains(part), "{refused}");
    }
    for (matchers, what) in [
        (vec![matcher(0, "a", "b"); 9], "matchers"),
        (vec![matcher(2, "a", "b"); 3], "regular expressions"),
    ] {
        let refused = error(matchers);
        assert!(
            matches!(refused, ProtocolError::TooMany { what: w, .. } if w == what),
            "{refused}"
        );
    }
    let refused = decode(vec![query(Vec::new()); 5], &[]).unwrap_err();
    assert!(matches!(refused, ProtocolError::TooMany { what: "queries", max: 4 }));
}

#[test]
fn a_sampled_response_is_what_a_protobuf_library_reads() {
    let mut columns = floats(&[(1, 0.5), (2, 1.5)]);
    // Two more within the last millisecond: the last of them stands for it.
    columns.timestamps.extend([2_000_001, 2_999_999]);
    columns.values.extend([2.5, 3.5]);
    columns.histograms.timestamps.push(7_000_000);
    columns.histograms.values.push(Histogram::stale());
    let mut response = SampledResponse::default();
    response.push(&labels("a"), &columns);
    response.push(&labels("b"), &floats(&[(3, -1.0)]));
    response.end_result();
    response.end_result();
    let mut body = Vec::new();
    decompress(&response.finish().unwrap(), 1 << 20, &mut body).unwrap();
    let read = WireResponse::decode(&body[..]).unwrap();
    let [first, empty] = &read.results[..] else { panic!("two results") };
    assert!(empty.timeseries.is_empty());
    let [a, b] = &first.timeseries[..] else { panic!("two series") };
    assert_eq!(a.labels[0].value, "a");
    let samples: Vec<_> = a.samples.iter().map(|s| (s.timestamp, s.value)).collect();
    assert_eq!(samples, [(1, 0.5), (2, 3.5)]);
    assert_eq!(a.histograms.len(), 1);
    assert_eq!(
        (a.histograms[0].timestamp, a.histograms[0].sum.to_bits()),
        (7, 0x7ff0_0000_0000_0002)
    );
    assert_eq!((b.samples.len(), b.histograms.len()), (1, 0));
}

/// The messages of a stream, their checksums checked.
fn messages(mut stream: &[u8]) -> Vec<WireChunks> {
    let mut found = Vec::new();
    while !stream.is_empty() {
        let (len, rest) = timberline_codec::varint::uvarint(stream).unwrap();
        let (crc, rest) = rest.split_first_chunk::<4>().unwrap();
        let (message, rest) = rest.split_at(usize::try_from(len).unwrap());
        assert_eq!(u32::from_be_bytes(*crc), timberline_codec::crc::crc32c(message));
        found.push(WireChunks::decode(message).unwrap());
        stream = rest;
    }
    found
}

fn stream(frame_bytes_max: usize, series: &[(usize, Labels, SeriesColumns)]) -> Vec<u8> {
    let mut stream = ChunkStream::new(frame_bytes_max);
    let mut sent = Vec::new();
    for (query, labels, columns) in series {
        let outcome: Result<(), ()> = stream.push(*query, labels, columns, |frame| {
            sent.extend_from_slice(&frame);
            Ok(())
        });
        outcome.unwrap();
    }
    sent
}

fn decode_floats(chunks: &[WireChunk]) -> Vec<(i64, u64)> {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    for chunk in chunks {
        assert_eq!(chunk.kind, 1);
        let start = timestamps.len();
        timberline_codec::xor::decode(&chunk.data, &mut timestamps, &mut values).unwrap();
        assert_eq!((timestamps[start], timestamps.last()), (chunk.min_ms, Some(&chunk.max_ms)));
    }
    timestamps.into_iter().zip(values.iter().map(|value| value.to_bits())).collect()
}

#[test]
fn a_stream_has_a_frame_for_each_series_and_more_for_a_long_one() {
    let long: Vec<_> = (0..1_000).map(|index| (index * 15_000, index as f64)).collect();
    let series = [
        (0, labels("a"), floats(&[(1, 0.5)])),
        (0, labels("b"), floats(&long)),
        (0, labels("c"), SeriesColumns::default()),
        (1, labels("d"), floats(&[(9, f64::NAN)])),
    ];
    let whole = messages(&stream(FRAME_BYTES_MAX, &series));
    assert_eq!(whole.iter().map(|m| m.query_index).collect::<Vec<_>>(), [0, 0, 1]);
    let cut = messages(&stream(500, &series));
    assert!(cut.len() > 4, "{} frames", cut.len());
    for frames in [whole, cut] {
        let of_b = frames.iter().flat_map(|m| &m.series).filter(|s| s.labels[0].value == "b");
        let chunks: Vec<_> = of_b.flat_map(|series| series.chunks.clone()).collect();
        assert_eq!(chunks.len(), 1_000_usize.div_ceil(timberline_codec::prometheus::SAMPLES_MAX));
        let expected: Vec<_> = long.iter().map(|(ts, value)| (*ts, value.to_bits())).collect();
        assert_eq!(decode_floats(&chunks), expected);
    }
}

#[test]
fn a_receiver_gone_ends_the_stream() {
    let long: Vec<_> = (0..10_000).map(|index| (index, 1.0)).collect();
    let mut sent = 0;
    let outcome = ChunkStream::new(10).push(0, &labels("a"), &floats(&long), |_| {
        sent += 1;
        if sent == 2 { Err("gone") } else { Ok(()) }
    });
    assert_eq!((outcome, sent), (Err("gone"), 2));
}

#[test]
fn histograms_and_floats_come_in_the_order_of_time() {
    let sample = |count: u64| Histogram {
        sum: 1.0,
        counts: BucketCounts::Integer {
            count,
            zero_count: count,
            positive: Vec::new(),
            negative: Vec::new(),
        },
        ..Histogram::stale()
    };
    let float = Histogram {
        counts: BucketCounts::Float {
            count: 1.5,
            zero_count: 1.5,
            positive: Vec::new(),
            negative: Vec::new(),
        },
        ..sample(0)
    };
    let mut columns = floats(&[(1, 0.5), (2, 1.5), (8, 2.5)]);
    let histograms = [(4, sample(1)), (5, sample(2)), (6, float), (9, Histogram::stale())];
    for (ts_ms, histogram) in histograms.clone() {
        columns.histograms.push(ts_ms * 1_000_000, 0, histogram);
    }
    let found = messages(&stream(FRAME_BYTES_MAX, &[(0, labels("a"), columns)]));
    let chunks = &found[0].series[0].chunks;
    let shape: Vec<_> =
        chunks.iter().map(|chunk| (chunk.kind, chunk.min_ms, chunk.max_ms)).collect();
    assert_eq!(shape[..4], [(1, 1, 2), (2, 4, 5), (3, 6, 6), (1, 8, 8)]);
    assert_eq!((shape[4].1, shape.len()), (9, 5));
    let (mut timestamps, mut read) = (Vec::new(), Vec::new());
    for chunk in chunks.iter().filter(|chunk| chunk.kind > 1) {
        let encoding = Encoding::from_code(u8::try_from(chunk.kind).unwrap()).unwrap();
        decode_histograms(encoding, &chunk.data, &mut timestamps, &mut read).unwrap();
    }
    assert_eq!(timestamps, [4, 5, 6, 9]);
    assert!(read[3].is_stale());
    for ((_, sent), read) in histograms[..3].iter().zip(read) {
        assert_eq!(Histogram { reset_hint: sent.reset_hint, ..read }, *sent);
    }
}

proptest! {
    #[test]
    fn any_samples_come_back_from_chunks(
        samples in prop::collection::btree_map(any::<i32>(), any::<u64>(), 0..400),
        frame_bytes_max in 1..2_000_usize,
    ) {
        let samples: Vec<_> = samples.iter().map(|(ts, bits)| (i64::from(*ts), *bits)).collect();
        let columns: Vec<_> = samples.iter().map(|(ts, bits)| (*ts, f64::from_bits(*bits))).collect();
        let sent = stream(frame_bytes_max, &[(3, labels("a"), floats(&columns))]);
        let frames = messages(&sent);
        prop_assert!(frames.iter().all(|frame| frame.query_index == 3 && frame.series.len() == 1));
        let chunks: Vec<_> =
            frames.into_iter().flat_map(|mut frame| frame.series.remove(0).chunks).collect();
        prop_assert_eq!(decode_floats(&chunks), samples);
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_request(&bytes, &LIMITS);
    }
}
