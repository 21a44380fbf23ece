//! The checkpoint: the dictionary of all series at an offset of the log, in one file.
//! The format is described in `docs/formats/checkpoint.md`.
//!
//! What it is not: it holds no samples. With it, the log before its offset is not needed to know what
//! a series reference means.
//!
//! Invariant: a file with a checkpoint's name is complete; it gets that name last. Reading it gives
//! every series that was written, or an error.

use std::{
    io,
    path::{Path, PathBuf},
};

use timberline_codec::{
    crc::crc32c,
    varint::{ivarint, put_ivarint, put_uvarint, uvarint},
};
use timberline_io::{Disk, DiskFile};
use timberline_model::{Labels, LogOffset, SeriesRef};

use crate::{
    LogError, directory,
    frame::{u32_at, u64_at},
    window::Window,
};

const MAGIC: [u8; 8] = *b"TMBRDICT";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 32;
/// Before the entries of a block: their length in bytes and their number.
const BLOCK_HEADER_BYTES: usize = 8;
const CRC_BYTES: usize = 4;
/// What stands in the place of the number of entries in the last block.
const LAST_BLOCK: u32 = u32::MAX;
/// Bytes of entries at which a block ends.
const BLOCK_BYTES: usize = 64 << 10;
const EXTENSION: &str = ".dict";
const UNFINISHED_EXTENSION: &str = ".dict.tmp";
const NAME_DIGITS: usize = 20;

/// Writes the dictionary at an offset, durably, and returns its path. The directory is made if need
/// be; a file that is there for the same offset is replaced.
///
/// # Errors
/// A failing or full disk. No file has the checkpoint's name then.
pub fn write(
    disk: &dyn Disk,
    dir: &Path,
    offset: LogOffset,
    series: impl Iterator<Item = (SeriesRef, Labels)>,
) -> Result<PathBuf, LogError> {
    if names(disk, dir)?.is_empty() {
        directory::make(disk, dir)?;
    }
    let name = format!("{:0NAME_DIGITS$}", offset.0);
    let unfinished = dir.join(format!("{name}{UNFINISHED_EXTENSION}"));
    let path = dir.join(format!("{name}{EXTENSION}"));
    remove_if_there(disk, &unfinished)?;
    let result = write_file(disk, &unfinished, offset, series)
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

/// Reads a dictionary, calls `each` with every series in the order of writing, and returns the offset
/// at which it was written.
///
/// # Errors
/// [`LogError::Damaged`] or [`LogError::Version`], or a failing disk; `each` may have been called
/// with series that are sound.
pub fn read(
    disk: &dyn Disk,
    path: &Path,
    each: &mut dyn FnMut(SeriesRef, Labels),
) -> Result<LogOffset, LogError> {
    let mut reader = Reader::open(disk, path)?;
    let offset = reader.header()?;
    let mut count = 0;
    loop {
        match reader.block(each)? {
            Block::Entries(entries) => count += entries,
            Block::Last { total } if total == count => return Ok(offset),
            Block::Last { .. } => return Err(reader.damaged("blocks are missing")),
        }
    }
}

/// Reads what can be read of a damaged dictionary: calls `each` with every series of the blocks that have
/// their checksum, and returns how many damaged places there are. What stood in them is lost.
///
/// # Errors
/// A failing disk, or a file of another version.
pub fn salvage(
    disk: &dyn Disk,
    path: &Path,
    each: &mut dyn FnMut(SeriesRef, Labels),
) -> Result<u64, LogError> {
    let mut reader = Reader::open(disk, path)?;
    let mut damaged = match reader.header() {
        Ok(_) => 0,
        Err(LogError::Damaged { .. }) => 1,
        Err(error) => return Err(error),
    };
    let mut position = HEADER_BYTES as u64;
    while position < reader.len {
        reader.position = position;
        match reader.block(each) {
            Ok(Block::Entries(_)) => position = reader.position,
            Ok(Block::Last { .. }) => break,
            Err(LogError::Damaged { .. }) => {
                damaged += 1;
                // A sound length leads to the next block; without one, nothing behind is found.
                let header = reader.window.at(position, BLOCK_HEADER_BYTES, reader.len)?;
                let Some(len) = header.map(|bytes| u64::from(u32_at(bytes, 0))) else { break };
                position += BLOCK_HEADER_BYTES as u64 + len + CRC_BYTES as u64;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(damaged)
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
    series: impl Iterator<Item = (SeriesRef, Labels)>,
) -> Result<(), LogError> {
    let file = disk.create(path, 0).map_err(LogError::disk("create", path))?;
    let mut out = Output { file, path, position: 0 };
    out.put(&header(offset))?;
    let (mut block, mut count, mut total, mut previous) = (new_block(), 0_u32, 0_u64, 0_u64);
    for (series, labels) in series {
        put_ivarint(&mut block, series.0.wrapping_sub(previous) as i64);
        put_uvarint(&mut block, labels.as_bytes().len() as u64);
        block.extend_from_slice(labels.as_bytes());
        previous = series.0;
        count += 1;
        total += 1;
        if block.len() >= BLOCK_BYTES {
            out.put_block(&mut block, count)?;
            // Each block can be read by itself.
            (count, previous) = (0, 0);
        }
    }
    if count > 0 {
        out.put_block(&mut block, count)?;
    }
    block.extend_from_slice(&total.to_le_bytes());
    out.put_block(&mut block, LAST_BLOCK)?;
    out.file.sync_data().map_err(LogError::disk("sync", path))
}

fn new_block() -> Vec<u8> {
    vec![0; BLOCK_HEADER_BYTES]
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

    /// Completes a block, writes it and begins the next.
    fn put_block(&mut self, block: &mut Vec<u8>, count: u32) -> Result<(), LogError> {
        let len = u32::try_from(block.len() - BLOCK_HEADER_BYTES)
            .expect("a block ends soon after its limit, and labels are limited");
        block[0..4].copy_from_slice(&len.to_le_bytes());
        block[4..8].copy_from_slice(&count.to_le_bytes());
        let crc = crc32c(block);
        block.extend_from_slice(&crc.to_le_bytes());
        self.put(block)?;
        *block = new_block();
        Ok(())
    }
}

/// What one block held.
enum Block {
    Entries(u64),
    Last { total: u64 },
}

/// The file being read.
struct Reader {
    window: Window,
    path: PathBuf,
    len: u64,
    position: u64,
}

impl Reader {
    fn open(disk: &dyn Disk, path: &Path) -> Result<Self, LogError> {
        let window = Window::open(disk, path)?;
        let len = window.file_len()?;
        Ok(Self { window, path: path.to_owned(), len, position: 0 })
    }

    fn header(&mut self) -> Result<LogOffset, LogError> {
        let bytes = self.window.at(0, HEADER_BYTES, self.len)?.unwrap_or_default();
        let sound = bytes.len() == HEADER_BYTES
            && bytes[0..8] == MAGIC
            && u32_at(bytes, 28) == crc32c(&bytes[..28]);
        if !sound {
            return Err(self.damaged("the header is not what was written"));
        }
        let (version, offset) = (bytes[8], u64_at(bytes, 16));
        if version != VERSION {
            return Err(LogError::Version {
                path: self.path.clone(),
                found: version,
                known: VERSION,
            });
        }
        self.position = HEADER_BYTES as u64;
        Ok(LogOffset(offset))
    }

    fn block(&mut self, each: &mut dyn FnMut(SeriesRef, Labels)) -> Result<Block, LogError> {
        let Self { window, len: file_len, position, .. } = self;
        let (len, count) = match window.at(*position, BLOCK_HEADER_BYTES, *file_len)? {
            Some(bytes) => (u32_at(bytes, 0) as usize, u32_at(bytes, 4)),
            None => return Err(self.damaged("the file ends before its last block")),
        };
        let whole_len = BLOCK_HEADER_BYTES + len + CRC_BYTES;
        let Some(whole) = window.at(*position, whole_len, *file_len)? else {
            return Err(self.damaged("the file ends within a block"));
        };
        let (summed, crc) = whole.split_at(whole_len - CRC_BYTES);
        if u32_at(crc, 0) != crc32c(summed) {
            return Err(self.damaged("a block is not what was written"));
        }
        let entries = &summed[BLOCK_HEADER_BYTES..];
        let end = *position + whole_len as u64;
        if count == LAST_BLOCK {
            let total = entries.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
            return match total {
                Some(total) if end == *file_len => Ok(Block::Last { total }),
                _ => Err(self.damaged("the last block is not the end of the file")),
            };
        }
        if !each_entry(entries, count, each) {
            return Err(self.damaged("an entry is malformed"));
        }
        *position = end;
        Ok(Block::Entries(u64::from(count)))
    }

    fn damaged(&self, reason: &str) -> LogError {
        LogError::Damaged {
            path: self.path.clone(),
            position: self.position,
            reason: reason.to_owned(),
        }
    }
}

/// Reads exactly `count` entries that fill the bytes; says whether it could.
fn each_entry(mut bytes: &[u8], count: u32, each: &mut dyn FnMut(SeriesRef, Labels)) -> bool {
    let mut previous = 0_u64;
    for _ in 0..count {
        let Some((series, labels, rest)) = split_entry(bytes, previous) else { return false };
        each(SeriesRef(series), labels);
        previous = series;
        bytes = rest;
    }
    bytes.is_empty()
}

fn split_entry(bytes: &[u8], previous: u64) -> Option<(u64, Labels, &[u8])> {
    let (delta, rest) = ivarint(bytes)?;
    let (len, rest) = uvarint(rest)?;
    let (labels, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    Some((previous.wrapping_add(delta as u64), Labels::from_bytes(labels).ok()?, rest))
}

#[cfg(test)]
mod tests;
