//! The real server, started from its binary on a free port.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use crate::{Client, Process, wait_until};

/// How long a server may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `timberline start`.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: String,
    client: Client,
}

impl Server {
    /// Starts a server on a directory and waits until it is ready.
    #[must_use]
    pub fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(Self::binary());
        Self::start_as(&mut command, dir, arguments)
    }

    /// Starts a server through a command of the caller's, which has to end in the binary's path.
    ///
    /// # Panics
    /// When it does not become ready; the message has the end of its log.
    #[must_use]
    pub fn start_as(command: &mut Command, dir: &Path, arguments: &[&str]) -> Self {
        let (log, ready) = (dir.with_extension("log"), dir.with_extension("ready"));
        let _ = std::fs::remove_file(&ready);
        command.args(["start", "--listen=127.0.0.1:0", "--ready-file"]).arg(&ready);
        command.arg("--data-dir").arg(dir).args(arguments);
        // Tests write samples of any time; a flag still wins over this.
        command.env("TIMBERLINE_STORAGE_RETENTION", "0s");
        let mut process = Process::start(command, &log);
        wait_until("the server is ready", PATIENCE, || {
            if !process.is_running() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("the server ended while starting; its log:\n{said}");
            }
            ready.exists()
        });
        let url = std::fs::read_to_string(&ready).expect("the server has just written the file");
        let address = url.trim().trim_start_matches("http://").to_owned();
        let client = Client::new(&address);
        Self { process, address, client }
    }

    /// Path of the binary: `TIMBERLINE_BIN`, or the one of the profile that the tests are built with.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn binary() -> PathBuf {
        if let Some(path) = std::env::var_os("TIMBERLINE_BIN") {
            return path.into();
        }
        let test = std::env::current_exe().expect("a running test has a path");
        let profile = test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
        let binary = profile.join("timberline");
        assert!(
            binary.exists(),
            "{} is missing: build it with `cargo build -p timberline-server`",
            binary.display()
        );
        binary
    }

    /// Its address, `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it in an orderly way, as an operator would.
    pub fn stop(mut self) -> ExitStatus {
        self.process.signal("-TERM");
        self.process.wait(PATIENCE)
    }
}

impl std::ops::Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
