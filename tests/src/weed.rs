//! A real S3 server, SeaweedFS, on free ports of the loopback interface.
//!
//! `TIMBERLINE_WEED` names the program; otherwise `weed` on the path is taken, or the one that
//! `scripts/setup test` installs.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::Process;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// The bucket that is there.
pub const BUCKET: &str = "timberline";

/// A running SeaweedFS with a bucket, [`BUCKET`]. It takes any credentials.
#[derive(Debug)]
pub struct Weed {
    process: Process,
    _dir: tempfile::TempDir,
    endpoint: String,
}

impl Weed {
    /// Starts one; `None` where the program is not installed.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn start() -> Option<Self> {
        let program = program()?;
        // A port may be taken by another between being found and being used.
        let started = (0..5).find_map(|_| Self::start_on(&program, &free_ports()));
        Some(started.expect("SeaweedFS did not start"))
    }

    /// Starts one on these ports; `None` if it ends by itself.
    fn start_on(program: &Path, ports: &[u16; 8]) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let mut command = Command::new(program);
        command.arg("server").arg(format!("-dir={}", dir.path().display()));
        command.args(["-ip=127.0.0.1", "-s3", "-volume.max=20", "-master.volumeSizeLimitMB=64"]);
        for (part, ports) in ["master", "volume", "filer", "s3"].iter().zip(ports.chunks(2)) {
            command.arg(format!("-{part}.port={}", ports[0]));
            command.arg(format!("-{part}.port.grpc={}", ports[1]));
        }
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        let process = Process::start(&mut command, &dir.path().join("log"));
        let endpoint = format!("http://127.0.0.1:{}", ports[6]);
        let mut weed = Self { process, _dir: dir, endpoint };
        weed.create_bucket().then_some(weed)
    }

    /// Its URL.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Waits until it takes a bucket and keeps an object in it, for which all its parts must be there;
    /// says whether it does.
    fn create_bucket(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let bucket = format!("{}/{BUCKET}", self.endpoint);
        let object = format!("{bucket}/ready");
        while self.process.is_running() && Instant::now() < until {
            let made = agent.put(&bucket).send_empty();
            let put = made.and_then(|_| agent.put(&object).send("ready"));
            let kept = put.and_then(|_| agent.get(&object).call());
            if kept.is_ok_and(|answer| answer.status() == 200) {
                return agent.delete(&object).call().is_ok();
            }
            thread::sleep(Duration::from_millis(100));
        }
        false
    }
}

/// Ports that nobody has, all different.
fn free_ports() -> [u16; 8] {
    let listeners = [(); 8].map(|()| TcpListener::bind("127.0.0.1:0").expect("loopback has ports"));
    listeners.map(|listener| listener.local_addr().expect("a bound socket has a port").port())
}

/// The program, if it is there.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("TIMBERLINE_WEED") {
        return Some(named.into());
    }
    let mut dirs: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect())?;
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    dirs.push(home.join(".cache/timberline/seaweedfs/bin"));
    dirs.into_iter().map(|dir| dir.join("weed")).find(|program| program.is_file())
}
