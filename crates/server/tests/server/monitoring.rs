//! What Prometheus has and this server has not, and what the process says of itself.

use serde_json::json;

use crate::harness::Server;

#[test]
fn there_are_no_rules_alerts_and_targets() {
    let server = Server::start();
    for (path, data) in [
        ("alertmanagers", json!({"activeAlertmanagers": [], "droppedAlertmanagers": []})),
        ("alerts", json!({"alerts": []})),
        ("notifications", json!([])),
        ("rules", json!({"groups": []})),
        (
            "rules?type=alert&rule_name[]=x&file[]=y&rule_group[]=z&group_limit=5",
            json!({"groups": []}),
        ),
        ("rules?match[]={severity=\"page\"}&exclude_alerts=true", json!({"groups": []})),
        ("scrape_pools", json!({"scrapePools": []})),
        (
            "targets?state=active&scrapePool=x",
            json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}}),
        ),
    ] {
        assert_eq!(server.get(&format!("/api/v1/{path}")).data(), data, "{path}");
    }
    server.get("/api/v1/targets/metadata?match_target={job=\"x\"}").error(404, "not_found");
}

#[test]
fn filters_are_checked_though_there_is_nothing_to_filter() {
    let server = Server::start();
    for (path, words) in [
        ("rules?type=both", "not supported value"),
        ("rules?exclude_alerts=perhaps", "no boolean"),
        ("rules?match[]=sum(x)", "match[]"),
        ("rules?group_limit=few", "group_limit"),
        ("rules?group_next_token=x", "group_limit needs to be set"),
        ("rules?group_next_token=x&group_limit=1", "were rule groups changed?"),
        ("targets?state=odd", "none of active, dropped, any"),
        ("targets/metadata?limit=x", "limit must be a number"),
        ("targets/metadata?match_target=sum(x)", "match_target"),
    ] {
        let message = server.get(&format!("/api/v1/{path}")).error(400, "bad_data");
        assert!(message.contains(words), "{path}: {message}");
    }
}

#[test]
fn the_process_tells_of_itself() {
    let server = Server::start_with(&["--storage-retention-size", "1GiB"]);
    let info = server.get("/api/v1/status/runtimeinfo").data();
    assert_eq!(info["reloadConfigSuccess"], true);
    assert_eq!(info["storageRetention"], "0s or 1GiB");
    assert!(info["startTime"].as_str().unwrap() <= info["serverTime"].as_str().unwrap());
    let config = server.get("/api/v1/status/config").data();
    assert!(config["yaml"].as_str().unwrap().contains("\n  retention_size: \"1GiB\"\n"));
    let replay = server.get("/api/v1/status/walreplay").data();
    assert_eq!((&replay["state"], &replay["current"]), (&json!("done"), &replay["max"]));
    let version = server.get("/version").json();
    assert_eq!(version, server.get("/api/v1/status/buildinfo").data());
    for path in ["/-/healthy", "/-/ready", "/version"] {
        let reply = server.request("HEAD", path, &[], b"");
        assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{path}");
    }
}

#[test]
fn blocks_are_listed() {
    let server = Server::start();
    assert_eq!(server.get("/api/v1/status/tsdb/blocks").data(), json!({"blocks": []}));
    server.store(&[("__name__", "up")], &[(1_700_000_000_000, 1.0), (1_700_000_001_500, 1.0)]);
    server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
    let blocks = server.get("/api/v1/status/tsdb/blocks").data()["blocks"].clone();
    let block = &blocks[0];
    assert_eq!(block["minTime"], 1_700_000_000_000_i64);
    assert_eq!(block["maxTime"], 1_700_000_001_501_i64);
    assert_eq!(block["compaction"], json!({"level": 1, "failed": false}));
    assert_eq!(
        (&block["stats"]["numSamples"], &block["stats"]["numSeries"]),
        (&json!(2), &json!(1))
    );
}

#[test]
fn the_interface_is_described_for_programs() {
    let server = Server::start();
    let reply = server.get("/api/v1/openapi.yaml");
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").unwrap().starts_with("application/yaml"));
    assert!(reply.body.starts_with("openapi: 3.1.0\n"));
}
