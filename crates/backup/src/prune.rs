//! Removing old backups, and what no backup needs any more.

use std::{collections::HashSet, sync::Arc};

use timberline_io::Clock;
use ulid::Ulid;

use crate::{
    BackupError, Depot,
    backup::{BLOCKS, STATE},
    claim::{Claim, Work},
    copying::each,
    manifest::{self, key_of},
};

/// What a prune did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Numbers of the backups that were removed.
    pub backups: Vec<u64>,
    /// Objects that were removed with them.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Why objects that no backup needs were left alone, if they were. The next prune removes them.
    pub objects_left: Option<String>,
}

/// Removes all but the newest `keep` backups, and then the objects that no backup needs.
///
/// # Errors
/// A place that fails. The backups that are still listed are whole then.
pub fn prune(
    depot: &dyn Depot,
    clock: &Arc<dyn Clock>,
    keep: usize,
) -> Result<Pruned, BackupError> {
    let claim = Claim::put(depot, clock, Work::Prune, &Ulid::generate().to_string())?;
    let is_alone = claim.others()?.is_empty();
    let mut pruned = Pruned::default();
    let found = manifest::list(depot)?;
    let sound: Vec<u64> =
        found.iter().filter(|(_, backup)| backup.is_ok()).map(|(number, _)| *number).collect();
    for number in &sound[..sound.len().saturating_sub(keep)] {
        depot.delete(&key_of(*number))?;
        pruned.backups.push(*number);
    }
    if !is_alone {
        let reason = "another backup or prune is at work";
        return Ok(Pruned { objects_left: Some(reason.to_owned()), ..pruned });
    }
    let mut needed = HashSet::new();
    for (number, backup) in manifest::list(depot)? {
        let Ok(backup) = backup else {
            let reason = format!("the manifest {} is damaged", depot.name_of(&key_of(number)));
            return Ok(Pruned { objects_left: Some(reason), ..pruned });
        };
        needed.extend(backup.files.into_iter().map(|file| file.key));
    }
    let mut gone = depot.list(BLOCKS)?;
    gone.extend(depot.list(STATE)?);
    gone.retain(|object| !needed.contains(&object.key));
    each(&gone, |object| {
        claim.renew()?;
        depot.delete(&object.key)
    })?;
    depot.sweep()?;
    pruned.objects = gone.len() as u64;
    pruned.bytes = gone.iter().map(|object| object.bytes).sum();
    Ok(pruned)
}
