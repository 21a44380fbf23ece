//! A disk that fills up: reads go on, writes are refused with 507 and the reason, and go on by
//! themselves when space returns.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use timberline::{Labels, Sample};
use timberline_tests::{Server, WriteError, value_of, wait_until};

const MILLI: i64 = 1_000_000;
const START: i64 = 1_700_000_000_000;

#[test]
fn a_full_disk_refuses_writes_and_recovers_by_itself() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let data = dir.path().join("small");
    fs::create_dir(&data).expect("a directory can be made");
    // A file system of 64 MiB in a namespace of the server's own: nothing is left of it afterwards.
    let script =
        format!("mount -t tmpfs -o size=64m tmpfs '{}' && exec \"$0\" \"$@\"", data.display());
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    command.arg(Server::binary());
    let arguments = ["--storage-segment-size=1MiB", "--storage-reserve-size=8MiB"];
    let server = Server::start_as(&mut command, &data, &arguments);
    let inside = PathBuf::from(format!("/proc/{}/root{}", server.id(), data.display()));

    let mut written = 0;
    while written < 200 {
        write(&server, written).expect("an empty disk takes writes");
        written += 1;
    }
    let ballast = inside.join("ballast");
    fill(&ballast);
    let refusal = loop {
        match write(&server, written) {
            Ok(()) => written += 1,
            Err(refusal) => break refusal,
        }
        assert!(written < 100_000, "the disk never fills");
    };
    let WriteError::Answered { status, body } = refusal else { panic!("{refusal:?}") };
    assert_eq!(status, 507, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).expect("errors are JSON");
    assert_eq!(answer["status"], "error", "{body}");
    assert!(answer["error"].as_str().is_some_and(|text| text.contains("space")), "{body}");
    verify(&server, written);
    let (status, body) = server.get("/-/healthy", &[]);
    assert_eq!(status, 200, "{body}");

    fs::remove_file(&ballast).expect("the ballast can be removed");
    wait_until("writes go on", Duration::from_secs(30), || write(&server, written).is_ok());
    written += 1;
    verify(&server, written);
    assert!(server.stop().success(), "the server stops in good order");
}

#[test]
fn a_copy_onto_a_full_disk_leaves_nothing() {
    if !timberline_tests::has_sql() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory can be made");
    let (data, files) = (dir.path().join("data"), dir.path().join("files"));
    fs::create_dir(&files).expect("a directory can be made");
    let script =
        format!("mount -t tmpfs -o size=4m tmpfs '{}' && exec \"$0\" \"$@\"", files.display());
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    command.arg(Server::binary());
    let argument = format!("--sql-files-dir={}", files.display());
    let server = Server::start_as(&mut command, &data, &[&argument]);
    let inside = PathBuf::from(format!("/proc/{}/root{}", server.id(), files.display()));
    let names = || fs::read_dir(&inside).expect("the directory is there").count();
    for format in ["csv", "parquet", "arrow"] {
        let copy = format!(
            "COPY (SELECT value, value * 0.1234567 AS x FROM generate_series(1, 4000000)) TO 'x.{format}'"
        );
        let (status, body) = run(&server, &copy);
        assert!(status >= 400, "{format}: {status} {body}");
        assert!(body.contains("No space left on device") && body.contains("x."), "{body}");
        assert_eq!(names(), 0, "{format}");
    }
    let (status, body) = run(&server, "COPY (SELECT 1 AS a) TO 'x.parquet'");
    assert_eq!(status, 200, "{body}");
    let (status, body) = run(&server, "SELECT a FROM 'x.parquet'");
    assert!(status == 200 && body.contains("\"rows\":[[1]]"), "{status} {body}");
    assert!(server.stop().success(), "the server stops in good order");
}

/// What a statement answers.
fn run(server: &Server, sql: &str) -> (u16, String) {
    let encoded: String = sql.bytes().map(|byte| format!("%{byte:02x}")).collect();
    server.post(&format!("/sql?q={encoded}"))
}

/// One batch of 100 series at one instant.
fn write(server: &Server, number: i64) -> Result<(), WriteError> {
    let ts = (START + number * 1_000) * MILLI;
    let batch: Vec<(Labels, Vec<Sample>)> = (0..100)
        .map(|series| {
            let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
            let labels = Labels::from_pairs(pairs).expect("these are labels");
            (labels, vec![Sample { ts, value: value_of(series, ts) }])
        })
        .collect();
    server.write(&batch)
}

/// Takes all the space there is.
fn fill(ballast: &Path) {
    let block = vec![0u8; 64 << 10];
    let mut file = fs::File::create(ballast).expect("a file can be made");
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
}

/// Exactly the acknowledged samples are there.
fn verify(server: &Server, written: i64) {
    let result = server.query("sum(count_over_time(m[10000d]))", "1800000000");
    assert_eq!(result[0]["value"][1], (written * 100).to_string());
}
