//! Health, status, metrics, and what is not there.

use std::{collections::BTreeSet, fs};

use crate::harness::{Server, now_ms, stdout};

#[test]
fn a_running_server_is_healthy_and_ready() {
    let server = Server::start();
    let healthy = server.get("/-/healthy");
    assert_eq!((healthy.status, healthy.json()["status"].as_str()), (200, Some("healthy")));
    assert_eq!(server.get("/-/ready").json()["status"], "ready");
    assert_eq!(server.request("HEAD", "/-/ready", &[], b"").status, 200);
}

#[test]
fn the_index_points_to_everything() {
    let server = Server::start();
    let index = server.get("/");
    assert_eq!(index.status, 200);
    for line in index.body.lines().filter(|line| line.contains("/api/v1/")) {
        let path = line.split_whitespace().find(|word| word.starts_with("/api")).unwrap();
        let path = path.replace("NAME", "job");
        assert_ne!(server.get(&path).status, 404, "{path}");
    }
}

#[test]
fn unknown_paths_and_methods_are_errors_of_the_api() {
    let server = Server::start();
    assert!(server.get("/api/v1/nope").error(404, "not_found").contains("/api/v1/nope"));
    let reply = server.request("DELETE", "/api/v1/query", &[], b"");
    reply.error(405, "bad_data");
    assert!(reply.header("allow").unwrap().contains("GET"), "{reply:?}");
}

#[test]
fn status_counts_what_is_stored() {
    let server = Server::start();
    let now = now_ms();
    server.store(&[("__name__", "a"), ("host", "x")], &[(now - 5, 1.0), (now, 2.0)]);
    server.store(&[("__name__", "a"), ("host", "y")], &[(now, 2.0)]);
    let data = server.get("/api/v1/status/tsdb").data();
    assert_eq!(data["headStats"]["numSeries"], 2);
    assert_eq!(data["totalSamples"], 3);
    assert_eq!(data["headStats"]["minTime"], now - 5);
    assert_eq!(data["headStats"]["maxTime"], now);
    assert_eq!(data["seriesCountByMetricName"][0].to_string(), r#"{"name":"a","value":2}"#);
    assert_eq!(data["labelValueCountByLabelName"][0].to_string(), r#"{"name":"host","value":2}"#);
    assert!(data["walSize"].as_u64().unwrap() > 0);
    assert!(data["lastFlushTime"].is_null());

    let flushed = server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
    assert_eq!(flushed["samples"], 3);
    assert!(!flushed["blocks"].as_array().unwrap().is_empty());
    let data = server.get("/api/v1/status/tsdb?limit=1").data();
    assert_eq!(data["totalSamples"], 3);
    assert_eq!(data["flushCount"], 1);
    assert!(data["lastFlushTime"].as_i64().unwrap() >= now);
    server.get("/api/v1/status/tsdb?limit=x").error(400, "bad_data");
    assert_eq!(server.get("/api/v1/status/buildinfo").data()["application"], "timberline");
}

#[test]
fn what_is_deleted_is_gone_at_once_and_after_cleaning() {
    let server = Server::start();
    let now = now_ms();
    server.store(&[("__name__", "a"), ("host", "x")], &[(now - 5_000, 1.0), (now, 2.0)]);
    server.store(&[("__name__", "a"), ("host", "y")], &[(now, 3.0)]);
    let delete = |query: &str| {
        server.request("POST", &format!("/api/v1/admin/tsdb/delete_series?{query}"), &[], b"")
    };
    let stored = |host: &str| {
        let query = format!("/api/v1/query?query=count_over_time(a{{host=\"{host}\"}}[1h])");
        server.get(&query).data()["result"][0]["value"][1].clone()
    };
    delete("").error(400, "bad_data");
    delete("match[]=a%7B").error(400, "bad_data");
    delete("match[]=a&start=2&end=1").error(400, "bad_data");
    assert_eq!(delete(&format!("match[]=a%7Bhost=\"x\"%7D&end={}", now - 1)).status, 204);
    assert_eq!((stored("x"), stored("y")), ("1".into(), "1".into()));
    let clean = server.request("PUT", "/api/v1/admin/tsdb/clean_tombstones", &[], b"");
    assert_eq!(clean.status, 204);
    assert_eq!((stored("x"), stored("y")), ("1".into(), "1".into()));
    assert_eq!(delete("match[]=a").status, 204);
    assert!(stored("x").is_null() && stored("y").is_null());
}

#[test]
fn metrics_parse_and_move() {
    let server = Server::start();
    let read = |name: &str| -> f64 {
        let page = server.get("/metrics").body;
        let line = page.lines().find(|line| line.split([' ', '{']).next() == Some(name));
        line.unwrap_or_else(|| panic!("no {name}")).rsplit(' ').next().unwrap().parse().unwrap()
    };
    let before = read("timberline_samples_written_total");
    server.store(&[("__name__", "m")], &[(now_ms(), 1.0)]);
    server.get("/api/v1/query?query=m");
    assert_eq!(read("timberline_samples_written_total"), before + 1.0);
    assert_eq!(read("timberline_queries_total"), 1.0);
    assert_eq!(read("timberline_series"), 1.0);

    let page = server.get("/metrics");
    assert!(page.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let mut names = BTreeSet::new();
    let mut declared = String::new();
    for line in page.body.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            declared = family.split(' ').next().unwrap().to_owned();
            assert!(names.insert(declared.clone()), "{declared} is declared twice");
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&declared), "{line} stands under {declared}");
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        }
    }
    assert!(names.len() >= 28, "{} names", names.len());
    assert!(
        page.body
            .contains("timberline_http_requests_total{route=\"/api/v1/write\",status=\"204\"} 1")
    );
}

/// What `timberline inspect health` says.
fn health(server: &Server) -> String {
    stdout(&server.client(&["inspect", "health"]))
}

#[test]
fn a_flush_that_failed_is_told_with_its_reason_until_one_succeeds() {
    let server = Server::start();
    server.store(&[("__name__", "m")], &[(now_ms(), 1.0)]);
    // No block can be made where the directory of blocks is a file.
    let (blocks, aside) = (server.home().join("data/blocks"), server.home().join("aside"));
    fs::rename(&blocks, &aside).unwrap();
    fs::write(&blocks, "").unwrap();
    let flush = || server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"");
    let reason = flush().error(500, "internal");
    let told = health(&server);
    assert!(told.starts_with("degraded: "), "{told}");
    assert!(told.contains(&format!("the last flush failed: {reason}")), "{told}");
    let status = server.get("/api/v1/status/tsdb").data();
    assert_eq!((&status["flushCount"], &status["flushFailures"]), (&0.into(), &1.into()));
    assert_eq!(status["lastFlushError"], reason);
    assert!(server.get("/metrics").body.contains("\ntimberline_flush_failures_total 1\n"));

    fs::remove_file(&blocks).unwrap();
    fs::rename(&aside, &blocks).unwrap();
    flush().data();
    assert!(health(&server).starts_with("healthy: "));
    assert!(server.get("/api/v1/status/tsdb").data()["lastFlushError"].is_null());
}

#[test]
fn a_damaged_block_is_told_with_its_reason() {
    let server = Server::start();
    server.store(&[("__name__", "m")], &[(now_ms(), 1.0)]);
    let flushed = server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
    let block = flushed["blocks"][0].as_str().unwrap().to_owned();
    let (_, home) = server.stop("TERM");
    let meta = home.path().join("data/blocks").join(&block).join("meta.json");
    let mut bytes = fs::read(&meta).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&meta, bytes).unwrap();

    let server = Server::start_in(home, &[]);
    let told = health(&server);
    assert!(told.starts_with("degraded: "), "{told}");
    assert!(told.contains("damaged: ") && told.contains(&block), "{told}");
    let status = server.get("/api/v1/status/tsdb").data();
    assert_eq!((&status["damaged"], &status["blocksSetAside"]), (&1.into(), &1.into()));
    let page = server.get("/metrics").body;
    for line in ["timberline_damaged 1", "timberline_blocks_set_aside 1"] {
        assert!(page.contains(&format!("\n{line}\n")), "no {line}");
    }
    let shown = stdout(&server.client(&["status"]));
    assert!(shown.contains("degraded: "), "{shown}");
}

#[test]
fn status_and_metrics_tell_of_the_log_and_of_compaction() {
    let server = Server::start();
    server.store(&[("__name__", "m")], &[(now_ms(), 1.0)]);
    let status = server.get("/api/v1/status/tsdb").data();
    assert!(status["walSyncs"].as_u64().unwrap() >= 1);
    assert!(status["walSyncSeconds"].as_f64().unwrap() > 0.0);
    assert_eq!(status["storageFull"], false);
    assert_eq!(status["compactionCount"], 0);
    assert!(status["lastMaintenanceError"].is_null());
    let page = server.get("/metrics").body;
    for name in [
        "timberline_log_syncs_total",
        "timberline_log_sync_seconds_total",
        "timberline_log_writes_total",
        "timberline_log_spare_failures_total",
        "timberline_log_storage_full",
        "timberline_compactions_total",
        "timberline_maintenance_failed",
    ] {
        assert!(page.contains(&format!("\n{name} ")), "no {name}");
    }
}

#[test]
fn http_2_is_spoken_too() {
    let server = Server::start();
    let mut stream = server.connect();
    // The preface, and an empty SETTINGS frame; the server answers with its own.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    std::io::Write::write_all(&mut stream, preface).unwrap();
    let mut frame = [0; 9];
    std::io::Read::read_exact(&mut stream, &mut frame).unwrap();
    assert_eq!(frame[3], 4, "{frame:?}");
}
