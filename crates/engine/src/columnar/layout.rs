//! Where the parts of a database lie in its directory.

use std::path::{Path, PathBuf};

/// The paths of one database.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    dir: PathBuf,
}

impl Layout {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The database's own directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Held by the process that has the database open.
    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("LOCK")
    }

    /// Log segments.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Dictionaries of series, each at an offset of the log.
    pub(crate) fn dictionaries(&self) -> PathBuf {
        self.dir.join("checkpoint")
    }

    /// Numbered manifests.
    pub(crate) fn manifests(&self) -> PathBuf {
        self.dir.join("manifest")
    }

    /// Blocks, a directory each.
    pub(crate) fn blocks(&self) -> PathBuf {
        self.dir.join("blocks")
    }

    /// One block.
    pub(crate) fn block(&self, ulid: &str) -> PathBuf {
        self.blocks().join(ulid)
    }
}
