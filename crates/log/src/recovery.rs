//! What a log finds when it opens: the frames to replay, a torn tail to cut, damage to name.
//!
//! A frame says up to where the log was durable when it was made. So a bad frame that some later
//! frame knows to have been durable has been damaged since, and is named and stepped over; a bad frame
//! that no later one vouches for is where unsynced writes were lost, and the log ends there.
//!
//! Invariant: nothing is replayed that lies behind the cut, and nothing behind the cut can ever be
//! read again.

mod repair;

pub(crate) use repair::make_durable;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use timberline_io::Disk;
use timberline_model::LogOffset;

use crate::{
    LogError, directory,
    frame::{FRAME_ALIGN, FRAME_HEADER_BYTES, FrameHeader},
    scan::{FrameAt, HeaderSearch},
    segment::{self, FIRST_FRAME, SEGMENT_HEADER_BYTES, Segment},
    spare::SPARE_EXTENSION,
    window::Window,
};

/// What opening a log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Where the last frame ends. May lie before the offset that replay was asked for; the log itself
    /// then goes on at that offset.
    pub end: LogOffset,
    /// Frames that were replayed.
    pub frames: u64,
    /// Bytes of unsynced writes that were found incomplete, and cut off.
    pub torn_bytes: u64,
    /// Pieces that had been durable and are no longer what was written. They were stepped over.
    pub damaged: Vec<Damage>,
}

/// A damaged piece of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment file.
    pub segment: PathBuf,
    /// Where in the file the piece begins.
    pub position: u64,
    /// How long it is.
    pub bytes: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, position, bytes, reason } = self;
        write!(f, "{}: {bytes} bytes from byte {position} on: {reason}", segment.display())
    }
}

/// What recovery leaves to the log.
pub(crate) struct Recovered {
    /// None of them takes more frames.
    pub(crate) segments: Vec<Segment>,
    pub(crate) recovery: Recovery,
    /// From here on there are only frames without payloads, which may be in the page cache only. To
    /// be made durable before anything is appended: until then nobody misses them.
    pub(crate) doubtful_from: Option<u64>,
}

/// Reads the log of a directory, and leaves what it replayed durable and whole.
pub(crate) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    from: u64,
    replay: &mut dyn FnMut(LogOffset, &[u8]),
) -> Result<Recovered, LogError> {
    let mut segments = segments_in(disk, dir)?;
    let mut scan = Scan::new(disk, &segments, from, replay);
    scan.run()?;
    let Scan { mut recovery, cut, durable_to, payloads_to, .. } = scan;
    if let Some(cut) = cut {
        repair::cut_off(disk, dir, &mut segments, cut)?;
    }
    // What knew that the damaged pieces had been durable may just have been cut off.
    let lost_witness = cut.is_some() && !recovery.damaged.is_empty();
    let mut doubtful_from = (recovery.end.0 > durable_to).then_some(durable_to);
    if payloads_to > durable_to || lost_witness {
        make_durable(disk, dir, &segments, durable_to)?;
        doubtful_from = None;
        // From now on a change of what was replayed is damage, and no torn write.
        if let Some(last) = segments.last_mut() {
            recovery.end = LogOffset(repair::bear_witness(disk, last, recovery.end.0)?);
        }
    }
    Ok(Recovered { segments, recovery, doubtful_from })
}

/// The segments of a directory by base. Makes the directory and sweeps what never became a segment.
fn segments_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<Segment>, LogError> {
    let entries = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        entries => entries.map_err(LogError::disk("list", dir))?,
    };
    let mut segments = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.is_dir) {
        let path = dir.join(&entry.name);
        if let Some(base) = segment::base_of(&entry.name) {
            segments.push(Segment { base, path, len: entry.len });
        } else if entry.name.ends_with(SPARE_EXTENSION) {
            disk.remove_file(&path).map_err(LogError::disk("remove", path))?;
        }
    }
    if segments.is_empty() {
        directory::make(disk, dir)?;
    }
    segments.sort_by_key(|segment| segment.base);
    Ok(segments)
}

/// Where the log is cut: the rest of that segment and all later segments go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    index: usize,
    /// In the file; zero when not even the segment's header is sound.
    position: u64,
}

/// One pass over the segments.
struct Scan<'a> {
    disk: &'a dyn Disk,
    segments: &'a [Segment],
    from: u64,
    replay: &'a mut dyn FnMut(LogOffset, &[u8]),
    recovery: Recovery,
    cut: Option<Cut>,
    /// All before this is known to have been durable.
    durable_to: u64,
    /// Where the last frame with a payload ends.
    payloads_to: u64,
}

impl<'a> Scan<'a> {
    fn new(
        disk: &'a dyn Disk,
        segments: &'a [Segment],
        from: u64,
        replay: &'a mut dyn FnMut(LogOffset, &[u8]),
    ) -> Self {
        let recovery = Recovery::default();
        Self { disk, segments, from, replay, recovery, cut: None, durable_to: from, payloads_to: 0 }
    }

    fn run(&mut self) -> Result<(), LogError> {
        // Earlier segments hold nothing that ends after `from`.
        let first = self.segments.partition_point(|s| s.base <= self.from).saturating_sub(1);
        for index in first..self.segments.len() {
            self.scan_segment(index)?;
            if self.cut.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn scan_segment(&mut self, index: usize) -> Result<(), LogError> {
        let segment = &self.segments[index];
        let next_base = self.segments.get(index + 1).map(|next| next.base);
        let limit = readable(segment, next_base);
        let mut window = Window::open(self.disk, &segment.path)?;
        self.recovery.end = LogOffset(segment.base);
        let header = window.at(0, SEGMENT_HEADER_BYTES, segment.len)?.unwrap_or_default();
        if !segment::check_header(&segment.path, header, segment.base)? {
            if !self.is_damage(index, FIRST_FRAME, segment.base)? {
                self.cut = Some(Cut { index, position: 0 });
                return Ok(());
            }
            self.name_damage(
                segment,
                0,
                FIRST_FRAME,
                "the segment's header is not what was written",
            );
        }
        let mut position = self.first_position(&mut window, segment, limit)?;
        loop {
            let offset = segment.offset(position);
            self.recovery.end = LogOffset(offset);
            let at_end = next_base.map_or(position == limit, |next| next == offset);
            if at_end {
                return Ok(());
            }
            let found = FrameAt::read(&mut window, segment, position, limit)?;
            if let FrameAt::Sound(header) = found {
                let payload = FrameAt::payload(&mut window, &header, position, limit)?;
                self.take(&header, payload);
                position += header.frame_bytes();
                continue;
            }
            if !self.is_damage(index, position, offset)? {
                self.cut = Some(Cut { index, position });
                return Ok(());
            }
            match self.step_over(found, &mut window, index, position)? {
                Some(next) => position = next,
                None => return Ok(()),
            }
        }
    }

    /// Replays a sound frame.
    fn take(&mut self, header: &FrameHeader, payload: &[u8]) {
        self.durable_to = self.durable_to.max(header.durable_to);
        let end = header.offset + header.frame_bytes();
        if header.len > 0 {
            self.payloads_to = end;
            if end > self.from {
                self.recovery.frames += 1;
                (self.replay)(LogOffset(end), payload);
            }
        }
    }

    /// Names a damaged frame and returns where to go on in the segment, if anywhere.
    fn step_over(
        &mut self,
        found: FrameAt,
        window: &mut Window,
        index: usize,
        position: u64,
    ) -> Result<Option<u64>, LogError> {
        let segment = &self.segments[index];
        let next_base = self.segments.get(index + 1).map(|next| next.base);
        let limit = readable(segment, next_base);
        if let FrameAt::BadPayload(header) = found {
            let next = position + header.frame_bytes();
            self.name_damage(segment, position, next, "a frame's payload is not what was written");
            return Ok(Some(next));
        }
        // The header here may be sound, when the file was cut within its frame: look behind it.
        let behind = position + FRAME_ALIGN as u64;
        let mut search = HeaderSearch { window, segment, position: behind, limit, used_to: behind };
        if let Some((next, _)) = search.next_header()? {
            self.name_damage(segment, position, next, "a frame's header is not what was written");
            return Ok(Some(next));
        }
        if let Some(next_base) = next_base {
            let end = segment.position(next_base);
            self.name_damage(segment, position, end, "frames are missing before the next segment");
            self.recovery.end = LogOffset(next_base);
        } else {
            self.name_damage(segment, position, limit, "frames are missing at the end");
            self.cut = Some(Cut { index, position });
        }
        Ok(None)
    }

    /// Where to begin in a segment: at `from` if a frame begins there or the file ends there, as is
    /// usual; at the first frame otherwise.
    fn first_position(
        &self,
        window: &mut Window,
        segment: &Segment,
        limit: u64,
    ) -> Result<u64, LogError> {
        let ahead = self.from.saturating_sub(segment.base);
        let Some(position) = FIRST_FRAME.checked_add(ahead).filter(|position| *position <= limit)
        else {
            return Ok(FIRST_FRAME);
        };
        let begins = position == limit
            || window
                .at(position, FRAME_HEADER_BYTES, limit)?
                .is_some_and(|bytes| FrameHeader::parse(bytes, self.from).is_some());
        Ok(if begins && ahead.is_multiple_of(FRAME_ALIGN as u64) { position } else { FIRST_FRAME })
    }

    /// Whether something knows that the bad piece at `offset` had been durable: the caller of the
    /// recovery, or a frame that stands behind it. If nothing does, counts what is cut off.
    fn is_damage(&mut self, index: usize, position: u64, offset: u64) -> Result<bool, LogError> {
        if self.from > offset {
            return Ok(true);
        }
        let mut torn_bytes = 0;
        for (later, segment) in self.segments.iter().enumerate().skip(index) {
            let limit = readable(segment, self.segments.get(later + 1).map(|next| next.base));
            let position = if later == index { position } else { FIRST_FRAME };
            let window = &mut Window::open(self.disk, &segment.path)?;
            let mut search = HeaderSearch { window, segment, position, limit, used_to: position };
            while let Some((_, header)) = search.next_header()? {
                if header.durable_to > offset {
                    return Ok(true);
                }
            }
            torn_bytes += search.used_to - position;
        }
        self.recovery.torn_bytes = torn_bytes;
        Ok(false)
    }

    fn name_damage(&mut self, segment: &Segment, position: u64, end: u64, reason: &str) {
        self.recovery.damaged.push(Damage {
            segment: segment.path.clone(),
            position,
            bytes: end.saturating_sub(position),
            reason: reason.to_owned(),
        });
    }
}

/// Where the bytes of a segment end that may hold frames: where the next segment takes over.
fn readable(segment: &Segment, next_base: Option<u64>) -> u64 {
    next_base.map_or(segment.len, |base| segment.len.min(segment.position(base)))
}
