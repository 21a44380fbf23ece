//! Snapshots over HTTP, and the commands of backups and of repair, as users type them.

use std::{fs, process::Output};

use crate::harness::{Server, now_ms, stderr, stdout, timberline};

fn run(args: &[&str]) -> Output {
    timberline().args(args).output().unwrap()
}

#[test]
fn a_snapshot_is_taken_by_post_and_by_put() {
    let server = Server::start();
    let now = now_ms();
    server.store(&[("__name__", "a")], &[(now, 1.0)]);
    let snapshot = |method: &str, query: &str| {
        server.request(method, &format!("/api/v1/admin/tsdb/snapshot{query}"), &[], b"")
    };
    let first = snapshot("POST", "?skip_head=true").data();
    let second = snapshot("PUT", "").data();
    assert_ne!(first["name"], second["name"]);
    for (taken, samples) in [(first, 0), (second, 1)] {
        let dir = taken["dir"].as_str().unwrap();
        assert!(dir.ends_with(taken["name"].as_str().unwrap()) && dir.starts_with('/'), "{dir}");
        let said = stdout(&run(&["check", "--data-dir", dir]));
        assert!(said.contains(&format!(": {samples} sample")), "{said}");
        assert!(said.ends_with("nothing is damaged\n"), "{said}");
    }
    let message = snapshot("POST", "?skip_head=perhaps").error(400, "bad_data");
    assert!(message.contains("skip_head"), "{message}");
    snapshot("GET", "").error(405, "bad_data");
}

#[test]
fn commands_that_cannot_be_done_say_why() {
    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    let data = server.home().join("data").display().to_string();
    let fails = |args: &[&str], code: i32, words: &str| {
        let output = run(args);
        let (ended, said) = stderr(&output);
        assert_eq!(ended, code, "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    };
    fails(&["backup", &path("b"), "--data-dir", &data], 1, "Leave out --data-dir");
    fails(&["check", "--data-dir", &data], 1, "already open");
    fails(&["repair", "--data-dir", &data], 1, "already open");
    fails(&["backup", &path("b"), "--data-dir", &path("none")], 1, "is no database");
    fails(&["backup", &path("b"), "--addr", "127.0.0.1:1"], 1, "cannot reach a server");
    fails(&["backup", "gs://bucket/x"], 2, "s3://bucket/prefix");
    fails(&["backup", &path("b"), "--prune"], 2, "--keep");
    fails(&["restore", &path("b"), "--data-dir", &path("new")], 1, "has no backup");
    fails(&["check"], 2, "--data-dir");
    fails(&["check", "--data-dir", &path("none")], 1, "cannot check");
    assert_eq!(
        stdout(&run(&["backup", &path("b"), "--list"])),
        format!("no backups in {}\n", path("b"))
    );
}

#[test]
fn a_backup_of_a_damaged_database_is_made_and_fails() {
    let server = Server::start();
    server.store(&[("__name__", "a")], &[(now_ms(), 1.0)]);
    server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
    let blocks = server.home().join("data/blocks");
    let block = fs::read_dir(blocks).unwrap().next().unwrap().unwrap().path();
    let (place, home) = (server.home().join("backups"), server.stop("TERM").1);
    let mut bytes = fs::read(block.join("pages")).unwrap();
    bytes[40] ^= 1;
    fs::write(block.join("pages"), bytes).unwrap();
    let data = home.path().join("data").display().to_string();
    let output = run(&["backup", &place.display().to_string(), "--data-dir", &data]);
    let (code, said) = stderr(&output);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("not in the backup: block ") && said.contains("repair"), "{said}");
    let listed = stdout(&run(&["backup", &place.display().to_string(), "--list"]));
    assert!(listed.contains("1 block missing"), "{listed}");
}
