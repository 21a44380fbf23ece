//! `query` and `query_range`.

use crate::harness::Server;

const T: i64 = 1_700_000_000_000;

/// A server with ten samples of two hosts, ten seconds apart, ending at [`T`].
fn server() -> Server {
    let server = Server::start();
    for (host, factor) in [("a", 1.0), ("b", 10.0)] {
        let samples: Vec<(i64, f64)> =
            (0..10).map(|i| (T - 90_000 + i * 10_000, i as f64 * factor)).collect();
        server.store(&[("__name__", "cpu"), ("host", host)], &samples);
    }
    server
}

#[test]
fn an_instant_query_finds_the_newest_sample_within_the_lookback() {
    let server = server();
    let at = |ms: i64, more: &str| {
        server.get(&format!("/api/v1/query?query=cpu{{host=\"a\"}}&time={ms}{more}")).values()
    };
    assert_eq!(at(T, ""), ["9"]);
    assert_eq!(at(T + 180_000, ""), ["9"]);
    assert!(at(T + 600_000, "").is_empty());
    assert_eq!(at(T + 600_000, "&lookback_delta=15m"), ["9"]);
    assert_eq!(at(T - 85_000, ""), ["0"]);
}

#[test]
fn times_are_answered_in_the_unit_they_were_asked_in() {
    let server = server();
    let time = |at: &str| {
        let data = server.get(&format!("/api/v1/query?query=cpu{{host='a'}}&time={at}")).data();
        data["result"][0]["value"][0].to_string()
    };
    assert_eq!(time("1700000000"), "1700000000");
    assert_eq!(time("1700000000.5"), "1700000000.5");
    assert_eq!(time("1700000000000"), "1700000000000");
    assert_eq!(time("2023-11-14T22:13:20Z"), "1700000000");
}

#[test]
fn every_kind_of_result_is_answered() {
    let server = server();
    let kind = |query: &str| {
        let data =
            server.post_form("/api/v1/query", &format!("query={query}&time=1700000000")).data();
        format!("{} {}", data["resultType"].as_str().unwrap(), data["result"])
    };
    assert_eq!(kind("1%2B1"), r#"scalar [1700000000,"2"]"#);
    assert_eq!(kind("'x'"), r#"string [1700000000,"x"]"#);
    assert_eq!(kind("sum(cpu)"), r#"vector [{"metric":{},"value":[1700000000,"99"]}]"#);
    assert_eq!(
        kind("cpu{host='b'}[15s]"),
        r#"matrix [{"metric":{"__name__":"cpu","host":"b"},"values":[[1699999990,"80"],[1700000000,"90"]]}]"#
    );
}

#[test]
fn a_range_query_gives_a_point_per_step() {
    let server = server();
    let seconds = "start=1699999910&end=1700000000";
    for (times, step) in [
        (seconds, "30"),
        (seconds, "30s"),
        ("start=2023-11-14T22:11:50Z&end=2023-11-14T22:13:20Z", "30"),
        ("start=1699999910000&end=1700000000000", "30000"),
    ] {
        let reply =
            server.get(&format!("/api/v1/query_range?query=cpu{{host=\"b\"}}&{times}&step={step}"));
        assert_eq!(reply.values(), ["0", "30", "60", "90"], "{times} {step}");
    }
    let form = format!("query=sum(rate(cpu[1m]))&{seconds}&step=90");
    assert_eq!(server.post_form("/api/v1/query_range", &form).values().len(), 1);
}

#[test]
fn a_range_query_without_a_step_gives_what_is_stored() {
    let server = server();
    let reply = server.get("/api/v1/query_range?query=cpu&start=1699999980&end=1700000000");
    assert_eq!(reply.values(), ["7", "8", "9", "70", "80", "90"]);
    let message = server
        .get("/api/v1/query_range?query=sum(cpu)&start=0&end=1700000000")
        .error(400, "bad_data");
    assert!(message.contains("step"), "{message}");
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let server = server();
    for (target, words) in [
        ("/api/v1/query", "missing parameter \"query\""),
        ("/api/v1/query?query=sum(", "1:5: parse error"),
        ("/api/v1/query?query=up&time=soon", "\"soon\""),
        ("/api/v1/query?query=up&timeout=x", "timeout"),
        ("/api/v1/query?query=up&lookback_delta=-1s", "lookback_delta"),
        ("/api/v1/query?query=up&limit=-1", "limit"),
        ("/api/v1/query?query=%ff", "UTF-8"),
        ("/api/v1/query_range?query=up&end=1&step=1", "missing parameter \"start\""),
        ("/api/v1/query_range?query=up&start=2&end=1&step=1", "must not be before start"),
        ("/api/v1/query_range?query=up&start=1&end=2&step=0", "step"),
        ("/api/v1/query_range?query=up&start=0&end=999999&step=1", "11,000 points"),
    ] {
        let message = server.get(target).error(400, "bad_data");
        assert!(message.contains(words), "{target}: {message}");
    }
}

#[test]
fn a_failing_evaluation_is_422() {
    let server = server();
    let message = server.get("/api/v1/query?query=cpu%2Bon(x)cpu&time=1700000000");
    assert!(message.error(422, "execution").contains("many-to-many"));
}

#[test]
fn a_limit_cuts_the_answer_and_warns() {
    let server = server();
    for target in [
        "/api/v1/query?query=cpu&time=1700000000&limit=1",
        "/api/v1/query_range?query=cpu&start=1700000000&end=1700000000&limit=1",
        "/api/v1/query_range?query=cpu&start=1700000000&end=1700000000&step=1&limit=1",
    ] {
        let reply = server.get(target);
        assert_eq!(reply.values(), ["9"], "{target}");
        assert_eq!(reply.json()["warnings"][0], "results truncated due to limit");
    }
}

#[test]
fn forms_and_query_strings_are_both_read() {
    let server = server();
    let form = "query=cpu{host%3D%22a%22}";
    assert_eq!(server.post_form("/api/v1/query?time=1700000000", form).values(), ["9"]);
    let headers = [("Content-Type", "application/json")];
    server.request("POST", "/api/v1/query", &headers, b"{}").error(415, "bad_data");
}

#[test]
fn raw_quotes_work_on_every_request_of_a_connection() {
    let server = server();
    let mut both = Vec::new();
    let request =
        "GET /api/v1/query?query=cpu{host=\"a\"}&time=1700000000 HTTP/1.1\r\nHost: \"t\"\r\n";
    both.extend_from_slice(format!("{request}\r\n").as_bytes());
    both.extend_from_slice(format!("{request}Connection: close\r\n\r\n").as_bytes());
    let reply = server.raw(&both);
    assert_eq!(reply.body.matches("\"status\":\"success\"").count(), 2, "{reply:?}");
}

#[test]
fn large_answers_are_compressed_when_asked_for() {
    let server = server();
    let large = "/api/v1/query_range?query=cpu&start=1699999900&end=1700000000&step=1";
    let small = "/api/v1/query?query=cpu&time=1700000000";
    let whole = server.get(large);
    assert_eq!(whole.header("content-encoding"), None);
    for (accepted, chosen) in [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("deflate", "deflate"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
    ] {
        let reply = server.request("GET", large, &[("Accept-Encoding", accepted)], b"");
        assert_eq!(reply.header("content-encoding"), Some(chosen), "{accepted}");
        assert!(reply.bytes.len() * 4 < whole.bytes.len(), "{accepted}: {}", reply.bytes.len());
        let reply = server.request("GET", small, &[("Accept-Encoding", accepted)], b"");
        assert_eq!(reply.header("content-encoding"), None, "{accepted}");
    }
    let unpacked =
        server.client_curl(&["--compressed", "-H", "Accept-Encoding: zstd, gzip"], large);
    assert_eq!(unpacked, whole.body);
}

#[test]
fn stats_tell_what_each_step_looked_at() {
    let server = server();
    let range = "start=1699999980&end=1700000000&step=10";
    let samples = |query: &str, stats: &str| {
        let target = format!("/api/v1/query_range?query={query}&{range}{stats}");
        server.get(&target).data()["stats"]["samples"].clone()
    };
    assert!(samples("cpu", "").is_null());
    let some = samples("cpu", "&stats=true");
    assert_eq!((&some["totalQueryableSamples"], &some["seriesRead"]), (&6.into(), &2.into()));
    assert!(some["totalQueryableSamplesPerStep"].is_null());
    let all = samples("sum(rate(cpu[25s]))/on()group_left()cpu{host='a'}", "&stats=all");
    let steps = &all["totalQueryableSamplesPerStep"];
    assert_eq!(*steps, serde_json::json!([[1699999980, 7], [1699999990, 7], [1700000000_i64, 7]]));
    let subquery = samples("max_over_time(cpu{host='a'}[30s:10s])", "&stats=all");
    assert_eq!(subquery["totalQueryableSamples"], 9);
    let timings = server.get("/api/v1/query?query=1&stats=all").data()["stats"].clone();
    assert!(timings["timings"]["execTotalTime"].as_f64().unwrap() > 0.0, "{timings}");
    let steps = timings["samples"]["totalQueryableSamplesPerStep"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0][1]), (1, &0.into()));
}

#[test]
fn a_plan_tells_what_each_part_read() {
    let server = server();
    let range = "start=1699999980&end=1700000000&step=10";
    let target = format!("/api/v1/query_range?query=sum(rate(cpu[25s]))/vector(2)&{range}");
    assert!(server.get(&target).data()["explain"].is_null());
    let plan = server.get(&format!("{target}&explain=true")).data()["explain"].clone();
    assert_eq!((&plan["operation"], &plan["steps"]), (&"query".into(), &3.into()));
    let binary = &plan["children"][0];
    assert_eq!(binary["expression"], "sum(rate(cpu[25s]))/vector(2)");
    let (sum, vector) = (&binary["children"][0], &binary["children"][1]);
    assert_eq!((&sum["operation"], &sum["series"]), (&"aggregate".into(), &1.into()));
    assert_eq!(
        (&vector["operation"], &vector["expression"]),
        (&"call".into(), &"vector(2)".into())
    );
    let scan = &sum["children"][0];
    assert_eq!((&scan["operation"], &scan["series"]), (&"scan".into(), &2.into()));
    assert_eq!(scan["expression"], "cpu[25s]");
    assert_eq!((&scan["scan"]["samples"], &scan["scan"]["pagesDecoded"]), (&10.into(), &0.into()));
    assert_eq!(scan["scan"]["end"], 1700000000);
    let message = server.get(&format!("{target}&explain=perhaps")).error(400, "bad_data");
    assert!(message.contains("\"perhaps\" is neither true nor false"), "{message}");

    server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
    let target = "/api/v1/query?query=max_over_time(cpu[1h])&time=1700000000&explain=1";
    let plan = server.get(target).data()["explain"].clone();
    let scan = plan["children"][0]["children"][0]["scan"].clone();
    assert_eq!((&scan["takesFigures"], &scan["pagesDecoded"]), (&true.into(), &2.into()), "{plan}");
}

#[test]
fn parts_of_the_language_are_switched_on_by_name() {
    let target = "/api/v1/query?query=mad_over_time(cpu[5m])&time=1700000000";
    let server = server();
    let message = server.get(target).error(400, "bad_data");
    assert!(message.contains("\"mad_over_time\" is not enabled"), "{message}");
    assert_eq!(server.get("/api/v1/features").data()["promql_functions"]["mad_over_time"], false);
    let server = Server::start_with(&["--query-features", "promql-experimental-functions"]);
    assert!(server.get(target).values().is_empty());
    assert_eq!(server.get("/api/v1/features").data()["promql_functions"]["mad_over_time"], true);
    assert!(server.get("/api/v1/query?query=rate(cpu[5m]+anchored)").json()["error"].is_string());
}

#[test]
fn a_query_is_laid_out_and_taken_apart() {
    let server = server();
    let form = "query=sum(rate(cpu[5m]))by(host)";
    let laid_out = "sum by (host) (rate(cpu[5m]))";
    assert_eq!(server.post_form("/api/v1/format_query", form).data(), laid_out);
    let tree = server.get(&format!("/api/v1/parse_query?{form}")).data();
    assert_eq!((&tree["type"], &tree["grouping"][0]), (&"aggregation".into(), &"host".into()));
    assert_eq!(tree["expr"]["args"][0]["range"], 300_000);
    for path in ["format_query", "parse_query"] {
        let message = server.get(&format!("/api/v1/{path}?query=sum(")).error(400, "bad_data");
        assert!(message.contains("1:5: parse error"), "{message}");
    }
}
