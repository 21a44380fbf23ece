//! `POST /api/v1/write`.

use timberline_protocol::prom_remote::compress;

use crate::harness::{Server, now_ms, remote_write};

const SEED_BODY: &str = r#"{"timeseries":[{"labels":[{"name":"__name__","value":"cpu_usage"}],"samples":[{"timestamp":1640000000000,"value":0.75}]}]}"#;

#[test]
fn the_seeds_curl_lines_work_as_printed() {
    let server = Server::start();
    assert_eq!(server.write_json(SEED_BODY).status, 204);
    // With braces (as `curl -g` sends it) and without (as curl sends it after expanding them).
    for query in [r#"{__name__="cpu_usage"}"#, r#"__name__="cpu_usage""#] {
        let target = format!("/api/v1/query_range?query={query}&start=0&end=9999999999999");
        let data = server.get(&target).data();
        assert_eq!(data["resultType"], "matrix");
        assert_eq!(data["result"][0]["metric"]["__name__"], "cpu_usage");
        assert_eq!(data["result"][0]["values"].to_string(), r#"[[1640000000000,"0.75"]]"#);
    }
}

#[test]
fn remote_write_is_stored_bit_for_bit_and_counted_in_headers() {
    let server = Server::start();
    let now = now_ms();
    let samples = [(now - 2, -0.0), (now - 1, f64::NAN), (now, f64::INFINITY)];
    let reply = server.write_v1(&remote_write(&[(&[("__name__", "m")], &samples)]));
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert_eq!(reply.header("x-prometheus-remote-write-samples-written"), Some("3"));
    assert_eq!(reply.header("x-prometheus-remote-write-histograms-written"), Some("0"));
    assert_eq!(reply.header("x-prometheus-remote-write-exemplars-written"), Some("0"));
    let reply = server.get(&format!("/api/v1/query_range?query=m&start={}&end={now}", now - 9));
    assert_eq!(reply.values(), ["-0", "NaN", "+Inf"]);
}

#[test]
fn out_of_order_and_repeated_samples_are_accepted() {
    let server = Server::start();
    let now = now_ms();
    for (ms, value) in [(now, 1.0), (now - 60_000, 2.0), (now - 60_000, 2.0), (now - 30_000, 3.0)] {
        server.store(&[("__name__", "m")], &[(ms, value)]);
    }
    let range = format!("/api/v1/query_range?query=m&start={}&end={now}", now - 99_999);
    assert_eq!(server.get(&range).values(), ["2", "3", "1"]);
}

#[test]
fn a_bad_sample_is_refused_with_a_reason_and_the_rest_is_kept() {
    let server = Server::start();
    let now = now_ms();
    let far = now + 3_600_000;
    let body = remote_write(&[
        (&[("__name__", "good")], &[(now, 1.0)]),
        (&[("__name__", "early")], &[(far, 1.0), (now, 2.0)]),
    ]);
    let reply = server.write_v1(&body);
    let message = reply.error(400, "bad_data");
    assert!(message.contains("10 minutes ahead"), "{message}");
    assert_eq!(reply.header("x-prometheus-remote-write-samples-written"), Some("2"));
    let time = format!("&time={now}");
    assert_eq!(server.get(&format!("/api/v1/query?query=good{time}")).values(), ["1"]);
    assert_eq!(server.get(&format!("/api/v1/query?query=early{time}")).values(), ["2"]);
}

#[test]
fn json_with_bad_samples_keeps_the_good_ones() {
    let server = Server::start();
    let body = r#"{"timeseries":[
        {"labels":[{"name":"__name__","value":"m"}],
         "samples":[{"timestamp":1640000000000,"value":"x"},{"timestamp":1640000001000,"value":2}]},
        {"labels":[{"name":"","value":"m"}],"samples":[{"timestamp":1640000000000,"value":1}]}]}"#;
    let reply = server.write_json(body);
    reply.error(400, "bad_data");
    assert_eq!(reply.header("x-prometheus-remote-write-samples-written"), Some("1"));
    let found = server.get("/api/v1/query_range?query=m&start=0&end=9999999999999");
    assert_eq!(found.values(), ["2"]);
}

#[test]
fn content_types_and_encodings_that_are_not_spoken_are_415() {
    let server = Server::start();
    let body = remote_write(&[(&[("__name__", "m")], &[(now_ms(), 1.0)])]);
    for headers in [
        [("Content-Type", "text/plain"), ("Content-Encoding", "snappy")],
        [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "gzip")],
        [("Content-Type", "é"), ("Content-Encoding", "snappy")],
        [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "é")],
        [("Content-Type", "application/x-protobuf;proto=x.Y"), ("Content-Encoding", "snappy")],
        [("Content-Type", "application/json"), ("Content-Encoding", "snappy")],
        // A 1.0 body under the content type of 2.0.
        [
            ("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
            ("Content-Encoding", "snappy"),
        ],
    ] {
        server.request("POST", "/api/v1/write", &headers, &body).error(415, "bad_data");
    }
}

#[test]
fn bodies_that_cannot_be_read_are_400_with_zero_counts() {
    let server = Server::start();
    let garbage = compress(b"\xff\xff\xff\xff").unwrap();
    for reply in
        [server.write_v1(b"not snappy"), server.write_v1(&garbage), server.write_json("{\"timeser")]
    {
        reply.error(400, "bad_data");
        assert_eq!(reply.header("x-prometheus-remote-write-samples-written"), Some("0"));
    }
    assert!(server.write_json("{\n  \"timeseries\": 5}").error(400, "bad_data").contains("line 2"));
}

#[test]
fn an_empty_request_is_no_error() {
    let server = Server::start();
    assert_eq!(server.write_v1(&compress(b"").unwrap()).status, 204);
    assert_eq!(server.write_json("{\"timeseries\":[]}").status, 204);
}

#[test]
fn other_methods_are_405() {
    let server = Server::start();
    let reply = server.get("/api/v1/write");
    assert!(reply.error(405, "bad_data").contains("GET"));
    assert_eq!(reply.header("allow"), Some("POST"));
}
