//! `POST /api/v1/read`.

use prost::Message;
use timberline_codec::{crc::crc32c, varint::uvarint, xor};
use timberline_protocol::prom_remote::{compress, decompress};

use crate::harness::{Reply, Server, now_ms};

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
struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<Query>,
    #[prost(int32, repeated, tag = "2")]
    accepted: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct QueryResult {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    results: Vec<QueryResult>,
}

#[derive(Clone, PartialEq, Message)]
struct Chunk {
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
    chunks: Vec<Chunk>,
}

#[derive(Clone, PartialEq, Message)]
struct ChunkedResponse {
    #[prost(message, repeated, tag = "1")]
    series: Vec<ChunkedSeries>,
    #[prost(int64, tag = "2")]
    query_index: i64,
}

const SAMPLES: i32 = 0;
const CHUNKS: i32 = 1;

fn query(kind: i32, name: &str, value: &str) -> Query {
    let matcher = Matcher { kind, name: name.into(), value: value.into() };
    Query { start: 0, end: now_ms() + 1_000, matchers: vec![matcher] }
}

fn read(server: &Server, queries: &[Query], accepted: &[i32]) -> Reply {
    let request = ReadRequest { queries: queries.to_vec(), accepted: accepted.to_vec() };
    post(server, &compress(&request.encode_to_vec()).unwrap())
}

fn post(server: &Server, body: &[u8]) -> Reply {
    let headers = [
        ("Content-Type", "application/x-protobuf"),
        ("Content-Encoding", "snappy"),
        // Answers are as small as they get; they must not be compressed once more.
        ("Accept-Encoding", "gzip;q=0.5, identity"),
        ("X-Prometheus-Remote-Read-Version", "0.1.0"),
    ];
    server.request("POST", "/api/v1/read", &headers, body)
}

/// Series as (labels in words, times and values).
type Found = Vec<(String, Vec<(i64, f64)>)>;

fn words(labels: &[Label]) -> String {
    let pairs = labels.iter().map(|label| format!("{}={}", label.name, label.value));
    pairs.collect::<Vec<_>>().join(",")
}

#[track_caller]
fn sampled(reply: &Reply) -> Vec<Found> {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(reply.header("content-encoding"), Some("snappy"));
    let mut body = Vec::new();
    decompress(&reply.bytes, 1 << 30, &mut body).unwrap();
    let response = ReadResponse::decode(&body[..]).unwrap();
    let series = |series: Series| {
        let samples = series.samples.iter().map(|s| (s.timestamp, s.value));
        (words(&series.labels), samples.collect())
    };
    response.results.into_iter().map(|one| one.series.into_iter().map(series).collect()).collect()
}

/// The answers of a stream, by the index of their query.
#[track_caller]
fn streamed(reply: &Reply, queries: usize) -> (Vec<Found>, usize) {
    assert_eq!(reply.status, 200, "{reply:?}");
    let expected = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    assert_eq!(reply.header("content-type"), Some(expected));
    assert_eq!(reply.header("content-encoding"), None);
    let (mut found, mut frames) = (vec![Found::new(); queries], 0);
    let mut rest = &reply.bytes[..];
    while !rest.is_empty() {
        let (len, tail) = uvarint(rest).unwrap();
        let (crc, tail) = tail.split_first_chunk::<4>().unwrap();
        let (message, tail) = tail.split_at(usize::try_from(len).unwrap());
        assert_eq!(crc32c(message), u32::from_be_bytes(*crc));
        let response = ChunkedResponse::decode(message).unwrap();
        let result = &mut found[usize::try_from(response.query_index).unwrap()];
        for series in response.series {
            let labels = words(&series.labels);
            if result.last().is_none_or(|(last, _)| *last != labels) {
                result.push((labels, Vec::new()));
            }
            for chunk in series.chunks {
                let (mut timestamps, mut values) = (Vec::new(), Vec::new());
                xor::decode(&chunk.data, &mut timestamps, &mut values).unwrap();
                assert_eq!((chunk.kind, chunk.min_ms), (1, timestamps[0]));
                result.last_mut().unwrap().1.extend(timestamps.into_iter().zip(values));
            }
        }
        (rest, frames) = (tail, frames + 1);
    }
    (found, frames)
}

#[test]
fn both_forms_give_all_samples_of_head_and_blocks_in_the_order_of_labels() {
    let server = Server::start();
    let now = now_ms() - 1_000_000;
    let run =
        |from: i64| (from..from + 300).map(|at| (now + at * 1_000, at as f64)).collect::<Vec<_>>();
    for host in ["b", "d", "a"] {
        server.store(&[("__name__", "m"), ("host", host)], &run(0));
    }
    assert_eq!(server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").status, 200);
    for host in ["c", "a", "b"] {
        server.store(&[("__name__", "m"), ("host", host)], &run(300));
    }
    server.store(&[("__name__", "n")], &[(now, f64::from_bits(0x7ff0_0000_0000_0002))]);
    let of = |name: &str, samples: Vec<(i64, f64)>| (name.to_owned(), samples);
    let m = |host: &str, samples| of(&format!("__name__=m,host={host}"), samples);
    let both = || [run(0), run(300)].concat();
    let expected = [m("a", both()), m("b", both()), m("c", run(300)), m("d", run(0))];
    let queries = [
        query(0, "__name__", "m"),
        query(2, "__name__", "n.*"),
        query(0, "__name__", "nothing"),
        Query { start: now + 5_000, end: now + 6_000, ..query(0, "host", "d") },
    ];
    let sampled = sampled(&read(&server, &queries, &[SAMPLES, CHUNKS]));
    let (streamed, frames) = streamed(&read(&server, &queries, &[CHUNKS, SAMPLES]), 4);
    assert_eq!(frames, 6, "a frame for each series");
    for found in [sampled, streamed] {
        assert_eq!(found[0], expected);
        // Stale markers are samples, too: the asker needs them.
        assert_eq!(found[1][0].1[0].1.to_bits(), 0x7ff0_0000_0000_0002);
        assert!(found[2].is_empty());
        assert_eq!(found[3], [m("d", vec![(now + 5_000, 5.0), (now + 6_000, 6.0)])]);
    }
}

#[test]
fn frames_end_at_their_limit() {
    let server = Server::start_with(&["--read-frame-size-max", "1KiB"]);
    let now = now_ms() - 1_000_000;
    let samples: Vec<_> = (0..2_000).map(|at| (now + at * 7, (at as f64).sqrt())).collect();
    server.store(&[("__name__", "m")], &samples);
    let reply = read(&server, &[query(0, "__name__", "m")], &[CHUNKS]);
    let (found, frames) = streamed(&reply, 1);
    assert!(frames > 5, "{frames}");
    assert_eq!(found[0][0].1, samples);
}

#[test]
fn what_is_no_question_is_refused() {
    let server = Server::start();
    for body in [&b"no snappy"[..], &compress(b"\xff\xff no protobuf").unwrap()] {
        post(&server, body).error(400, "bad_data");
    }
    let unknown = read(&server, &[], &[7]).error(400, "bad_data");
    assert!(unknown.contains("STREAMED_XOR_CHUNKS"), "{unknown}");
    let bad = read(&server, &[query(2, "a", "(")], &[]).error(400, "bad_data");
    assert!(bad.contains("query 0"), "{bad}");
    assert_eq!(server.get("/api/v1/read").status, 405);
    let headers = [("Content-Encoding", "gzip")];
    server.request("POST", "/api/v1/read", &headers, b"").error(415, "bad_data");
    // No list of forms means samples; no query, no result.
    assert!(sampled(&read(&server, &[], &[])).is_empty());
}

#[test]
fn sampled_answers_are_limited_and_streams_are_not() {
    let server = Server::start_with(&["--read-samples-max", "3"]);
    let now = now_ms();
    server.store(&[("__name__", "m"), ("a", "1")], &[(now - 1, 1.0), (now, 2.0)]);
    server.store(&[("__name__", "m"), ("a", "2")], &[(now - 1, 1.0), (now, 2.0)]);
    let question = [query(0, "__name__", "m")];
    let message = read(&server, &question, &[]).error(400, "bad_data");
    assert!(message.contains("exceeded sample limit (3, read.samples_max)"), "{message}");
    assert_eq!(streamed(&read(&server, &question, &[CHUNKS]), 1).0[0].len(), 2);
    let server = Server::start_with(&["--query-series-max", "1"]);
    server.store(&[("__name__", "m"), ("a", "1")], &[(now, 2.0)]);
    server.store(&[("__name__", "m"), ("a", "2")], &[(now, 2.0)]);
    let message = read(&server, &question, &[CHUNKS]).error(422, "execution");
    assert!(message.contains("more than 1 series"), "{message}");
}
