//! The manifest of a backup: all its files, where they are kept, and their checksums.
//!
//! The format is described in `docs/formats/backup.md`. Manifests are numbered and never changed.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use timberline_codec::sealed_text;

use crate::{BackupError, Depot, depot::read_whole};

/// First line of every manifest; the number is the format's version.
const MAGIC: &str = "timberline backup 1";
/// Where the manifests are.
const BACKUPS: &str = "backups";
/// A manifest larger than this is not one of ours.
const MANIFEST_BYTES_MAX: usize = 256 << 20;
const NUMBER_DIGITS: usize = 20;

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// Rises with each backup of the place.
    pub number: u64,
    /// Names the run that made it; no other has it.
    pub id: String,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Blocks in it.
    pub blocks: u64,
    /// Samples in them.
    pub samples: u64,
    /// First instant of the samples, nanoseconds.
    pub min_ts: Option<i64>,
    /// Last instant of the samples, nanoseconds.
    pub max_ts: Option<i64>,
    /// All files of the database, in the order of their paths.
    pub files: Vec<BackupFile>,
    /// Blocks that the database could not read when the backup was made, and that are therefore not in
    /// it.
    pub missing: Vec<MissingBlock>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Where it belongs in the database's directory.
    pub path: String,
    /// Under which key it is kept.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// CRC32C of its bytes, eight hexadecimal digits.
    pub crc32c: String,
}

/// A block that is not in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingBlock {
    /// Its name.
    pub block: String,
    /// Why.
    pub reason: String,
}

impl BackupManifest {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// The manifest's text, as it is kept.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        sealed_text::seal(MAGIC, &json)
    }

    /// Reads a manifest's text.
    ///
    /// # Errors
    /// What is wrong with it: bytes that are not what was written, another version, or paths that lead
    /// elsewhere.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let json = sealed_text::open(MAGIC, bytes, MANIFEST_BYTES_MAX)?;
        let manifest: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        for file in &manifest.files {
            if !is_plain(&file.path) || !is_plain(&file.key) {
                return Err(format!("it has a file {:?} with the key {:?}", file.path, file.key));
            }
            if file.crc().is_none() {
                return Err(format!("{:?} is no checksum", file.crc32c));
            }
        }
        Ok(manifest)
    }

    /// The manifest with a number, if it is there.
    ///
    /// # Errors
    /// One that is damaged, or a place that fails.
    pub(crate) fn read(depot: &dyn Depot, number: u64) -> Result<Option<Self>, BackupError> {
        let key = key_of(number);
        let Some(bytes) = read_whole(depot, &key, MANIFEST_BYTES_MAX)? else { return Ok(None) };
        let damaged = |reason| BackupError::Manifest { object: depot.name_of(&key), reason };
        let manifest = Self::decode(&bytes).map_err(damaged)?;
        if manifest.number != number {
            return Err(damaged(format!("it says that it is number {}", manifest.number)));
        }
        Ok(Some(manifest))
    }
}

impl BackupFile {
    /// The checksum as a number; `None` if it is none.
    pub(crate) fn crc(&self) -> Option<u32> {
        u32::from_str_radix(&self.crc32c, 16).ok()
    }
}

/// A backup of a place: its number, and its manifest or what is wrong with that.
pub type Listed = (u64, Result<BackupManifest, BackupError>);

/// The backups of a place, oldest first. Of damaged manifests the error is given in their place.
///
/// # Errors
/// A place that fails.
pub fn list(depot: &dyn Depot) -> Result<Vec<Listed>, BackupError> {
    let mut found = Vec::new();
    for number in numbers(depot)? {
        match BackupManifest::read(depot, number) {
            Ok(Some(manifest)) => found.push((number, Ok(manifest))),
            // It was pruned meanwhile.
            Ok(None) => {}
            Err(error @ BackupError::Manifest { .. }) => found.push((number, Err(error))),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Numbers of the manifests, ascending.
pub(crate) fn numbers(depot: &dyn Depot) -> Result<Vec<u64>, BackupError> {
    let number = |key: &str| {
        let digits = key.strip_prefix(BACKUPS)?.strip_prefix('/')?;
        let plain = digits.len() == NUMBER_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    let mut numbers: Vec<u64> =
        depot.list(BACKUPS)?.iter().filter_map(|object| number(&object.key)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The key of a manifest.
pub(crate) fn key_of(number: u64) -> String {
    format!("{BACKUPS}/{number:0NUMBER_DIGITS$}")
}

/// Whether a path leads downwards only.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests;
