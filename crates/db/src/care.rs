//! Looking through a database that nobody has open, and repairing it.

use std::{path::Path, sync::Arc};

use timberline_engine::{CheckReport, RepairOptions, RepairReport};
use timberline_io::{Clock, Disk, RealDisk, SystemClock};

use crate::Error;

/// Checks the database in a directory without changing anything: every checksum, and that its parts
/// agree. It must not be open. Costs as much as reading all of it.
///
/// # Errors
/// A directory that does not exist, is open or is being restored, or a disk that fails. Damage is no
/// error: the report has it.
pub fn check(path: impl AsRef<Path>) -> Result<CheckReport, Error> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    check_on(&disk, path.as_ref())
}

/// As [`check`], on a disk of the caller's.
///
/// # Errors
/// As [`check`].
pub fn check_on(disk: &Arc<dyn Disk>, path: &Path) -> Result<CheckReport, Error> {
    Ok(timberline_engine::check(disk, path)?)
}

/// Makes a damaged directory open again with everything in it that can be read; or, without
/// [`RepairOptions::apply`], finds out what that would take. What is damaged goes to `quarantine/`.
///
/// # Errors
/// A directory that does not exist, is open or is being restored, files of a newer version, or a disk
/// that is full or fails. A repair that was interrupted can be run again.
pub fn repair(path: impl AsRef<Path>, options: RepairOptions) -> Result<RepairReport, Error> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(timberline_engine::repair(&disk, &clock, path.as_ref(), options)?)
}
