//! What is known of all metric families at an offset of the log, in one file.
//! The format is described in `docs/formats/metadata.md`.
//!
//! What it is not: it holds nothing of series. With it, the log before its offset is not needed to know
//! a metric's type, unit and help.
//!
//! Invariant: a file with the name of a metadata file is complete; it gets that name last. Reading it
//! gives everything that was written, or an error.

use std::{
    io,
    path::{Path, PathBuf},
};

use timberline_codec::crc::crc32c;
use timberline_io::Disk;
use timberline_model::{FamilyMetadata, LogOffset, Metadata};

use crate::{
    LogError, directory,
    frame::{u32_at, u64_at},
    record::{FAMILY_BYTES_MIN, family, put_family},
};

const MAGIC: [u8; 8] = *b"TMBRMETA";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 28;
const CRC_BYTES: usize = 4;
const EXTENSION: &str = ".metadata";
const UNFINISHED_EXTENSION: &str = ".metadata.tmp";
const NAME_DIGITS: usize = 20;

/// Where the metadata at an offset lies.
#[must_use]
pub fn path(dir: &Path, offset: LogOffset) -> PathBuf {
    dir.join(format!("{:0NAME_DIGITS$}{EXTENSION}", offset.0))
}

/// Writes the metadata at an offset, durably, and returns its path. The directory is made if need be;
/// a file that is there for the same offset is replaced.
///
/// # Errors
/// A failing or full disk. No file has the metadata's name then, or the one that was there before.
pub fn write<'a>(
    disk: &dyn Disk,
    dir: &Path,
    offset: LogOffset,
    families: impl ExactSizeIterator<Item = (&'a str, &'a Metadata)>,
) -> Result<PathBuf, LogError> {
    directory::make(disk, dir)?;
    let path = path(dir, offset);
    let unfinished = dir.join(format!("{:0NAME_DIGITS$}{UNFINISHED_EXTENSION}", offset.0));
    remove_if_there(disk, &unfinished)?;
    let bytes = encode(offset, families);
    let file = || -> Result<(), LogError> {
        let file = disk.create(&unfinished, 0).map_err(LogError::disk("create", &unfinished))?;
        file.write_all_at(&bytes, 0).map_err(LogError::disk("write", &unfinished))?;
        file.sync_data().map_err(LogError::disk("sync", &unfinished))?;
        disk.rename(&unfinished, &path).map_err(LogError::disk("name a metadata file", &path))?;
        disk.sync_dir(dir).map_err(LogError::disk("sync", dir))
    };
    let result = file();
    if result.is_err() {
        // The space matters when the disk is full; otherwise a later file's writer sweeps it.
        let _removed = disk.remove_file(&unfinished);
    }
    result.map(|()| path)
}

/// Reads the metadata at an offset.
///
/// # Errors
/// [`LogError::Damaged`] or [`LogError::Version`], or a failing disk: a file that is not there, too.
pub fn read(
    disk: &dyn Disk,
    dir: &Path,
    offset: LogOffset,
) -> Result<Vec<FamilyMetadata>, LogError> {
    let path = path(dir, offset);
    let bytes = disk.read(&path).map_err(LogError::disk("read", &path))?;
    let damaged = |position: usize, reason: &str| LogError::Damaged {
        path: path.clone(),
        position: position as u64,
        reason: reason.to_owned(),
    };
    if bytes.len() < HEADER_BYTES + CRC_BYTES || bytes[0..8] != MAGIC {
        return Err(damaged(0, "the header is not what was written"));
    }
    let (summed, crc) = bytes.split_at(bytes.len() - CRC_BYTES);
    if u32_at(crc, 0) != crc32c(summed) {
        return Err(damaged(0, "the file is not what was written"));
    }
    if bytes[8] != VERSION {
        let (found, known) = (bytes[8], VERSION);
        return Err(LogError::Version { path, found, known });
    }
    if u64_at(summed, 16) != offset.0 {
        return Err(damaged(16, "it is of another offset than its name"));
    }
    let (count, mut rest) = (u32_at(summed, 24) as usize, &summed[HEADER_BYTES..]);
    let malformed = |rest: &[u8]| damaged(summed.len() - rest.len(), "an entry is malformed");
    if count > rest.len() / FAMILY_BYTES_MIN {
        return Err(malformed(rest));
    }
    let mut families = Vec::with_capacity(count);
    for _ in 0..count {
        let (entry, tail) = family(rest).ok_or_else(|| malformed(rest))?;
        families.push(entry);
        rest = tail;
    }
    if rest.is_empty() { Ok(families) } else { Err(malformed(rest)) }
}

/// Removes the metadata files of all offsets but one, those that are newer and those that never became
/// one included; returns how many went. A directory that does not exist has none.
///
/// # Errors
/// A failing disk.
pub fn remove_others(
    disk: &dyn Disk,
    dir: &Path,
    kept: Option<LogOffset>,
) -> Result<u64, LogError> {
    let entries = match disk.list(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(LogError::disk("list", dir)(error)),
    };
    let kept = kept.map(|offset| path(dir, offset));
    let mut removed = 0;
    for entry in entries {
        let ours = entry.name.ends_with(EXTENSION) || entry.name.ends_with(UNFINISHED_EXTENSION);
        let path = dir.join(&entry.name);
        if ours && Some(&path) != kept.as_ref() {
            remove_if_there(disk, &path)?;
            removed += 1;
        }
    }
    if removed > 0 {
        disk.sync_dir(dir).map_err(LogError::disk("sync", dir))?;
    }
    Ok(removed)
}

fn encode<'a>(
    offset: LogOffset,
    families: impl ExactSizeIterator<Item = (&'a str, &'a Metadata)>,
) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8] = VERSION;
    bytes[16..24].copy_from_slice(&offset.0.to_le_bytes());
    let count = u32::try_from(families.len()).expect("the number of families is limited");
    bytes[24..28].copy_from_slice(&count.to_le_bytes());
    for (family, metadata) in families {
        put_family(&mut bytes, family, metadata);
    }
    let crc = crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), LogError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::disk("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
