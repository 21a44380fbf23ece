//! Making what was recovered durable, and what was cut off impossible to find again.

use std::{io, path::Path};

use timberline_io::{Disk, DiskFile};

use super::{Cut, LogError, Segment, readable};
use crate::{Payload, frame::put_frame, segment::FIRST_FRAME};

/// Bytes copied at once.
const COPY_BYTES: u64 = 1 << 20;

/// Cuts the log: the rest of one segment, and all later ones.
pub(super) fn cut_off(
    disk: &dyn Disk,
    dir: &Path,
    segments: &mut Vec<Segment>,
    cut: Cut,
) -> Result<(), LogError> {
    let count = segments.len();
    // The last goes first, so that a crash meanwhile leaves a log that is cut at the same place.
    while segments.len() > cut.index + 1 {
        remove_last(disk, segments)?;
    }
    // The only segment stays even without frames, because its name holds the numbering.
    let empty = cut.position <= FIRST_FRAME;
    if empty && (cut.index > 0 || cut.position == 0) {
        remove_last(disk, segments)?;
    } else {
        shorten(disk, &mut segments[cut.index], cut.position)?;
    }
    if segments.len() < count {
        disk.sync_dir(dir).map_err(LogError::disk("sync", dir))?;
    }
    Ok(())
}

/// Writes again what may be in the page cache only: all from an offset on.
pub(crate) fn make_durable(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[Segment],
    doubtful_from: u64,
) -> Result<(), LogError> {
    for (index, segment) in segments.iter().enumerate() {
        let end = readable(segment, segments.get(index + 1).map(|next| next.base));
        let begin = match doubtful_from.checked_sub(segment.base) {
            Some(ahead) if ahead > 0 => FIRST_FRAME.saturating_add(ahead),
            _ => 0,
        };
        if begin < end {
            write_again(disk, segment, begin, end)?;
        }
    }
    disk.sync_dir(dir).map_err(LogError::disk("sync", dir))
}

/// Ends the last segment with a frame that says that all before it is durable, if it reaches up to the
/// end of the log. Returns the new end.
pub(super) fn bear_witness(disk: &dyn Disk, last: &mut Segment, end: u64) -> Result<u64, LogError> {
    if last.len < FIRST_FRAME || last.offset(last.len) != end {
        return Ok(end);
    }
    let mut frame = Vec::new();
    put_frame(&mut frame, Payload::new(&[]), end, end);
    let file = disk.open(&last.path).map_err(LogError::disk("open", &last.path))?;
    match file.write_all_at(&frame, last.len) {
        // Reading a log must not need space.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(end),
        result => result.map_err(LogError::disk("write", &last.path))?,
    }
    file.sync_data().map_err(LogError::disk("sync", &last.path))?;
    last.len += frame.len() as u64;
    Ok(end + frame.len() as u64)
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
    change_len_back_and_forth(file.as_ref(), segment)?;
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

/// Makes the file's length dirty as its bytes are made. Never shorter than it is: what lies at its
/// end may be acknowledged.
fn change_len_back_and_forth(file: &dyn DiskFile, segment: &Segment) -> Result<(), LogError> {
    match file.set_len(segment.len + 1) {
        // Reading a log must not need space; only a length that a failed sync left stays in doubt.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
        result => result.map_err(LogError::disk("lengthen", &segment.path))?,
    }
    file.set_len(segment.len).map_err(LogError::disk("cut", &segment.path))
}
