//! Checking a place: every manifest, and every object that one lists, by size and checksum.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use timberline::Finding;

use crate::{
    BackupError, BackupFile, Depot, Progress,
    backup::{BLOCKS, STATE},
    copying::each,
    manifest::{self, key_of},
};

/// What a check of a place has looked at, and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepotReport {
    /// By object. What is no damage is what interrupted runs have left.
    pub findings: Vec<Finding>,
    /// Backups whose manifests are sound.
    pub backups: u64,
    /// Objects that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl DepotReport {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| !finding.is_damage)
    }
}

/// Reads every object that a backup of the place needs. Changes nothing.
///
/// # Errors
/// A place that fails. Damage is no error: the report has it.
pub fn check(depot: &dyn Depot, progress: &dyn Progress) -> Result<DepotReport, BackupError> {
    let mut report = DepotReport::default();
    // By key: the file, and the backups that need it.
    let mut needed: BTreeMap<String, (BackupFile, Vec<u64>)> = BTreeMap::new();
    for (number, backup) in manifest::list(depot)? {
        match backup {
            Ok(backup) => {
                report.backups += 1;
                for file in backup.files {
                    let key = file.key.clone();
                    needed.entry(key).or_insert_with(|| (file, Vec::new())).1.push(number);
                }
            }
            Err(error) => report.findings.push(Finding {
                place: depot.name_of(&key_of(number)),
                reason: error.to_string(),
                is_damage: true,
            }),
        }
    }
    let mut objects = depot.list(BLOCKS)?;
    objects.extend(depot.list(STATE)?);
    let sizes: HashMap<String, u64> =
        objects.into_iter().map(|object| (object.key, object.bytes)).collect();
    let files: Vec<_> = needed.values().collect();
    progress.begin(files.len() as u64, files.iter().map(|(file, _)| file.bytes).sum());
    let found = Mutex::new(Vec::new());
    each(&files, |(file, backups)| {
        if let Some(reason) = fault(depot, file, sizes.get(&file.key))? {
            let place = depot.name_of(&file.key);
            let backups: Vec<String> = backups.iter().map(u64::to_string).collect();
            let reason = format!("{reason}; backups {} need it", backups.join(", "));
            let finding = Finding { place, reason, is_damage: true };
            found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(finding);
        }
        progress.advance(file.bytes);
        Ok(())
    })?;
    report.findings.extend(found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
    let left = sizes.keys().filter(|key| !needed.contains_key(*key));
    report.findings.extend(left.map(|key| Finding {
        place: depot.name_of(key),
        reason: "no backup needs it: the next prune removes it".to_owned(),
        is_damage: false,
    }));
    report.findings.sort();
    report.objects = files.len() as u64;
    report.bytes = files.iter().map(|(file, _)| file.bytes).sum();
    Ok(report)
}

/// In what an object differs from what its backups say, if in anything.
fn fault(
    depot: &dyn Depot,
    file: &BackupFile,
    size: Option<&u64>,
) -> Result<Option<String>, BackupError> {
    match size {
        None => return Ok(Some("it is missing".to_owned())),
        Some(size) if *size != file.bytes => {
            return Ok(Some(format!("it has {size} bytes, and should have {}", file.bytes)));
        }
        Some(_) => {}
    }
    let mut crc = 0;
    let there = depot.read(&file.key, &mut |piece| {
        crc = crc32c::crc32c_append(crc, piece);
        Ok(())
    })?;
    if !there {
        return Ok(Some("it is missing".to_owned()));
    }
    let found = format!("{crc:08x}");
    let differs = found != file.crc32c;
    Ok(differs.then(|| format!("its checksum is {found}, and should be {}", file.crc32c)))
}
