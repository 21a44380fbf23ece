//! Making a damaged directory open again, without losing what can be read.
//!
//! In order: a manifest that is lost or damaged is made anew from what there is; damaged blocks are
//! replaced by new ones with all that can be read of them; of a damaged dictionary the sound part is
//! kept; and where the log is damaged, what can be replayed becomes blocks, so that the log begins anew.
//!
//! Invariants: nothing is removed before it has a durable second name in `quarantine/`. Wherever a
//! repair is interrupted, it can be run again. Only data with sound checksums are served afterwards.

mod blocks;
mod log;
mod manifest;
mod quarantine;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_io::{Clock, Disk, OverlayDisk};
use timberline_model::DuplicatePolicy;

use super::{
    check::{CheckReport, check_locked, lock},
    layout::Layout,
    recovery::refuse_unrestored,
};
use crate::EngineError;
use quarantine::Quarantine;

/// How a directory is to be repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairOptions {
    /// Whether to do it. Otherwise it is only found out what would be done; that takes as much memory
    /// as the new blocks take on the disk.
    pub apply: bool,
    /// The duplicate policy, for when no manifest can tell any more.
    pub duplicates: Option<DuplicatePolicy>,
}

/// What a repair did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// What was done, in order.
    pub acts: Vec<String>,
    /// What is lost, as far as it is known.
    pub losses: Vec<String>,
    /// Where the damaged files are, if there were any.
    pub quarantine: Option<PathBuf>,
    /// What a check of the result says.
    pub result: CheckReport,
}

/// One repair at work.
struct Repair<'a> {
    disk: &'a Arc<dyn Disk>,
    clock: &'a Arc<dyn Clock>,
    layout: &'a Layout,
    options: RepairOptions,
    quarantine: Quarantine<'a>,
    acts: Vec<String>,
    losses: Vec<String>,
}

/// Repairs the database in a directory, which must not be open.
///
/// # Errors
/// A directory that is open, or is being restored, files of a newer version, or a disk that is full or
/// fails. A repair that was interrupted can be run again.
pub fn repair(
    disk: &Arc<dyn Disk>,
    clock: &Arc<dyn Clock>,
    dir: &Path,
    options: RepairOptions,
) -> Result<RepairReport, EngineError> {
    let layout = Layout::new(dir);
    let lock = lock(disk.as_ref(), &layout)?;
    refuse_unrestored(disk.as_ref(), &layout)?;
    let trial: Arc<dyn Disk>;
    let disk = if options.apply {
        disk
    } else {
        let overlay = OverlayDisk::new(Arc::clone(disk), dir);
        trial = Arc::new(overlay.map_err(EngineError::disk("list", dir))?);
        &trial
    };
    let before = check_locked(disk, &layout)?;
    if before.is_sound() {
        return Ok(RepairReport { result: before, ..RepairReport::default() });
    }
    let mut repair = Repair {
        disk,
        clock,
        layout: &layout,
        options,
        quarantine: Quarantine::new(disk.as_ref(), &layout)?,
        acts: Vec::new(),
        losses: Vec::new(),
    };
    let manifest = repair.manifest()?;
    disk.reach("repair.manifest");
    repair.blocks(&manifest)?;
    disk.reach("repair.blocks");
    repair.dictionary()?;
    repair.metadata()?;
    disk.reach("repair.dictionary");
    // The engine takes the lock itself.
    drop(lock);
    repair.log()?;
    disk.reach("repair.log");
    let result = check_locked(disk, &layout)?;
    let Repair { quarantine, acts, losses, .. } = repair;
    let report = RepairReport { acts, losses, quarantine: quarantine.place(), result };
    quarantine.write_report(&report.to_string())?;
    Ok(report)
}

impl Repair<'_> {
    fn did(&mut self, act: impl fmt::Display) {
        self.acts.push(act.to_string());
    }

    fn lost(&mut self, loss: impl fmt::Display) {
        self.losses.push(loss.to_string());
    }

    /// The clock in milliseconds, for the names of blocks.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now() / timberline_model::NANOS_PER_MILLI).unwrap_or(0)
    }
}

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for act in &self.acts {
            writeln!(f, "act: {act}")?;
        }
        for loss in &self.losses {
            writeln!(f, "lost: {loss}")?;
        }
        for finding in &self.result.findings {
            writeln!(f, "left: {finding}")?;
        }
        Ok(())
    }
}
