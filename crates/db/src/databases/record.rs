//! The file in which a database keeps its own settings. `docs/formats/database.md` describes it.
//!
//! Invariant: a reader finds the settings of before a change or of after it, and nothing between.

use std::{collections::BTreeMap, io, path::Path};

use serde::{Deserialize, Serialize};
use timberline_codec::sealed_text;
use timberline_engine::SETTINGS_FILE as FILE;
use timberline_io::Disk;

use super::DatabaseSettings;
use crate::Error;

/// Its name while it is being written.
const UNFINISHED: &str = "DATABASE.tmp";
/// First line; the number is the format's version.
const MAGIC: &str = "timberline database 1";
/// A larger file is not one of ours.
const BYTES_MAX: usize = 64 << 10;

/// The body: every setting in the words that statements have for it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    settings: BTreeMap<String, String>,
}

/// The settings of a database's directory; none where there is no file.
///
/// # Errors
/// A file that is damaged, or of a newer version; a disk that fails.
pub(super) fn read(disk: &dyn Disk, dir: &Path) -> Result<DatabaseSettings, Error> {
    let path = dir.join(FILE);
    let bytes = match disk.read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(DatabaseSettings::default());
        }
        outcome => outcome.map_err(Error::disk("read", &path))?,
    };
    DatabaseSettings::decode(&bytes).map_err(|reason| Error::DatabaseFile { path, reason })
}

/// Makes these the settings of a directory, durably.
///
/// # Errors
/// A disk that is full or fails. Which settings a restart finds is unknown only if the last step failed.
pub(super) fn write(disk: &dyn Disk, dir: &Path, settings: &DatabaseSettings) -> Result<(), Error> {
    let (path, unfinished) = (dir.join(FILE), dir.join(UNFINISHED));
    match disk.remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::disk("remove", &unfinished)(error));
        }
        _ => {}
    }
    let file = disk.create(&unfinished, 0).map_err(Error::disk("create", &unfinished))?;
    file.write_all_at(&settings.encode(), 0).map_err(Error::disk("write", &unfinished))?;
    file.sync_data().map_err(Error::disk("sync", &unfinished))?;
    disk.reach("settings.written");
    disk.rename(&unfinished, &path).map_err(Error::disk("rename", &unfinished))?;
    disk.reach("settings.renamed");
    disk.sync_dir(dir).map_err(Error::disk("sync", dir))?;
    disk.reach("settings.durable");
    Ok(())
}

impl DatabaseSettings {
    /// The bytes of a database's file of settings, as `docs/formats/database.md` describes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let settings = self.own().map(|(name, value)| (name.to_owned(), value)).collect();
        let json =
            serde_json::to_string_pretty(&Body { settings }).expect("settings are plain data");
        sealed_text::seal(MAGIC, &json)
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// What is wrong with it: it is longer than 64 KiB, was changed, is of another version, or has a setting or a
    /// value that there is none of.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let json = sealed_text::open(MAGIC, bytes, BYTES_MAX)?;
        let body: Body = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let mut settings = Self::default();
        for (name, value) in body.settings {
            settings.set(&name, Some(&value)).map_err(|error| error.to_string())?;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests;
