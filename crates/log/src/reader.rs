//! Reading a log while it grows.

use std::{fmt, sync::Arc};

use timberline_model::LogOffset;

use crate::{
    LogError,
    frame::FRAME_ALIGN,
    log::Core,
    scan::{FrameAt, HeaderSearch},
    segment::Segment,
    window::Window,
};

/// A frame as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it begins.
    pub offset: LogOffset,
    /// Where it ends and the next one begins.
    pub end: LogOffset,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// Reads the frames of a log in order, up to what has been written. It holds nothing back: segments
/// may be truncated away under it, and it then says so.
pub struct LogReader {
    core: Arc<Core>,
    at: u64,
    open: Option<(u64, Window)>,
}

impl LogReader {
    pub(crate) fn new(core: Arc<Core>, from: LogOffset) -> Result<Self, LogError> {
        {
            let state = core.state.lock();
            let start = LogOffset(state.start());
            if from < start {
                return Err(LogError::Truncated { offset: from, start });
            }
        }
        Ok(Self { core, at: from.0, open: None })
    }

    /// Where the next frame is expected to begin.
    #[must_use]
    pub fn position(&self) -> LogOffset {
        LogOffset(self.at)
    }

    /// The next frame that has a payload; `None` when all that is written has been read, in which
    /// case a later call may find more.
    ///
    /// # Errors
    /// [`LogError::Truncated`] when the reader was too slow; [`LogError::Damaged`] for a damaged piece,
    /// which the next call steps over; a failing disk.
    #[expect(clippy::should_implement_trait, reason = "`None` means `not yet`, not the end")]
    pub fn next(&mut self) -> Result<Option<Frame>, LogError> {
        self.next_before(LogOffset(u64::MAX))
    }

    /// As [`next`](Self::next), of the frames that end at or before `limit`: the end of a frame.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn next_before(&mut self, limit: LogOffset) -> Result<Option<Frame>, LogError> {
        loop {
            let written = self.core.state.lock().written.min(limit.0);
            if self.at >= written {
                return Ok(None);
            }
            let (segment, next_base) = self.core.segment_at(self.at)?;
            let end = next_base.unwrap_or(written).min(written);
            self.enter(&segment)?;
            let (_, window) = self.open.as_mut().expect("a segment was just opened");
            let (position, limit) =
                (segment.position(self.at), segment.position(end).min(segment.len));
            let offset = LogOffset(self.at);
            let header = match FrameAt::read(window, &segment, position, limit)? {
                FrameAt::Sound(header) => header,
                FrameAt::BadPayload(header) => {
                    self.at += header.frame_bytes();
                    return Err(damaged(segment, position, "the frame's payload"));
                }
                FrameAt::BadHeader => {
                    self.at = next_frame(window, &segment, position, limit)?.unwrap_or(end);
                    return Err(damaged(segment, position, "the frame's header"));
                }
            };
            self.at += header.frame_bytes();
            if header.len > 0 {
                let payload = FrameAt::payload(window, &header, position, limit)?.to_vec();
                return Ok(Some(Frame { offset, end: LogOffset(self.at), payload }));
            }
        }
    }

    fn enter(&mut self, segment: &Segment) -> Result<(), LogError> {
        if self.open.as_ref().is_some_and(|(base, _)| *base == segment.base) {
            return Ok(());
        }
        let window = match Window::open(self.core.disk.as_ref(), &segment.path) {
            Ok(window) => window,
            // It went away between looking it up and opening it.
            Err(LogError::Disk { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let start = LogOffset(self.core.state.lock().start());
                return Err(LogError::Truncated { offset: LogOffset(self.at), start });
            }
            Err(error) => return Err(error),
        };
        self.open = Some((segment.base, window));
        Ok(())
    }
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("at", &self.at).finish_non_exhaustive()
    }
}

/// The offset of the next header in a segment behind a bad one.
fn next_frame(
    window: &mut Window,
    segment: &Segment,
    position: u64,
    limit: u64,
) -> Result<Option<u64>, LogError> {
    let position = (position + 1).next_multiple_of(FRAME_ALIGN as u64);
    let mut search = HeaderSearch { window, segment, position, limit, used_to: 0 };
    Ok(search.next_header()?.map(|(place, _)| segment.offset(place)))
}

fn damaged(segment: Segment, position: u64, what: &str) -> LogError {
    let reason = format!("{what} is not what was written");
    LogError::Damaged { path: segment.path, position, reason }
}
