//! Checking the manifests: that each is what was written, and that the one in force can be true.

use std::{collections::HashSet, path::Path};

use timberline_io::Disk;
use timberline_model::DuplicatePolicy;

use super::CheckReport;
use crate::{
    EngineError,
    columnar::{
        head::SHARD_COUNT,
        layout::Layout,
        manifest::{Manifest, numbers, path_of},
    },
};

/// Checks all manifests and returns the one in force, if it is sound.
pub(super) fn check(
    disk: &dyn Disk,
    layout: &Layout,
    report: &mut CheckReport,
) -> Result<Option<Manifest>, EngineError> {
    let dir = layout.manifests();
    let numbers = if is_there(disk, &dir) { numbers(disk, &dir)? } else { Vec::new() };
    let Some((newest, older)) = numbers.split_last() else {
        missing(disk, layout, report);
        return Ok(None);
    };
    for number in older {
        if let Err(reason) = Manifest::read(disk, &dir, *number)? {
            let reason = format!("{reason}; it is not in force, and nothing depends on it");
            report.damage(path_of(&dir, *number).display(), reason);
        }
    }
    let path = path_of(&dir, *newest);
    let manifest = match Manifest::read(disk, &dir, *newest)? {
        Ok(manifest) => manifest,
        Err(reason) => {
            let reason = format!("{reason}; it is in force, and the database does not open");
            report.damage(path.display(), reason);
            return Ok(None);
        }
    };
    for contradiction in contradictions(&manifest) {
        report.damage(path.display(), contradiction);
    }
    Ok(Some(manifest))
}

fn missing(disk: &dyn Disk, layout: &Layout, report: &mut CheckReport) {
    let parts = [layout.log(), layout.blocks(), layout.dictionaries()];
    let has_data = |dir: &Path| disk.list(dir).is_ok_and(|entries| !entries.is_empty());
    let dir = layout.manifests();
    match parts.iter().find(|part| has_data(part)) {
        Some(part) => {
            let reason = format!("there is no manifest, but {} has data", part.display());
            report.damage(dir.display(), reason);
        }
        None => report.note(dir.display(), "there is no manifest: the database is new and empty"),
    }
}

fn is_there(disk: &dyn Disk, dir: &Path) -> bool {
    disk.list(dir).is_ok()
}

/// What cannot be so in one manifest.
fn contradictions(manifest: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, otherwise: &dyn Fn() -> String| {
        if !holds {
            found.push(otherwise());
        }
    };
    let Manifest { blocks, tombstones, .. } = manifest;
    expect(manifest.shard_count as usize == SHARD_COUNT, &|| {
        format!("it has {} shards, not {SHARD_COUNT}", manifest.shard_count)
    });
    expect(manifest.duplicates.parse::<DuplicatePolicy>().is_ok(), &|| {
        format!("{:?} is no duplicate policy", manifest.duplicates)
    });
    let mut names = HashSet::new();
    for block in blocks {
        let name = &block.ulid;
        expect(names.insert(name), &|| format!("block {name} is listed twice"));
        expect(block.sequence < manifest.next_sequence, &|| {
            format!("block {name} has sequence {}, which is yet to come", block.sequence)
        });
        expect(block.clean_to < manifest.next_tombstone, &|| {
            format!("block {name} is clean of deletion {}, which is yet to come", block.clean_to)
        });
        expect(block.min_ts <= block.max_ts && block.samples > 0 && block.series > 0, &|| {
            format!("block {name} is listed as one without samples")
        });
    }
    expect(blocks.is_sorted_by_key(|block| block.sequence), &|| {
        "its blocks are not in the order of their age".to_owned()
    });
    expect(tombstones.is_sorted_by(|a, b| a.number < b.number), &|| {
        "its deletions are not in their order".to_owned()
    });
    for tombstone in tombstones {
        let number = tombstone.number;
        expect(number < manifest.next_tombstone, &|| format!("deletion {number} is yet to come"));
        expect(tombstone.start <= tombstone.end, &|| {
            format!("deletion {number} ends before it begins")
        });
        let matchers = tombstone.matchers();
        expect(matchers.is_ok(), &|| {
            format!("deletion {number}: {}", matchers.as_ref().err().map_or("", |reason| reason))
        });
    }
    found
}
