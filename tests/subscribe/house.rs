//! A server on one port through its restarts.

use std::{
    process::{Command, ExitStatus},
    time::Duration,
};

use tempfile::TempDir;
use timberline_tests::{Process, Server, free_port, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct House {
    dir: TempDir,
    address: String,
    arguments: Vec<String>,
    process: Process,
}

impl House {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let process = process(&dir, &address, &arguments);
        Self { dir, address, arguments, process }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill();
        self.process = process(&self.dir, &self.address, &self.arguments);
    }

    pub(crate) fn stop(mut self) -> ExitStatus {
        self.process.signal("-TERM");
        self.process.wait(PATIENCE)
    }
}

fn process(dir: &TempDir, address: &str, arguments: &[String]) -> Process {
    let mut command = Command::new(Server::binary());
    command.arg("start").arg(format!("--listen={address}")).arg("--data-dir");
    let ready = dir.path().join("ready");
    let _ = std::fs::remove_file(&ready);
    command.arg(dir.path().join("data")).arg("--ready-file").arg(&ready).args(arguments);
    let mut process = Process::start(&mut command, &dir.path().join("log"));
    wait_until("the server is ready", PATIENCE, || {
        assert!(process.is_running(), "the server ended while starting");
        ready.exists()
    });
    process
}
