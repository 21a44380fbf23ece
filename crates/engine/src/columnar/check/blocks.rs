//! Checking the blocks: each read whole, and compared with what the manifest says of it.

use std::{collections::BTreeMap, path::Path};

use timberline_block::{Block, TEMPORARY_SUFFIX};
use timberline_io::Disk;

use super::CheckReport;
use crate::{
    EngineError,
    columnar::{
        layout::Layout,
        manifest::{BlockEntry, Manifest},
    },
};

/// Checks the blocks of a manifest; without one, those that there are.
pub(super) fn check(
    disk: &dyn Disk,
    layout: &Layout,
    manifest: Option<&Manifest>,
    report: &mut CheckReport,
) -> Result<(), EngineError> {
    let dir = layout.blocks();
    let found = match disk.list(&dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        found => found.map_err(EngineError::disk("list", &dir))?,
    };
    let listed: BTreeMap<&str, &BlockEntry> = manifest
        .iter()
        .flat_map(|manifest| &manifest.blocks)
        .map(|entry| (entry.ulid.as_str(), entry))
        .collect();
    for entry in &found {
        let path = dir.join(&entry.name);
        let leftover = entry.name.ends_with(TEMPORARY_SUFFIX);
        if !entry.is_dir {
            report.note(path.display(), "is no block");
        } else if leftover || (manifest.is_some() && !listed.contains_key(entry.name.as_str())) {
            let reason = "the manifest does not list it: the next start removes it";
            report.note(path.display(), reason);
        } else if let Some(reason) = fault(disk, &path, listed.get(entry.name.as_str()), report) {
            report.damage(path.display(), reason);
        }
    }
    for (name, entry) in listed {
        if !found.iter().any(|found| found.is_dir && found.name == name) {
            let reason = format!(
                "it is missing: {} samples of {} series, from {} to {} ns",
                entry.samples, entry.series, entry.min_ts, entry.max_ts
            );
            report.damage(dir.join(name).display(), reason);
        }
    }
    Ok(())
}

/// What is wrong with a block, if anything.
fn fault(
    disk: &dyn Disk,
    dir: &Path,
    entry: Option<&&BlockEntry>,
    report: &mut CheckReport,
) -> Option<String> {
    report.blocks += 1;
    let block = match verified(disk, dir) {
        Ok(block) => block,
        Err(reason) => return Some(reason),
    };
    if let Some(reason) = entry.and_then(|entry| entry.contradicts(block.meta())) {
        return Some(reason);
    }
    report.block_samples += block.meta().samples;
    let known: Vec<&str> = block.meta().files.iter().map(|file| file.name.as_str()).collect();
    for file in disk.list(dir).unwrap_or_default() {
        if file.name != "meta.json" && !known.contains(&file.name.as_str()) {
            report.note(dir.join(file.name).display(), "is no file of the block");
        }
    }
    None
}

/// A block, once all of it has proved to be what was written.
pub(in crate::columnar) fn verified(disk: &dyn Disk, dir: &Path) -> Result<Block, String> {
    let block = Block::open(disk, dir).map_err(|error| error.to_string())?;
    block.verify().map_err(|error| error.to_string())?;
    Ok(block)
}
