//! What the benchmark knows of a server.

use std::{path::Path, process::Command};

use anyhow::Result;

/// A server that takes remote write and answers PromQL.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Peer {
    /// As `--only` and the report name it.
    pub(in crate::bench) name: &'static str,
    /// What an acknowledged sample survives.
    pub(in crate::bench) durability: &'static str,
    /// Answers 200 as soon as the server takes requests.
    pub(in crate::bench) ready_path: &'static str,
    /// Posted to, it makes the server write out what it holds back, where there is such a thing.
    pub(in crate::bench) flush_path: Option<&'static str>,
    /// Finds or builds the program and prepares the directory, which exists and is empty.
    pub(in crate::bench) command: fn(root: &Path, dir: &Path, port: u16) -> Result<Command>,
    /// Its version, as it says itself.
    pub(in crate::bench) version: fn(root: &Path) -> Result<String>,
}
