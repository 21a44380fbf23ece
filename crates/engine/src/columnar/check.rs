//! Looking through a database that nobody has open, without changing a byte of it.
//!
//! Two things are done. Every file that carries checksums is read whole and the files are compared with
//! each other. Then the directory is opened as a start would open it, on an overlay whose changes stay
//! in memory: what that finds damaged, a start would find.
//!
//! Invariant: nothing is written, created or removed; not even the lock, which is taken only if it is
//! there.

mod blocks;
mod manifests;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_io::{Disk, FileLock, OverlayDisk};
use timberline_log::LogOptions;

pub(super) use blocks::verified;

use super::{
    EngineOptions, Retention,
    layout::Layout,
    recovery::{recover, refuse_unrestored},
};
use crate::EngineError;

/// Something that a check has found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file or directory, and the place in it where that is known.
    pub place: String,
    /// What is wrong.
    pub reason: String,
    /// Whether it is damage. The rest is litter that the next start or flush removes, and other things
    /// that nothing depends on.
    pub is_damage: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_damage { "damage" } else { "note" };
        write!(f, "{kind}: {}: {}", self.place, self.reason)
    }
}

/// What a check has looked at, and what it has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// In the order in which the directory was gone through.
    pub findings: Vec<Finding>,
    /// Blocks that were read whole.
    pub blocks: u64,
    /// Samples in those that are sound.
    pub block_samples: u64,
    /// Samples that only the log has.
    pub log_samples: u64,
    /// Series that the database would know after a start.
    pub series: u64,
}

impl CheckReport {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| !finding.is_damage)
    }

    pub(super) fn damage(&mut self, place: impl fmt::Display, reason: impl fmt::Display) {
        let (place, reason) = (place.to_string(), reason.to_string());
        self.findings.push(Finding { place, reason, is_damage: true });
    }

    pub(super) fn note(&mut self, place: impl fmt::Display, reason: impl fmt::Display) {
        let (place, reason) = (place.to_string(), reason.to_string());
        self.findings.push(Finding { place, reason, is_damage: false });
    }
}

/// Checks the database in a directory: every checksum, and that its parts agree. It must not be open.
///
/// # Errors
/// A directory that does not exist, is open or is being restored, or a disk that fails. Damage is no
/// error: the report has it.
pub fn check(disk: &Arc<dyn Disk>, dir: &Path) -> Result<CheckReport, EngineError> {
    let layout = Layout::new(dir);
    let _lock = lock(disk.as_ref(), &layout)?;
    check_locked(disk, &layout)
}

/// As [`check`], for who has the lock.
pub(super) fn check_locked(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
) -> Result<CheckReport, EngineError> {
    let dir = layout.dir();
    refuse_unrestored(disk.as_ref(), layout)?;
    let overlay = OverlayDisk::new(Arc::clone(disk), dir);
    let overlay: Arc<dyn Disk> = Arc::new(overlay.map_err(EngineError::disk("list", dir))?);
    let mut report = CheckReport::default();
    strangers(overlay.as_ref(), layout, &mut report)?;
    let manifest = manifests::check(overlay.as_ref(), layout, &mut report)?;
    blocks::check(overlay.as_ref(), layout, manifest.as_ref(), &mut report)?;
    if manifest.is_some() {
        start(&overlay, layout, &mut report);
    }
    Ok(report)
}

/// Keeps a start away meanwhile. A directory in which nothing ever was started has no lock.
pub(super) fn lock(disk: &dyn Disk, layout: &Layout) -> Result<Option<FileLock>, EngineError> {
    let dir = layout.dir();
    let entries = disk.list(dir).map_err(EngineError::disk("list", dir))?;
    if !entries.iter().any(|entry| layout.lock().ends_with(&entry.name)) {
        return Ok(None);
    }
    match disk.lock(&layout.lock()) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(EngineError::Locked { dir: dir.to_owned() })
        }
        Err(error) => Err(EngineError::disk("lock", layout.lock())(error)),
    }
}

/// Notes what does not belong to a database.
fn strangers(
    disk: &dyn Disk,
    layout: &Layout,
    report: &mut CheckReport,
) -> Result<(), EngineError> {
    let dir = layout.dir();
    let parts = [layout.log(), layout.dictionaries(), layout.manifests(), layout.blocks()];
    let others = [layout.lock(), layout.snapshots(), layout.quarantine()];
    let known: Vec<PathBuf> = parts.iter().chain(&others).cloned().collect();
    for entry in disk.list(dir).map_err(EngineError::disk("list", dir))? {
        let path = dir.join(&entry.name);
        if !known.contains(&path) {
            report.note(path.display(), "is no part of a database");
        }
    }
    let snapshots = disk.list(&layout.snapshots()).unwrap_or_default();
    if !snapshots.is_empty() {
        let reason = format!("{} snapshots were not checked: each is a directory", snapshots.len());
        report.note(layout.snapshots().display(), reason);
    }
    Ok(())
}

/// Opens the database as a start does, in memory, and takes over what that finds in the dictionary and
/// the log.
fn start(disk: &Arc<dyn Disk>, layout: &Layout, report: &mut CheckReport) {
    let options = scratch_options();
    let recovered = match recover(disk, layout, &options) {
        Ok(recovered) => recovered,
        Err(error) => return report.damage(layout.dir().display(), error),
    };
    for damage in recovered.damage {
        // Blocks were read whole before, and are named already.
        let known = |finding: &Finding| {
            finding.is_damage && damage.place == format!("block {}", finding.place)
        };
        if !report.findings.iter().any(known) {
            report.damage(damage.place, damage.reason);
        }
    }
    let stats = recovered.head.stats();
    report.log_samples = stats.samples;
    report.series = stats.series;
}

/// Options for opening a directory to look at it or to mend it.
pub(super) fn scratch_options() -> EngineOptions {
    let log = LogOptions { segment_bytes: 1 << 20, reserve_bytes: 0, ..LogOptions::default() };
    let retention = Retention::default();
    EngineOptions { background: false, log, retention, ..EngineOptions::default() }
}
