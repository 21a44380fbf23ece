//! The configuration read again while the server runs, and the retention that it changes.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::harness::{PATIENCE, Server, now_ms, timberline};

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// A server whose file says what is written to it; the environment says nothing.
fn server(text: &str) -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.toml");
    fs::write(&path, text).unwrap();
    let flags = ["--config", path.to_str().unwrap()];
    (Server::start_by_file(&flags), dir)
}

fn write_file(dir: &tempfile::TempDir, text: &str) {
    fs::write(dir.path().join("t.toml"), text).unwrap();
}

fn flag(server: &Server, name: &str) -> String {
    server.get("/api/v1/status/flags").data()[name].as_str().unwrap().to_owned()
}

fn keys(changes: &serde_json::Value) -> Vec<&str> {
    changes.as_array().unwrap().iter().map(|change| change["key"].as_str().unwrap()).collect()
}

/// Whether the server takes a sample of an age.
fn takes(server: &Server, age_days: i64) -> bool {
    let ts = now_ms() - age_days * DAY_MS;
    let body = format!(
        r#"{{"timeseries":[{{"labels":[{{"name":"__name__","value":"m"}}],"samples":[{{"timestamp":{ts},"value":1}}]}}]}}"#
    );
    let reply = server.write_json(&body);
    assert!(reply.status == 204 || reply.status == 400, "{reply:?}");
    assert!(reply.status == 204 || reply.body.contains("retention"), "{reply:?}");
    reply.status == 204
}

fn blocks(server: &Server) -> u64 {
    server.get("/api/v1/status/tsdb").data()["blockCount"].as_u64().unwrap()
}

fn block_dirs(home: &Path) -> usize {
    fs::read_dir(home.join("data/blocks")).unwrap().count()
}

#[test]
fn thirty_days_are_kept_unless_the_configuration_says_otherwise() {
    let (server, _dir) = server("");
    assert_eq!(flag(&server, "storage-retention"), "30d");
    assert_eq!(flag(&server, "storage-compaction-levels"), "2h,12h,1w");
    assert!(takes(&server, 29) && !takes(&server, 31));
}

#[test]
fn a_reload_changes_the_retention_of_a_running_server() {
    let (server, dir) = server("[storage]\nretention = \"90d\"");
    assert!(takes(&server, 80) && takes(&server, 10) && takes(&server, 0));
    server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
    assert_eq!((blocks(&server), block_dirs(server.home())), (3, 3));

    let text = "listen = \"127.0.0.1:1\"\n[storage]\nretention = \"20d\"\nflush_window = \"1h\"";
    write_file(&dir, text);
    let answer = server.request("POST", "/-/reload", &[], b"").data();
    assert_eq!(keys(&answer["changed"]), ["storage.retention"]);
    assert_eq!(answer["changed"][0]["from"], "90d");
    assert_eq!(keys(&answer["needRestart"]), ["storage.flush_window"], "the flag has the listener");
    assert_eq!(flag(&server, "storage-retention"), "20d");
    assert!(!takes(&server, 80), "what is too old is refused at once");
    let begun = Instant::now();
    while blocks(&server) != 2 || block_dirs(server.home()) != 2 {
        assert!(begun.elapsed() < PATIENCE, "the old block does not go: {}", server.log());
        std::thread::sleep(Duration::from_millis(10));
    }

    write_file(&dir, "[storage]\nretention = \"100d\"\nretention_size = \"1B\"");
    server.signal("HUP");
    let begun = Instant::now();
    while flag(&server, "storage-retention") != "100d" || blocks(&server) > 0 {
        assert!(begun.elapsed() < PATIENCE, "no reload by SIGHUP: {}", server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(takes(&server, 80));
}

#[test]
fn a_configuration_that_is_refused_changes_nothing() {
    let (server, dir) = server("[query]\nsteps_max = 100");
    for (text, said) in [
        ("[query]\nsteps_max = 0", "1 or more"),
        ("[query]\nstep_max = 7", "query.steps_max"),
        ("[query]\nsteps_max = 7\n[storage]\ncompaction_levels = \"2h,3h\"", "compaction_levels"),
    ] {
        write_file(&dir, text);
        let message = server.request("PUT", "/-/reload", &[], b"").error(500, "internal");
        assert!(message.contains(said), "{message}");
        assert_eq!(flag(&server, "query-steps-max"), "100");
    }
    server.signal("HUP");
    let begun = Instant::now();
    while !server.log().contains("stays as it was") {
        assert!(begun.elapsed() < PATIENCE, "{}", server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    write_file(&dir, "[query]\nsteps_max = 5");
    server.request("PUT", "/-/reload", &[], b"").data();
    let query = "/api/v1/query_range?query=1&start=0&end=6&step=1";
    assert!(server.get(query).error(400, "bad_data").contains('5'));
}

#[test]
fn levels_that_do_not_go_together_are_refused_at_the_start() {
    for levels in ["2h,3h", "1h", "2h,2h"] {
        let flag = format!("--storage-compaction-levels={levels}");
        let output = timberline().args(["start", "--print-config", &flag]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("storage.compaction_levels") && said.contains(levels), "{said}");
    }
}
