//! VictoriaMetrics, as Debian packages it.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::{Export, Pack, Peer};
use crate::command::output;

pub(super) const PEER: Peer = Peer {
    name: "victoria-metrics",
    durability: "none: in memory for about a second",
    ready_path: "/health",
    flush_path: Some("/internal/force_flush"),
    pack: Pack::Merge("/internal/force_merge"),
    export: Export::JsonLines("/api/v1/export"),
    command,
    version,
};

fn command(_root: &Path, dir: &Path, port: u16) -> Result<Command> {
    let mut command = Command::new("victoria-metrics");
    command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
    command.arg(format!("-storageDataPath={}", dir.display()));
    // It refuses samples older than its retention, and hides the newest half minute by default.
    command.args(["-retentionPeriod=100y", "-search.latencyOffset=1ms", "-loggerLevel=WARN"]);
    // It refuses queries of many series by default.
    let limits = ["maxUniqueTimeseries", "maxSeries", "maxTagValues"];
    command.args(limits.map(|limit| format!("-search.{limit}=5000000")));
    Ok(command)
}

fn version(_root: &Path) -> Result<String> {
    let package = ["-W", "-f", "${Version}", "victoria-metrics"];
    let packaged = output(Command::new("dpkg-query").args(package));
    let own = output(Command::new("victoria-metrics").arg("-version"))?;
    Ok(packaged.unwrap_or(own).trim().to_owned())
}
