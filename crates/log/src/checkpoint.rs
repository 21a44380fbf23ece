//! The checkpoint: the dictionary of all series at an offset of the log, in one file.
//! The format is described in `docs/formats/checkpoint.md`.
//!
//! What it is not: it holds no samples. With it, definitions in the log before its offset are not needed
//! to know what a series reference means.
//!
//! Invariant: a file with a checkpoint's name is complete; it gets that name last. Reading it gives
//! every series that was written, or an error.

use std::{
    io,
    path::{Path, PathBuf},
};

use timberline_codec::crc::crc32c;
use timberline_io::{Disk, DiskFile};
use timberline_model::{Labels, LogOffset, SeriesRef};

use crate::{
    LogError, directory,
    frame::{u32_at, u64_at},
    window::Window,
};

mod part;
mod series;
mod version1;

pub use part::{Part, PartEncoder, PartSeries};
pub use series::{parts_of, read, salvage};

const MAGIC: [u8; 8] = *b"TMBRDICT";
const VERSION: u8 = 2;
const HEADER_BYTES: usize = 32;
const PART_HEADER_BYTES: usize = 24;
/// What stands in the place of a part's number behind the last part.
const END: u32 = u32::MAX;
const EXTENSION: &str = ".dict";
const UNFINISHED_EXTENSION: &str = ".dict.tmp";
const NAME_DIGITS: usize = 20;

/// A dictionary that is being read.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    version: u8,
    offset: LogOffset,
    parts: Vec<Place>,
}

/// Where a part is in its file.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: u32,
    position: u64,
    len: usize,
    crc: u32,
}

impl Checkpoint {
    /// Opens a dictionary and finds its parts, whose content is checked when it is read.
    ///
    /// # Errors
    /// [`LogError::Damaged`] or [`LogError::Version`], or a failing disk.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self, LogError> {
        let mut window = Window::open(disk, path)?;
        let len = window.file_len()?;
        let header = window.at(0, HEADER_BYTES, len)?.unwrap_or_default();
        let sound = header.len() == HEADER_BYTES
            && header[0..8] == MAGIC
            && u32_at(header, 28) == crc32c(&header[..28]);
        if !sound {
            return Err(damaged(path, 0, "the header is not what was written"));
        }
        let (version, offset) = (header[8], LogOffset(u64_at(header, 16)));
        let parts = match version {
            1 => Vec::new(),
            VERSION => {
                let mut parts = Vec::new();
                find_parts(&mut window, path, len, &mut parts)?;
                parts
            }
            found => {
                return Err(LogError::Version { path: path.to_owned(), found, known: VERSION });
            }
        };
        Ok(Self { path: path.to_owned(), version, offset, parts })
    }

    /// The offset of the log at which it was written.
    #[must_use]
    pub const fn offset(&self) -> LogOffset {
        self.offset
    }

    /// How many parts it has, which may be read in any order and at once. None in a file of version 1.
    #[must_use]
    pub const fn part_count(&self) -> usize {
        self.parts.len()
    }

    /// Reads a part into a buffer.
    ///
    /// # Errors
    /// [`LogError::Damaged`], or a failing disk.
    ///
    /// # Panics
    /// When there is no such part.
    pub fn part<'a>(
        &self,
        disk: &dyn Disk,
        index: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Part<'a>, LogError> {
        let place = self.parts[index];
        let file = disk.open(&self.path).map_err(LogError::disk("open", &self.path))?;
        buffer.resize(place.len, 0);
        file.read_exact_at(buffer, place.position).map_err(LogError::disk("read", &self.path))?;
        if crc32c(buffer) != place.crc {
            return Err(damaged(&self.path, place.position, "a part is not what was written"));
        }
        Part::decode(place.number, buffer).map_err(|error| self.damaged_part(index, &error))
    }

    /// What is wrong with a part whose checksum is right.
    fn damaged_part(&self, index: usize, reason: &LogError) -> LogError {
        damaged(&self.path, self.parts[index].position, &reason.to_string())
    }

    /// Calls `each` with every series of a file of version 1, which has no parts.
    ///
    /// # Errors
    /// [`LogError::Damaged`], or a failing disk; `each` may have been called with series that are sound.
    pub fn read_whole(
        &self,
        disk: &dyn Disk,
        each: &mut dyn FnMut(SeriesRef, Labels),
    ) -> Result<(), LogError> {
        if self.version > 1 { Ok(()) } else { version1::read(disk, &self.path, each) }
    }
}

/// Finds the parts of a file, which they fill up to its end; those before an error are found, too.
fn find_parts(
    window: &mut Window,
    path: &Path,
    file_len: u64,
    parts: &mut Vec<Place>,
) -> Result<(), LogError> {
    let mut position = HEADER_BYTES as u64;
    loop {
        let Some(header) = window.at(position, PART_HEADER_BYTES, file_len)? else {
            return Err(damaged(path, position, "the file ends before its last part"));
        };
        if u32_at(header, 20) != crc32c(&header[..20]) {
            return Err(damaged(path, position, "the header of a part is not what was written"));
        }
        let (number, len, crc) = (u32_at(header, 0), u64_at(header, 8), u32_at(header, 16));
        position += PART_HEADER_BYTES as u64;
        if number == END {
            let whole = len == parts.len() as u64 && position == file_len;
            let reason = "parts are missing, or something stands behind them";
            return if whole { Ok(()) } else { Err(damaged(path, position, reason)) };
        }
        let repeated = parts.last().is_some_and(|last| last.number >= number);
        let end = position.checked_add(len).filter(|end| *end <= file_len && !repeated);
        let (Some(end), Ok(len)) = (end, usize::try_from(len)) else {
            return Err(damaged(path, position, "a part that is not in its place"));
        };
        parts.push(Place { number, position, len, crc });
        position = end;
    }
}

fn damaged(path: &Path, position: u64, reason: &str) -> LogError {
    LogError::Damaged { path: path.to_owned(), position, reason: reason.to_owned() }
}

/// Writes the dictionary at an offset, durably, and returns its path. The directory is made if need
/// be; a file that is there for the same offset is replaced. The parts' numbers ascend.
///
/// # Errors
/// A failing or full disk. No file has the checkpoint's name then.
pub fn write(
    disk: &dyn Disk,
    dir: &Path,
    offset: LogOffset,
    parts: impl Iterator<Item = PartEncoder>,
) -> Result<PathBuf, LogError> {
    if names(disk, dir)?.is_empty() {
        directory::make(disk, dir)?;
    }
    let name = format!("{:0NAME_DIGITS$}", offset.0);
    let unfinished = dir.join(format!("{name}{UNFINISHED_EXTENSION}"));
    let path = dir.join(format!("{name}{EXTENSION}"));
    remove_if_there(disk, &unfinished)?;
    let result = write_file(disk, &unfinished, offset, parts)
        .and_then(|()| {
            disk.rename(&unfinished, &path).map_err(LogError::disk("name a checkpoint", &path))
        })
        .and_then(|()| disk.sync_dir(dir).map_err(LogError::disk("sync", dir)));
    if result.is_err() {
        // The space matters when the disk is full; otherwise a later checkpoint sweeps it.
        let _removed = disk.remove_file(&unfinished);
    }
    result.map(|()| path)
}

/// The checkpoints of a directory, ascending by offset. A directory that does not exist has none.
///
/// # Errors
/// A failing disk.
pub fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<(LogOffset, PathBuf)>, LogError> {
    let mut found: Vec<_> = names(disk, dir)?
        .into_iter()
        .filter_map(|name| Some((offset_of(&name)?, dir.join(name))))
        .collect();
    found.sort();
    Ok(found)
}

/// Removes the checkpoints before an offset and what never became one; returns how many files went.
///
/// # Errors
/// A failing disk.
pub fn remove_before(disk: &dyn Disk, dir: &Path, offset: LogOffset) -> Result<u64, LogError> {
    let mut removed = 0;
    for name in names(disk, dir)? {
        let old = offset_of(&name).is_some_and(|of| of < offset);
        if old || name.ends_with(UNFINISHED_EXTENSION) {
            remove_if_there(disk, &dir.join(name))?;
            removed += 1;
        }
    }
    if removed > 0 {
        disk.sync_dir(dir).map_err(LogError::disk("sync", dir))?;
    }
    Ok(removed)
}

fn names(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, LogError> {
    match disk.list(dir) {
        Ok(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(LogError::disk("list", dir)(error)),
    }
}

fn offset_of(name: &str) -> Option<LogOffset> {
    let digits = name.strip_suffix(EXTENSION)?;
    let plain = digits.len() == NAME_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().map(LogOffset)
}

fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), LogError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::disk("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn header(offset: LogOffset) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8] = VERSION;
    bytes[16..24].copy_from_slice(&offset.0.to_le_bytes());
    let crc = crc32c(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn write_file(
    disk: &dyn Disk,
    path: &Path,
    offset: LogOffset,
    parts: impl Iterator<Item = PartEncoder>,
) -> Result<(), LogError> {
    let file = disk.create(path, 0).map_err(LogError::disk("create", path))?;
    let mut out = Output { file, path, position: 0 };
    out.put(&header(offset))?;
    let (mut count, mut previous) = (0, None);
    for part in parts {
        let number = part.number();
        assert!(number != END && previous < Some(number), "the numbers of parts ascend");
        previous = Some(number);
        count += 1;
        let content = part.finish();
        out.put(&part_header(number, content.len() as u64, crc32c(&content)))?;
        out.put(&content)?;
    }
    out.put(&part_header(END, count, 0))?;
    out.file.sync_data().map_err(LogError::disk("sync", path))
}

fn part_header(number: u32, len: u64, content_crc: u32) -> [u8; PART_HEADER_BYTES] {
    let mut bytes = [0; PART_HEADER_BYTES];
    bytes[0..4].copy_from_slice(&number.to_le_bytes());
    bytes[8..16].copy_from_slice(&len.to_le_bytes());
    bytes[16..20].copy_from_slice(&content_crc.to_le_bytes());
    let crc = crc32c(&bytes[..20]);
    bytes[20..24].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The file being written.
struct Output<'a> {
    file: Box<dyn DiskFile>,
    path: &'a Path,
    position: u64,
}

impl Output<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.file.write_all_at(bytes, self.position).map_err(LogError::disk("write", self.path))?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
