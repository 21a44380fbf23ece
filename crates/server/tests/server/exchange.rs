//! Import and export, as users type them.

use std::fs;

use crate::harness::{Server, stderr, stdout, timberline};

#[test]
fn files_go_in_and_out_of_a_database_that_no_server_has_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("a.csv"), "metric,host,timestamp,value\ncpu,a,1700000000,0.5\n").unwrap();
    let data = path("data");
    let output = timberline(&["import", "csv", &path("a.csv"), "--data-dir", &data]);
    assert!(output.status.success());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("imported 1 sample, 1 block"), "{words}");
    let export = ["export", "ndjson", "-", "--match", "{host=\"a\"}", "--data-dir", &data];
    let line = stdout(&timberline(&export));
    let expected = "{\"metric\":{\"__name__\":\"cpu\",\"host\":\"a\"},\"values\":[0.5],\
                    \"timestamps\":[1700000000000]}\n";
    assert_eq!(line, expected);
    let nothing = ["export", "csv", "-", "--start", "2024-01-01", "--data-dir", &data];
    assert_eq!(stdout(&timberline(&nothing)).lines().count(), 1, "the header alone");
}

#[test]
fn what_cannot_be_done_is_said() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let data = server.dir().to_str().unwrap().to_owned();
    let locked = stderr(&timberline(&["export", "csv", "-", "--data-dir", &data]));
    assert!(locked.contains("is already open") && locked.contains("Stop the server"), "{locked}");
    let missing = stderr(&timberline(&["export", "csv", "-", "--data-dir", &path("none")]));
    assert!(missing.contains("is not the directory of a Timberline database"), "{missing}");
    fs::write(path("bad.csv"), "metric,timestamp,value\nm,1700000000,one\n").unwrap();
    let import = ["import", "csv", &path("bad.csv"), "--data-dir", &path("data")];
    let refused = stderr(&timberline(&import));
    assert!(refused.contains("bad.csv, line 2: not a value: \"one\""), "{refused}");
}
