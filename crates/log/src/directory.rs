//! Directories that are found again after a power cut.

use std::{io, path::Path};

use timberline_io::Disk;

use crate::LogError;

/// Makes a directory and its parents, durably, whoever began making them and however far they came.
pub(crate) fn make(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    disk.create_dir_all(dir).map_err(LogError::disk("create", dir))?;
    for parent in dir.ancestors().skip(1) {
        let parent = if parent == Path::new("") { Path::new(".") } else { parent };
        match disk.sync_dir(parent) {
            // One that we may not even read, we have not changed.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            result => result.map_err(LogError::disk("sync", parent))?,
        }
    }
    Ok(())
}
