//! Timberline, built from this tree, or the program that `TIMBERLINE_BIN` names.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{Export, Pack, Peer};
use crate::command::{cargo, output, run};

pub(super) const PEER: Peer = Peer {
    name: "timberline",
    durability: "synced: fdatasync before the answer",
    ready_path: "/-/ready",
    flush_path: Some("/api/v1/admin/tsdb/flush"),
    pack: Pack::Merge("/api/v1/admin/tsdb/clean_tombstones"),
    export: Export::RemoteRead,
    command,
    version,
};

fn given() -> Option<PathBuf> {
    std::env::var_os("TIMBERLINE_BIN").map(PathBuf::from)
}

fn program(root: &Path) -> PathBuf {
    if let Some(given) = given() {
        return given;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    target.join("release/timberline")
}

fn command(root: &Path, dir: &Path, port: u16) -> Result<Command> {
    let mut command = Command::new(program(root));
    command.arg("start").arg("--listen").arg(format!("127.0.0.1:{port}"));
    // The recorded and the made samples are of the past.
    command.arg("--data-dir").arg(dir).arg("--storage-retention=0s");
    Ok(command)
}

fn version(root: &Path) -> Result<String> {
    if given().is_none() {
        let build = ["build", "--quiet", "--release", "--package", "timberline-server"];
        run(&mut cargo(root, &build))?;
    }
    Ok(output(Command::new(program(root)).arg("--version"))?.trim().to_owned())
}
