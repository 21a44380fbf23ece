//! Every limit of `docs/limits.md` that a request can meet.

use std::{
    io::{Read as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use timberline_protocol::prom_remote::compress;

use crate::harness::{PATIENCE, Reply, Server, now_ms, read_reply, remote_write};

const SMALL_BODIES: [&str; 4] =
    ["--write-body-size-max", "1KiB", "--write-decoded-size-max", "2KiB"];

#[test]
fn a_write_larger_than_allowed_is_413_before_it_is_read() {
    let server = Server::start_with(&SMALL_BODIES);
    let message = server.write_v1(&[0; 1_025]).error(413, "bad_data");
    assert!(message.contains("write.body_size_max"), "{message}");
    // The length alone is enough to refuse.
    let head = "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\
                Content-Length: 99999999999\r\n\r\n";
    server.raw(head.as_bytes()).error(413, "bad_data");
    // And without one, so is what arrived.
    let head = "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\
                Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = format!("{head}800\r\n{}\r\n0\r\n\r\n", "x".repeat(0x800));
    server.raw(chunked.as_bytes()).error(413, "bad_data");
}

#[test]
fn a_write_that_unpacks_to_more_than_allowed_is_413() {
    let server = Server::start_with(&SMALL_BODIES);
    let bomb = compress(&[0; 10_000]).unwrap();
    assert!(bomb.len() < 1_000);
    let message = server.write_v1(&bomb).error(413, "bad_data");
    assert!(message.contains("write.decoded_size_max"), "{message}");
    // A length that is only stated is refused too, without room for it being made.
    server.write_v1(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]).error(413, "bad_data");
}

#[test]
fn a_write_of_more_samples_than_allowed_is_413() {
    let server = Server::start_with(&["--write-samples-max", "2"]);
    let now = now_ms();
    let body =
        remote_write(&[(&[("__name__", "m")], &[(now, 1.0), (now + 1, 1.0), (now + 2, 1.0)])]);
    let message = server.write_v1(&body).error(413, "bad_data");
    assert!(message.contains("more than 2 samples (write.samples_max)"), "{message}");
}

#[test]
fn labels_beyond_their_limits_reject_their_series_only() {
    let server = Server::start();
    let now = now_ms();
    let many: Vec<String> = (0..128).map(|i| format!(r#"{{"name":"l{i}","value":"x"}}"#)).collect();
    let (long_name, long_value) = ("n".repeat(1_025), "v".repeat(65_537));
    let long_together: Vec<String> =
        (0..5).map(|i| format!(r#"{{"name":"l{i}","value":"{}"}}"#, "v".repeat(60_000))).collect();
    let long_together = long_together.join(",");
    for (labels, words) in [
        (many.join(","), "129 labels exceed the limit of 128"),
        (format!(r#"{{"name":"{long_name}","value":"x"}}"#), "label name of 1025 bytes"),
        (format!(r#"{{"name":"l","value":"{long_value}"}}"#), "label value of 65537 bytes"),
        (long_together, "label set of"),
    ] {
        let name = r#"{"name":"__name__","value":"m"}"#;
        let sample = format!(r#"[{{"timestamp":{now},"value":1}}]"#);
        let body = format!(
            r#"{{"timeseries":[{{"labels":[{name},{labels}],"samples":{sample}}},
                              {{"labels":[{name}],"samples":{sample}}}]}}"#
        );
        let reply = server.write_json(&body);
        let message = reply.error(400, "bad_data");
        assert!(message.contains(words), "{message}");
        assert_eq!(reply.header("x-prometheus-remote-write-samples-written"), Some("1"));
    }
}

#[test]
fn series_beyond_the_limit_are_refused_and_known_ones_go_on() {
    let server = Server::start_with(&["--storage-series-max", "2"]);
    let now = now_ms();
    for name in ["a", "b"] {
        server.store(&[("__name__", name)], &[(now, 1.0)]);
    }
    let body = remote_write(&[
        (&[("__name__", "a")], &[(now + 1, 2.0)]),
        (&[("__name__", "c")], &[(now + 1, 2.0)]),
    ]);
    let reply = server.write_v1(&body);
    assert!(reply.error(400, "bad_data").contains("limit of 2 series"));
    assert_eq!(reply.header("x-prometheus-remote-write-samples-written"), Some("1"));
}

/// The head of a write of JSON, on which the connection is closed; its framing comes after.
const JSON_WRITE: &str = "POST /api/v1/write HTTP/1.1\r\nHost: t\r\n\
                          Content-Type: application/json\r\nConnection: close\r\n";

/// Writes until one is answered so.
fn write_until(server: &Server, body: &[u8], status: u16) -> Reply {
    let begun = Instant::now();
    loop {
        let reply = server.write_v1(body);
        if reply.status == status {
            return reply;
        }
        assert!(begun.elapsed() < PATIENCE, "never {status}: {reply:?}");
    }
}

#[test]
fn writes_beyond_the_places_wait_and_are_then_503() {
    let server =
        Server::start_with(&["--write-concurrent-max", "1", "--write-queue-timeout", "1ms"]);
    let now = now_ms();
    // Decoding so many samples holds the only place for long enough to be met there.
    let samples: Vec<_> = (0..200_000).map(|i| (now - i, 1.0)).collect();
    let large = remote_write(&[(&[("__name__", "large")], &samples)]);
    let small = remote_write(&[(&[("__name__", "m")], &[(now, 1.0)])]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                server.write_v1(&large);
            }
        });
        let reply = write_until(&server, &small, 503);
        done.store(true, Ordering::Relaxed);
        assert!(reply.error(503, "unavailable").contains("write.concurrent_max"));
        assert_eq!(reply.header("retry-after"), Some("1"));
    });
    assert_eq!(server.write_v1(&small).status, 204);
}

#[test]
fn bodies_that_come_slowly_keep_no_other_write_out() {
    let server =
        Server::start_with(&["--write-concurrent-max", "1", "--write-queue-timeout", "100ms"]);
    let mut slow: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for stream in &mut slow {
        let head = format!("{JSON_WRITE}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
    }
    // The server asks for a body, so that write is under way.
    let mut interim = [0; 25];
    slow[0].read_exact(&mut interim).unwrap();
    let body = remote_write(&[(&[("__name__", "m")], &[(now_ms(), 1.0)])]);
    let reply = server.write_v1(&body);
    assert_eq!(reply.status, 204, "{reply:?}");
}

#[test]
fn bodies_beyond_the_memory_for_them_wait_and_are_then_503() {
    let server = Server::start_with(&[
        "--write-body-size-max",
        "128KiB",
        "--write-body-memory-max",
        "128KiB",
        "--write-queue-timeout",
        "500ms",
    ]);
    let body = remote_write(&[(&[("__name__", "m")], &[(now_ms(), 1.0)])]);
    // One announces all there is; the other's length is not known before it has come.
    let announced = format!("{JSON_WRITE}Content-Length: 131072\r\n\r\n");
    let piece = "x".repeat(0x2_0000);
    let chunked = format!("{JSON_WRITE}Transfer-Encoding: chunked\r\n\r\n20000\r\n{piece}\r\n");
    for (slow, end) in [(announced, "x".repeat(131_072)), (chunked, "0\r\n\r\n".to_owned())] {
        let mut stream = server.connect();
        stream.write_all(slow.as_bytes()).unwrap();
        let reply = write_until(&server, &body, 503);
        assert!(reply.error(503, "unavailable").contains("write.body_memory_max"));
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(reply.header("x-prometheus-remote-write-samples-written"), Some("0"));
        stream.write_all(end.as_bytes()).unwrap();
        read_reply(&mut stream).error(400, "bad_data");
        assert_eq!(server.write_v1(&body).status, 204);
    }
}

#[test]
fn an_answer_that_nobody_takes_is_cut() {
    let server = Server::start_with(&["--http-stall-timeout", "50ms"]);
    let mut idle = server.connect();
    // More than all buffers between here and there can hold.
    let request = "GET /api/v1/query_range?query=vector(time())&start=0&end=11000&step=1 \
                   HTTP/1.1\r\nHost: t\r\n\r\n";
    idle.write_all(request.repeat(100).as_bytes()).unwrap();
    let begun = Instant::now();
    while !server.get("/metrics").body.contains("timberline_http_connections_stalled_total 1") {
        assert!(begun.elapsed() < PATIENCE, "never cut");
    }
    while !server.get("/metrics").body.contains("timberline_http_connections_open 1\n") {
        assert!(begun.elapsed() < PATIENCE, "still open");
    }
}

#[test]
fn an_answer_that_gets_no_room_on_its_stream_is_cut() {
    let server = Server::start_with(&["--http-stall-timeout", "50ms"]);
    let mut stream = server.connect();
    // The preface, empty SETTINGS, and HEADERS that end the request. The room that a stream has at
    // first is less than the answer, and no more is ever given.
    let path = b"/api/v1/query_range?query=vector(time())&start=0&end=11000&step=1";
    let mut fields = vec![0x82, 0x86, 0x01, 1, b't', 0x04, u8::try_from(path.len()).unwrap()];
    fields.extend_from_slice(path);
    let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    request.extend_from_slice(&[0, 0, u8::try_from(fields.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    request.extend_from_slice(&fields);
    stream.write_all(&request).unwrap();
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got);
    assert!((60_000..80_000).contains(&got.len()), "{} bytes", got.len());
    let page = server.get("/metrics").body;
    assert!(page.contains("timberline_http_connections_stalled_total 1"), "{page}");
}

#[test]
fn a_body_that_does_not_come_is_503_as_the_sender_must_try_again() {
    let server = Server::start_with(&["--http-body-timeout", "50ms"]);
    let head = "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\
                Content-Length: 2\r\n\r\n";
    assert!(server.raw(head.as_bytes()).error(503, "timeout").contains("http.body_timeout"));
}

#[test]
fn a_head_that_does_not_come_or_is_too_long_ends_the_connection() {
    let server = Server::start_with(&["--http-head-timeout", "50ms"]);
    let mut slow = server.connect();
    slow.write_all(b"GET / HTT").unwrap();
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut slow, &mut rest);
    // Another server: this head must not come too late on a machine that is busy.
    let server = Server::start_with(&["--http-head-size-max", "8KiB"]);
    let long = format!("GET / HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert_eq!(server.raw(long.as_bytes()).status, 431);
}

#[test]
fn connections_beyond_the_limit_are_503() {
    let server = Server::start_with(&["--http-connections-max", "2"]);
    let held = [server.connect(), server.connect()];
    let begun = Instant::now();
    let reply = loop {
        let reply = server.get("/-/ready");
        if reply.status == 503 {
            break reply;
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    };
    assert!(reply.error(503, "unavailable").contains("http.connections_max"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    drop(held);
    while server.get("/-/ready").status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_form_larger_than_allowed_is_413() {
    let server = Server::start_with(&["--http-form-size-max", "1KiB"]);
    let form = format!("query={}", "1".repeat(2_000));
    let message = server.post_form("/api/v1/query", &form).error(413, "bad_data");
    assert!(message.contains("http.form_size_max"), "{message}");
}

/// Three series of three samples each, the newest at the time returned (in seconds).
fn with_three_series(flags: &[&str]) -> (Server, i64) {
    let server = Server::start_with(flags);
    let now = now_ms() / 1_000;
    for name in ["a", "b", "c"] {
        let samples: Vec<_> = (0..3).map(|i| ((now - i) * 1_000, 1.0)).collect();
        server.store(&[("__name__", name), ("all", "1")], &samples);
    }
    (server, now)
}

#[test]
fn a_query_of_more_series_samples_or_steps_than_allowed_is_refused() {
    for (flag, max, words) in [
        ("--query-series-max", "2", "more than 2 series"),
        ("--query-samples-max", "5", "more than 5 samples"),
    ] {
        let (server, now) = with_three_series(&[flag, max]);
        for target in [
            format!("/api/v1/query?query={{all='1'}}[1m]&time={now}"),
            format!("/api/v1/query_range?query={{all='1'}}&start=0&end={now}"),
        ] {
            let message = server.get(&target).error(422, "execution");
            assert!(message.contains(words), "{target}: {message}");
        }
        assert_eq!(server.get(&format!("/api/v1/query?query=a&time={now}")).values(), ["1"]);
    }
    let (server, now) = with_three_series(&["--query-steps-max", "3"]);
    let steps = |count: i64| {
        let times = format!("start={}&end={now}&step=1", now - count);
        server.get(&format!("/api/v1/query_range?query=a&{times}"))
    };
    assert!(steps(4).error(400, "bad_data").contains("query.steps_max"));
    assert_eq!(steps(2).values().len(), 3);
    assert_eq!(steps(3).status, 200);
}

#[test]
fn a_query_that_takes_too_long_is_503() {
    let server = Server::start_with(&["--query-timeout", "1ns"]);
    server.store(&[("__name__", "m")], &[(now_ms(), 1.0)]);
    server.get("/api/v1/query?query=m").error(503, "timeout");
    server.get("/api/v1/query_range?query=m&start=0&end=9999999999").error(503, "timeout");
    let server = Server::start();
    server.store(&[("__name__", "m")], &[(now_ms(), 1.0)]);
    server.get("/api/v1/query?query=m&timeout=0.000000001").error(503, "timeout");
}

#[test]
fn a_query_text_beyond_the_limit_is_refused() {
    let server = Server::start();
    let long = format!("query=vector({}1)", "%2B".repeat(300_000));
    assert!(server.post_form("/api/v1/query", &long).error(400, "bad_data").contains("limit"));
    let deep = format!("query={}1{}", "(".repeat(1_000), ")".repeat(1_000));
    server.post_form("/api/v1/query", &deep).error(400, "bad_data");
}

#[test]
fn a_target_that_is_too_long_is_414() {
    let server = Server::start();
    let target = format!("/api/v1/query?query={}", "1".repeat(70_000));
    assert_eq!(server.get(&target).status, 414);
}

#[test]
fn a_regular_expression_that_is_too_large_is_refused() {
    let server = Server::start();
    let query = "query=up{a=~\"(((x{100}){100}){100}){100}\"}";
    server.post_form("/api/v1/query", query).error(400, "bad_data");
}

#[test]
fn more_names_values_or_series_than_allowed_are_refused() {
    let (server, _) = with_three_series(&["--query-series-max", "1"]);
    for target in ["labels?", "label/__name__/values?", "series?match[]={all='1'}"] {
        let target = format!("/api/v1/{target}");
        let message = server.get(&target).error(422, "execution");
        assert!(message.contains("query.series_max"), "{target}: {message}");
        server.get(&format!("{target}&limit=2")).error(422, "execution");
        let cut = server.get(&format!("{target}&limit=1"));
        assert_eq!(cut.data().as_array().unwrap().len(), 1, "{target}");
    }
}

#[test]
fn parsing_takes_its_turn_and_a_query_ends_when_its_asker_goes_away() {
    let server =
        Server::start_with(&["--query-concurrent-max", "1", "--query-queue-timeout", "10ms"]);
    let begun = Instant::now();
    let wait_for = |status: u16| {
        while server.get("/api/v1/query?query=1").status != status {
            assert!(begun.elapsed() < Duration::from_secs(60), "never {status}");
        }
    };
    // Hours of work in one series; its asker holds the only place.
    let mut asker = server.connect();
    let query = "quantile_over_time(0.5,(vector(time()))[300000s:1s])&start=0&end=9000&step=1";
    let request = format!("GET /api/v1/query_range?query={query} HTTP/1.1\r\nHost: t\r\n\r\n");
    asker.write_all(request.as_bytes()).unwrap();
    wait_for(503);
    // Compiling regular expressions is work too: even what does not parse waits for its turn.
    server.get("/api/v1/query?query=sum(").error(503, "unavailable");
    server.get("/api/v1/query_range?query=sum(&start=0&end=1").error(503, "unavailable");
    server.get("/api/v1/series?match[]=sum(").error(503, "unavailable");
    drop(asker);
    wait_for(200);
}

#[test]
fn longer_lists_than_allowed_are_refused() {
    let server = Server::start();
    server.get("/api/v1/status/tsdb?limit=10001").error(400, "bad_data");
    assert_eq!(server.get("/api/v1/status/tsdb?limit=10000").status, 200);
}

#[test]
fn a_full_disk_is_507_and_reads_go_on() {
    // A reserve larger than any disk is a full disk.
    let server = Server::start();
    let now = now_ms();
    server.store(&[("__name__", "m")], &[(now, 1.0)]);
    let (_, home) = server.stop("TERM");
    let server = Server::start_in(home, &["--storage-reserve-size", "1000000TiB"]);
    let body = vec![(now + 1, 2.0); 1];
    let mut refused = None;
    // The segment at hand may still take some; the next one may not be made.
    for _ in 0..20_000 {
        let reply = server.write_v1(&remote_write(&[(&[("__name__", "m")], &body)]));
        if reply.status != 204 {
            refused = Some(reply);
            break;
        }
    }
    let reply = refused.expect("the log's segment is full at last");
    reply.error(507, "unavailable");
    assert_eq!(reply.header("retry-after"), Some("5"));
    assert_eq!(reply.header("x-prometheus-remote-write-samples-written"), Some("0"));
    assert!(!server.get(&format!("/api/v1/query?query=m&time={now}")).values().is_empty());
    let health = server.get("/-/healthy");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("degraded")));
}
