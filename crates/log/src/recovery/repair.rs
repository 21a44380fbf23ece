//! Making what was recovered durable, and what was cut off impossible to find again.

use std::path::Path;

use timberline_io::Disk;

use super::{Cut, LogError, Segment};
use crate::segment::FIRST_FRAME;

/// Bytes copied at once.
const COPY_BYTES: u64 = 1 << 20;

/// Cuts the log, and writes again what may be in the page cache only: from `doubtful_from` on.
pub(super) fn repair(
    disk: &dyn Disk,
    dir: &Path,
    segments: &mut Vec<Segment>,
    cut: Option<Cut>,
    doubtful_from: Option<u64>,
) -> Result<(), LogError> {
    let mut names_changed = false;
    if let Some(cut) = cut {
        // The last goes first, so that a crash meanwhile leaves a log that is cut at the same place.
        while segments.len() > cut.index + 1 {
            remove_last(disk, segments)?;
            names_changed = true;
        }
        // The only segment stays even without frames, because its name holds the numbering.
        let empty = cut.position <= FIRST_FRAME;
        if empty && (cut.index > 0 || cut.position == 0) {
            remove_last(disk, segments)?;
            names_changed = true;
        } else {
            shorten(disk, &mut segments[cut.index], cut.position)?;
        }
    }
    if let Some(doubtful_from) = doubtful_from {
        for (index, segment) in segments.iter().enumerate() {
            let end = segments
                .get(index + 1)
                .map_or(segment.len, |next| segment.len.min(segment.position(next.base)));
            let begin = match doubtful_from.checked_sub(segment.base) {
                Some(ahead) if ahead > 0 => FIRST_FRAME.saturating_add(ahead),
                _ => 0,
            };
            if begin < end {
                write_again(disk, segment, begin, end)?;
            }
        }
    }
    if names_changed || doubtful_from.is_some() {
        disk.sync_dir(dir).map_err(LogError::disk("sync", dir))?;
    }
    Ok(())
}

fn remove_last(disk: &dyn Disk, segments: &mut Vec<Segment>) -> Result<(), LogError> {
    let segment = segments.pop().expect("there is a segment to remove");
    disk.remove_file(&segment.path).map_err(LogError::disk("remove", segment.path))
}

fn shorten(disk: &dyn Disk, segment: &mut Segment, len: u64) -> Result<(), LogError> {
    if segment.len > len {
        let path = &segment.path;
        let file = disk.open(path).map_err(LogError::disk("open", path))?;
        file.set_len(len).map_err(LogError::disk("cut", path))?;
        file.sync_data().map_err(LogError::disk("sync", path))?;
        segment.len = len;
    }
    Ok(())
}

/// Writes the bytes that are there once more and syncs them. After a failed sync the system may take
/// for clean what never reached the disk; only writing makes it dirty again.
fn write_again(
    disk: &dyn Disk,
    segment: &Segment,
    mut position: u64,
    end: u64,
) -> Result<(), LogError> {
    let path = &segment.path;
    let file = disk.open(path).map_err(LogError::disk("open", path))?;
    let mut buffer = Vec::new();
    while position < end {
        let len = (end - position).min(COPY_BYTES);
        buffer.resize(usize::try_from(len).expect("bounded by a constant"), 0);
        file.read_exact_at(&mut buffer, position).map_err(LogError::disk("read", path))?;
        file.write_all_at(&buffer, position).map_err(LogError::disk("write", path))?;
        position += len;
    }
    file.sync_data().map_err(LogError::disk("sync", path))
}
