//! Removes what an interrupted flush left behind.

use std::{collections::HashSet, io};

use timberline_block::TEMPORARY_SUFFIX;
use timberline_io::Disk;

use super::{layout::Layout, manifest::Manifest};
use crate::EngineError;

/// Removes block directories that the manifest does not list, and temporary files.
///
/// Only ever called with the manifest in force, and while no flush is at work: what it removes was
/// never published, so the log or other blocks still hold all of it. Blocks that a compaction has
/// `in_work` are left alone.
pub(crate) fn sweep(
    disk: &dyn Disk,
    layout: &Layout,
    manifest: &Manifest,
    in_work: &HashSet<String>,
) -> Result<(), EngineError> {
    let listed: HashSet<&str> = manifest.blocks.iter().map(|block| block.ulid.as_str()).collect();
    let is_in_work = |name: &str| in_work.contains(name.trim_end_matches(TEMPORARY_SUFFIX));
    let blocks = layout.blocks();
    for entry in disk.list(&blocks).map_err(EngineError::disk("list", &blocks))? {
        let path = blocks.join(&entry.name);
        if entry.is_dir && !listed.contains(entry.name.as_str()) && !is_in_work(&entry.name) {
            tracing::info!(block = %entry.name, "removing a block that was never published");
            match disk.remove_dir_all(&path) {
                // Whoever published its successor was about to remove it, too, and was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(EngineError::disk("remove", &path))?,
            }
        }
    }
    for dir in [layout.manifests(), layout.dictionaries()] {
        for entry in disk.list(&dir).map_err(EngineError::disk("list", &dir))? {
            let path = dir.join(&entry.name);
            if !entry.is_dir && entry.name.ends_with(".tmp") {
                disk.remove_file(&path).map_err(EngineError::disk("remove", &path))?;
            }
        }
    }
    Ok(())
}
