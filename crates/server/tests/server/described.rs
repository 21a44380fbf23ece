//! Native histograms, exemplars and metadata: written, and asked for.

use serde_json::json;
use timberline_model::{
    BucketCounts, BucketSpan, Exemplar, FamilyMetadata, Histogram, Labels, Metadata, MetricKind,
    Sample,
};
use timberline_protocol::prom_remote::{SeriesParts, compress, encode_v1_parts};

use crate::harness::{Server, now_ms};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

fn histogram(count: u64) -> Histogram {
    Histogram {
        sum: 7.5,
        positive_spans: vec![BucketSpan { offset: 1, length: 1 }],
        counts: BucketCounts::Integer {
            count,
            zero_count: 0,
            positive: vec![count],
            negative: Vec::new(),
        },
        ..Histogram::stale()
    }
}

const NANOS: i64 = 1_000_000;

/// Writes a histogram, a float with an exemplar, and metadata.
fn write(server: &Server, now: i64) {
    let (rpc, hits) = (labels(&[("__name__", "rpc")]), labels(&[("__name__", "hits_total")]));
    let histograms = [(now * NANOS, histogram(3))];
    let samples = [Sample { ts: now * NANOS, value: 4.0 }];
    let exemplars =
        [Exemplar { labels: labels(&[("trace_id", "abc")]), value: 0.5, ts: now * NANOS }];
    let series = [
        SeriesParts { labels: &rpc, samples: &[], histograms: &histograms, exemplars: &[] },
        SeriesParts { labels: &hits, samples: &samples, histograms: &[], exemplars: &exemplars },
    ];
    let entry = |family: &str, kind, help: &str| FamilyMetadata {
        family: family.into(),
        metadata: Metadata { kind, unit: String::new(), help: help.into() },
    };
    let metadata = [
        entry("rpc", MetricKind::Histogram, "Calls."),
        entry("hits_total", MetricKind::Counter, "Hits."),
    ];
    let reply = server.write_v1(&compress(&encode_v1_parts(series, &metadata)).unwrap());
    assert_eq!(reply.status, 204, "{reply:?}");
    for (what, count) in [("samples", "1"), ("histograms", "1"), ("exemplars", "1")] {
        let name = format!("x-prometheus-remote-write-{what}-written");
        assert_eq!(reply.header(&name), Some(count), "{what}");
    }
}

#[test]
fn what_is_not_a_float_is_stored_and_answered_as_prometheus_does() {
    let server = Server::start();
    let now = now_ms() / 1_000 * 1_000;
    let seconds = now / 1_000;
    write(&server, now);
    let shape = json!({"count": "3", "sum": "7.5", "buckets": [[0, "1", "2", "3"]]});
    let data = server.get(&format!("/api/v1/query?query=rpc&time={seconds}")).data();
    let metric = json!({"__name__": "rpc"});
    assert_eq!(data["result"], json!([{"metric": metric, "histogram": [seconds, shape]}]));
    for query in [
        format!("/api/v1/query_range?query=rpc&start={seconds}&end={seconds}&step=15"),
        format!("/api/v1/query_range?query=rpc&start={seconds}&end={seconds}"),
        format!("/api/v1/query?query=rpc[1m]&time={seconds}"),
    ] {
        let expected = json!([{"metric": metric, "histograms": [[seconds, shape]]}]);
        assert_eq!(server.get(&query).data()["result"], expected, "{query}");
    }
    let count = server.get(&format!("/api/v1/query?query=histogram_count(rpc)&time={seconds}"));
    assert_eq!(count.values(), ["3"]);
    let sum = server.get(&format!("/api/v1/query?query=sum(rpc)&time={seconds}")).data();
    assert_eq!(sum["result"], json!([{"metric": {}, "histogram": [seconds, shape]}]));
    let mixed = server.get(&format!("/api/v1/query?query=rpc%2B1&time={seconds}")).json();
    assert!(mixed["infos"][0].as_str().unwrap().contains("incompatible sample types"), "{mixed}");
    let printed = server.client(&["query", "rpc"]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.contains("count 3, sum 7.5"), "{printed}");
}

#[test]
fn exemplars_are_found_by_the_selectors_of_an_expression() {
    let server = Server::start();
    let now = now_ms() / 1_000 * 1_000;
    write(&server, now);
    let (start, end) = (now / 1_000 - 60, now / 1_000 + 1);
    let expected = json!([{
        "seriesLabels": {"__name__": "hits_total"},
        "exemplars": [{"labels": {"trace_id": "abc"}, "value": "0.5", "timestamp": now / 1_000}],
    }]);
    let query = format!("query=sum(rate(hits_total[5m]))/2&start={start}&end={end}");
    assert_eq!(server.get(&format!("/api/v1/query_exemplars?{query}")).data(), expected);
    assert_eq!(server.post_form("/api/v1/query_exemplars", &query).data(), expected);
    for (query, start) in [("other", start), ("1%2B1", start), ("hits_total", end)] {
        let target = format!("/api/v1/query_exemplars?query={query}&start={start}&end={end}");
        assert_eq!(server.get(&target).data(), json!([]), "{target}");
    }
    server.get("/api/v1/query_exemplars?start=0&end=1").error(400, "bad_data");
    server.get("/api/v1/query_exemplars?query=a%2B&start=0&end=1").error(400, "bad_data");
    server.get("/api/v1/query_exemplars?query=a&start=5&end=1").error(400, "bad_data");
}

#[test]
fn metadata_is_listed_by_family() {
    let server = Server::start();
    write(&server, now_ms());
    let rpc = json!([{"type": "histogram", "unit": "", "help": "Calls."}]);
    let hits = json!([{"type": "counter", "unit": "", "help": "Hits."}]);
    let get = |query: &str| server.get(&format!("/api/v1/metadata?{query}")).data();
    assert_eq!(get(""), json!({"rpc": rpc, "hits_total": hits}));
    assert_eq!(get("metric=rpc&limit_per_metric=1"), json!({"rpc": rpc}));
    assert_eq!(get("metric=other"), json!({}));
    assert_eq!(get("limit=1").as_object().unwrap().len(), 1);
    server.get("/api/v1/metadata?limit=x").error(400, "bad_data");
}

#[test]
fn histograms_that_do_not_add_up_are_refused_by_name() {
    let server = Server::start();
    let now = now_ms();
    let mut broken = histogram(3);
    if let BucketCounts::Integer { count, .. } = &mut broken.counts {
        *count = 9;
    }
    let rpc = labels(&[("__name__", "rpc")]);
    let histograms = [(now * NANOS, broken), ((now - 1) * NANOS, histogram(2))];
    let series =
        [SeriesParts { labels: &rpc, samples: &[], histograms: &histograms, exemplars: &[] }];
    let reply = server.write_v1(&compress(&encode_v1_parts(series, &[])).unwrap());
    let message = reply.error(400, "bad_data");
    assert!(message.contains("series rpc: invalid histogram"), "{message}");
    assert!(message.contains("the count is 9"), "{message}");
    assert_eq!(reply.header("x-prometheus-remote-write-histograms-written"), Some("1"));
}
