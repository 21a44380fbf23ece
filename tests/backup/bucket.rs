//! Backups in the bucket of a real S3 server.

use std::{path::Path, process::Command, sync::Arc, thread};

use timberline::{Database, Options, Retention};
use timberline_backup::{
    Backup, BackupMade, Depot, Location, NoProgress, Restore, check, list, prune,
};
use timberline_io::{Clock, SystemClock};
use timberline_tests::{BUCKET, Weed};

/// Runs itself again in a process with the server's variables in the environment, since a process does
/// not change its own.
#[test]
fn backups_live_in_a_bucket() {
    const INNER: &str = "TIMBERLINE_TEST_BUCKET";
    if std::env::var_os(INNER).is_some() {
        return in_a_bucket();
    }
    let Some(weed) = Weed::start() else {
        println!("skipped: there is no SeaweedFS; `scripts/setup test` installs it");
        return;
    };
    let status = Command::new(std::env::current_exe().expect("a running test has a path"))
        .args(["--exact", "bucket::backups_live_in_a_bucket", "--nocapture"])
        .env(INNER, "1")
        .env("AWS_ENDPOINT_URL", weed.endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .status();
    assert!(status.expect("the test runs again").success());
}

fn in_a_bucket() {
    let place = Location::parse(&format!("s3://{BUCKET}/a/prefix")).expect("a place");
    let depot = place.open().expect("the environment is complete");
    let depot: &dyn Depot = depot.as_ref();
    objects(depot);
    let home = tempfile::tempdir().expect("a directory can be made");
    let retention = Retention::default();
    let options = Options { background: false, retention, ..Options::default() };
    let database = Database::open(home.path().join("data"), options).expect("it opens");
    super::fill(&database, 0);
    assert_eq!(back_up(&database, depot).number, 1);
    super::fill(&database, 1);
    let made = back_up(&database, depot);
    assert_eq!((made.number, made.files_copied), (2, 3 + 3), "one block, and the state");
    let samples = database.stats().block_samples;
    assert_eq!(restored(depot, Some(1), &home.path().join("first")), samples / 2);
    assert_eq!(restored(depot, None, &home.path().join("second")), samples);
    assert!(check(depot, &NoProgress).expect("it answers").is_sound());

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    assert_eq!(prune(depot, &clock, 1).expect("it answers").backups, [1]);
    assert_eq!(restored(depot, None, &home.path().join("third")), samples);
    assert_eq!(list(depot).expect("it answers").len(), 1);
    let key = depot.list("blocks").expect("it answers").remove(0).key;
    depot.delete(&key).expect("it answers");
    let report = check(depot, &NoProgress).expect("it answers");
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    let restore = Restore::new(depot);
    let error = restore.into_dir(&home.path().join("fourth"), None, &NoProgress);
    let error = error.expect_err("an object is missing").to_string();
    assert!(error.contains(&key), "{error}");
}

fn back_up(database: &Database, depot: &dyn Depot) -> BackupMade {
    let snapshot = database.snapshot(false).expect("the disk has space");
    Backup::new(depot).make(&snapshot.dir, &NoProgress).expect("it answers")
}

/// How many samples a restored backup has.
fn restored(depot: &dyn Depot, number: Option<u64>, dir: &Path) -> u64 {
    Restore::new(depot).into_dir(dir, number, &NoProgress).expect("it answers");
    let report = timberline::check(dir).expect("it can be checked");
    assert_eq!(report.findings, []);
    report.block_samples
}

/// What any place must do.
fn objects(depot: &dyn Depot) {
    let read = |key: &str| {
        let mut bytes = Vec::new();
        let found = depot.read(key, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        found.expect("it answers").then_some(bytes)
    };
    let put = |key: &str, bytes: &[u8]| depot.put(key, bytes, &|_| ()).expect("it answers");
    let put_new = |key: &str, bytes: &[u8]| depot.put_new(key, bytes).expect("it answers");
    // More than one part, and an odd number of bytes.
    let large: Vec<u8> = (0..35_000_001_u32).map(|index| (index * 7 + index / 251) as u8).collect();
    put("x/large", &large);
    assert!(read("x/large") == Some(large));
    put("x/empty", b"");
    assert_eq!(read("x/empty"), Some(Vec::new()));
    assert!(put_new("x/once", b"1"));
    assert!(!put_new("x/once", b"2"));
    assert_eq!(read("x/once"), Some(b"1".to_vec()));
    assert_eq!(read("x/none"), None);
    let keys = || {
        let objects = depot.list("x").expect("it answers");
        objects.into_iter().map(|object| object.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(), ["x/empty", "x/large", "x/once"]);
    let winners = thread::scope(|scope| {
        let put = |byte: u8| scope.spawn(move || depot.put_new("x/raced", &[byte]));
        let racing: Vec<_> = (0..8).map(put).collect();
        let won = |it: thread::ScopedJoinHandle<'_, Result<bool, _>>| {
            it.join().expect("it ends").expect("it answers")
        };
        racing.into_iter().map(won).filter(|won| *won).count()
    });
    assert_eq!(winners, 1);
    for key in keys() {
        depot.delete(&key).expect("it answers");
    }
    depot.delete("x/none").expect("what is not there is fine");
    assert_eq!(keys(), [""; 0]);
}
