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
    /// How all of its data gets to be as small as it makes it.
    pub(in crate::bench) pack: Pack,
    /// How whole series are read out.
    pub(in crate::bench) export: Export,
    /// Finds or builds the program and prepares the directory, which exists and is empty.
    pub(in crate::bench) command: fn(root: &Path, dir: &Path, port: u16) -> Result<Command>,
    /// Its version, as it says itself.
    pub(in crate::bench) version: fn(root: &Path) -> Result<String>,
}

/// How a server's data gets to be as small as the server makes it.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) enum Pack {
    /// It merges all when this path is posted to.
    Merge(&'static str),
    /// It writes out all as blocks, into this directory of its data, when this path is posted to.
    Snapshot(&'static str, &'static str),
}

/// How whole series are read out of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Export {
    /// Remote read, streamed chunks.
    RemoteRead,
    /// A line of JSON for each series, from this path.
    JsonLines(&'static str),
}
