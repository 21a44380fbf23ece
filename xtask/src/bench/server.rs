//! A server under test: started in a directory of its own, stopped or killed at the end.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{peers::Peer, process};
use crate::{command::shown, http, port};

/// A server that is not ready, or not gone, after so long has failed.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);
/// A server that uses less processor time than this in a second is at rest.
const REST: Duration = Duration::from_millis(30);
/// Rest is not waited for longer than this.
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    port: u16,
    dir: PathBuf,
    log: PathBuf,
    command: String,
}

impl Server {
    /// Starts a server that keeps its data in `dir/data` and waits until it is ready.
    pub(super) fn start(root: &Path, peer: &Peer, dir: &Path) -> Result<Self> {
        let data = dir.join("data");
        fs::create_dir_all(&data)?;
        let log = dir.join("log");
        let port = port::free()?;
        let mut command = (peer.command)(root, &data, port)?;
        let shown = shown(&command);
        let out = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("starting `{shown}`"))?;
        let mut server = Self { child, port, dir: data, log, command: shown };
        server.wait_until_ready(peer.ready_path)?;
        Ok(server)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its data is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The command that started it, with the names of this run's directory and port left out.
    pub(super) fn command(&self) -> String {
        self.command
            .replace(&self.dir.display().to_string(), "DIR")
            .replace(&format!(":{}", self.port), ":PORT")
    }

    /// Posts nothing to a path that makes the server do something.
    pub(super) fn post(&self, path: &str) -> Result<()> {
        let answer = http::post_empty(self.port, path)?;
        if !(200..300).contains(&answer.status) {
            let text = String::from_utf8_lossy(&answer.body);
            bail!("{path}: answer {}: {}", answer.status, text.trim());
        }
        Ok(())
    }

    /// Ends the server as a power cut of its process would, and leaves its data.
    pub(super) fn kill(mut self) -> Result<()> {
        self.child.kill().context("killing")?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until the work that the load left behind is done.
    pub(super) fn settle(&self) -> Result<()> {
        let began = Instant::now();
        let mut before = process::cpu_time(self.pid())?;
        while began.elapsed() < SETTLE_MAX {
            std::thread::sleep(Duration::from_secs(1));
            let now = process::cpu_time(self.pid())?;
            if now.saturating_sub(before) < REST {
                break;
            }
            before = now;
        }
        Ok(())
    }

    /// Asks the server to end and waits for it.
    pub(super) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("sending SIGTERM")?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return self.check_end(status);
            }
            std::thread::sleep(POLL);
        }
        bail!("`{}` does not stop", self.command);
    }

    fn check_end(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("`{}` ended with {status}: {}", self.command, self.last_words());
        }
        Ok(())
    }

    fn wait_until_ready(&mut self, path: &str) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("`{}` ended with {status}: {}", self.command, self.last_words());
            }
            // Refused connections and 503 both mean: not yet.
            if http::get(self.port, path).is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        bail!("`{}` is not ready: {}", self.command, self.last_words());
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
