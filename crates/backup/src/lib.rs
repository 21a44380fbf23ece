//! Backups of a database: into a directory or an S3 bucket, and back.
//!
//! A backup copies a snapshot, which the database makes of itself while it goes on. Blocks never change,
//! so those that an earlier backup has copied are not copied again. What a backup consists of is said by
//! its manifest, which is written last and once; so an interrupted backup is none, and harms no other.
//! The layout is described in `docs/formats/backup.md`, the use in `docs/backup.md`.
//!
//! What this crate is not: it opens no sockets of a server and parses no arguments. It does not know what
//! is in a database's files, but for the checksums of blocks.
//!
//! Invariants: an object that a manifest lists is there with the size and checksum that it says. A
//! directory into which a restore has not ended does not open as a database.
//!
//! ```
//! use std::sync::Arc;
//! use timberline::{Database, Labels, Options, Retention, WriteBatch};
//! use timberline_backup::{Backup, Location, NoProgress, Restore};
//!
//! # let home = tempfile::tempdir()?;
//! # let path = |name: &str| home.path().join(name);
//! let options = Options { retention: Retention::default(), ..Options::default() };
//! let database = Database::open(path("data"), options.clone())?;
//! let mut batch = WriteBatch::default();
//! batch.push_labels(Labels::from_pairs([("__name__", "up")])?);
//! batch.push_sample(1_700_000_000_000_000_000, 1.0);
//! database.write(&batch)?;
//!
//! let depot = Location::Directory(path("backups")).open()?;
//! let snapshot = database.snapshot(false)?;
//! let made = Backup::new(depot.as_ref()).make(&snapshot.dir, &NoProgress)?;
//! assert_eq!(made.number, 1);
//!
//! Restore::new(depot.as_ref()).into_dir(&path("restored"), None, &NoProgress)?;
//! let restored = Database::open(path("restored"), options)?;
//! assert_eq!(restored.stats().block_samples, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backup;
mod check;
mod claim;
mod copying;
mod depot;
mod error;
mod location;
mod manifest;
mod progress;
mod prune;
mod restore;
mod source;

pub use backup::{Backup, BackupMade};
pub use check::{DepotReport, check};
pub use depot::{Depot, LocalDepot, Object};
pub use error::BackupError;
pub use location::Location;
pub use manifest::{BackupFile, BackupManifest, Listed, MissingBlock, list};
pub use progress::{NoProgress, Progress};
pub use prune::{Pruned, prune};
pub use restore::{Restore, Restored};
pub use source::SnapshotSource;
