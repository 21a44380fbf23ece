//! Where the parts of a database lie in its directory.

use std::path::{Path, PathBuf};

/// Name of the file that says that a directory is being restored and is not whole yet.
pub const RESTORING_FILE: &str = "RESTORING";

/// Name of the file in which whoever opens the database keeps settings of its own. The engine does not know
/// what is in it, and takes it into snapshots. It is replaced as a whole, and never changed.
pub const SETTINGS_FILE: &str = "DATABASE";

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

    /// Snapshots, each a database of its own.
    pub(crate) fn snapshots(&self) -> PathBuf {
        self.dir.join("snapshots")
    }

    /// What a repair has moved out of the way.
    pub(crate) fn quarantine(&self) -> PathBuf {
        self.dir.join("quarantine")
    }

    /// Is there while the directory is being restored from a backup, and keeps it from being opened.
    pub(crate) fn restoring(&self) -> PathBuf {
        self.dir.join(RESTORING_FILE)
    }

    /// Settings of whoever opens the database, if there are any.
    pub(crate) fn settings(&self) -> PathBuf {
        self.dir.join(SETTINGS_FILE)
    }

    /// One block.
    pub(crate) fn block(&self, ulid: &str) -> PathBuf {
        self.blocks().join(ulid)
    }
}
