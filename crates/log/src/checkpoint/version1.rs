//! Version 1 of the checkpoint, which is read and no longer written: every series with its labels, in
//! blocks of 64 KiB.

use std::path::{Path, PathBuf};

use timberline_codec::{
    crc::crc32c,
    varint::{ivarint, uvarint},
};
use timberline_io::Disk;
use timberline_model::{Labels, SeriesRef};

use super::HEADER_BYTES;
use crate::{LogError, frame::u32_at, window::Window};

/// Before the entries of a block: their length in bytes and their number.
const BLOCK_HEADER_BYTES: usize = 8;
const CRC_BYTES: usize = 4;
/// What stands in the place of the number of entries in the last block.
const LAST_BLOCK: u32 = u32::MAX;

/// Calls `each` with every series in the order of writing.
pub(super) fn read(
    disk: &dyn Disk,
    path: &Path,
    each: &mut dyn FnMut(SeriesRef, Labels),
) -> Result<(), LogError> {
    let mut reader = Reader::open(disk, path)?;
    let mut count = 0;
    loop {
        match reader.block(each)? {
            Block::Entries(entries) => count += entries,
            Block::Last { total } if total == count => return Ok(()),
            Block::Last { .. } => return Err(reader.damaged("blocks are missing")),
        }
    }
}

/// Calls `each` with every series of the blocks that have their checksum, and returns how many others there
/// are.
pub(super) fn salvage(
    disk: &dyn Disk,
    path: &Path,
    each: &mut dyn FnMut(SeriesRef, Labels),
) -> Result<u64, LogError> {
    let mut reader = Reader::open(disk, path)?;
    let mut damaged = 0;
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
        Ok(Self { window, path: path.to_owned(), len, position: HEADER_BYTES as u64 })
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
