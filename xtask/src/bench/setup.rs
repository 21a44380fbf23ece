//! What every benchmark begins with: the servers, their versions, the machine and a directory.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{
    machine::Machine,
    peers::{self, Peer},
    run::typed,
    table::Table,
};

/// What a benchmark runs with.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) peers: Vec<Peer>,
    versions: Vec<String>,
    machine: Machine,
    dir: TempDir,
}

impl Setup {
    /// Finds the servers of these names, or all where none is named, and looks at the machine.
    pub(super) fn new(root: &Path, names: &[String]) -> Result<Self> {
        let peers = chosen(names)?;
        let mut versions = Vec::new();
        for peer in &peers {
            let version = (peer.version)(root);
            versions.push(version.with_context(|| format!("{} (see scripts/setup)", peer.name))?);
        }
        // Next to the build, not in a directory for temporary files, which may be in memory.
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
        std::fs::create_dir_all(&target)?;
        let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(&target)?;
        let machine = Machine::look(dir.path())?;
        Ok(Self { peers, versions, machine, dir })
    }

    /// Where servers may keep their data.
    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The name and version of the server of this place.
    pub(super) fn version(&self, index: usize) -> &str {
        self.versions.get(index).map_or("", String::as_str)
    }

    /// A table with a column for each server, which says first what they are.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(self.peers.iter().map(|peer| peer.name));
        table.row("version", self.versions.iter().cloned());
        table.row("acknowledged means", self.peers.iter().map(|peer| peer.durability.to_owned()));
        table
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "- Command: `{}`\n- Machine: {}", typed(), self.machine)
    }
}

fn chosen(names: &[String]) -> Result<Vec<Peer>> {
    if names.is_empty() {
        return Ok(peers::ALL.into());
    }
    let find = |name: &String| {
        let found = peers::ALL.into_iter().find(|peer| peer.name == name);
        let all = peers::ALL.map(|peer| peer.name).join(", ");
        found.with_context(|| format!("there is no server `{name}`; there are: {all}"))
    };
    names.iter().map(find).collect()
}
