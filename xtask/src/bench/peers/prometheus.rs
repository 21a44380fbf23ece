//! Prometheus, as Debian packages it, as a receiver of remote write.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::{Export, Pack, Peer};
use crate::command::output;

pub(super) const PEER: Peer = Peer {
    name: "prometheus",
    durability: "none: page cache, log synced by the segment",
    ready_path: "/-/ready",
    flush_path: None,
    pack: Pack::Snapshot("/api/v1/admin/tsdb/snapshot", "data/snapshots"),
    export: Export::RemoteRead,
    command,
    version,
};

fn command(_root: &Path, dir: &Path, port: u16) -> Result<Command> {
    let config = dir.join("prometheus.yml");
    fs::write(&config, "global: {}\n").with_context(|| config.display().to_string())?;
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", dir.join("data").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.args(["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y"]);
    command.args(["--log.level=warn", "--web.enable-admin-api", "--query.max-samples=500000000"]);
    Ok(command)
}

fn version(_root: &Path) -> Result<String> {
    let text = output(Command::new("prometheus").arg("--version"))?;
    let version = text.split_whitespace().nth(2).context("prometheus does not say its version")?;
    Ok(version.to_owned())
}
