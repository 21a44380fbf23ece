//! Finding frames in the bytes of a segment, sound or not.

use crate::{
    LogError,
    frame::{FRAME_ALIGN, FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader, u32_at, u64_at},
    segment::Segment,
    window::Window,
};

/// What stands at a position where a frame should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameAt {
    /// A frame, all of it as it was written.
    Sound(FrameHeader),
    /// A frame's header, and a payload that is not the one it was written for.
    BadPayload(FrameHeader),
    /// No header of a frame that lies wholly before the limit.
    BadHeader,
}

impl FrameAt {
    /// Checks the frame at `position`. `limit` is where the segment's readable bytes end.
    pub(crate) fn read(
        window: &mut Window,
        segment: &Segment,
        position: u64,
        limit: u64,
    ) -> Result<Self, LogError> {
        let header = match window.at(position, FRAME_HEADER_BYTES, limit)? {
            Some(bytes) => FrameHeader::parse(bytes, segment.offset(position)),
            None => None,
        };
        let Some(header) = header.filter(|h| h.frame_bytes() <= limit - position) else {
            return Ok(Self::BadHeader);
        };
        let payload = Self::payload(window, &header, position, limit)?;
        Ok(if header.fits(payload) { Self::Sound(header) } else { Self::BadPayload(header) })
    }

    /// The payload of a frame that was found at `position`.
    pub(crate) fn payload<'a>(
        window: &'a mut Window,
        header: &FrameHeader,
        position: u64,
        limit: u64,
    ) -> Result<&'a [u8], LogError> {
        // Asking for the header too keeps the whole frame in the window.
        let len = FRAME_HEADER_BYTES + header.len as usize;
        let frame = window.at(position, len, limit)?.expect("the frame ends before the limit");
        Ok(&frame[FRAME_HEADER_BYTES..])
    }
}

/// Looks for frame headers behind a bad piece, at every place where one may stand.
#[derive(Debug)]
pub(crate) struct HeaderSearch<'a> {
    pub(crate) window: &'a mut Window,
    pub(crate) segment: &'a Segment,
    /// Where to look next; behind the segment's header, aligned as frames are.
    pub(crate) position: u64,
    pub(crate) limit: u64,
    /// Where the last bytes that are not zero end, among those looked at.
    pub(crate) used_to: u64,
}

impl HeaderSearch<'_> {
    /// The next header, and where it stands. Its payload may be bad.
    pub(crate) fn next_header(&mut self) -> Result<Option<(u64, FrameHeader)>, LogError> {
        while self.position < self.limit {
            let bytes = self.window.run(self.position, self.limit)?;
            let mut found = None;
            for (index, word) in bytes.chunks(FRAME_ALIGN).enumerate() {
                if word.iter().all(|byte| *byte == 0) {
                    continue;
                }
                let place = self.position + (index * FRAME_ALIGN) as u64;
                self.used_to = self.used_to.max(place + word.len() as u64);
                if word.len() == FRAME_ALIGN && u32_at(word, 0) == FRAME_MAGIC {
                    found = Some(place);
                    break;
                }
            }
            let Some(place) = found else {
                self.position += bytes.len() as u64;
                continue;
            };
            self.position = place + FRAME_ALIGN as u64;
            let offset = self.segment.offset(place);
            if let Some(bytes) = self.window.at(place, FRAME_HEADER_BYTES, self.limit)?
                && u64_at(bytes, 8) == offset
                && let Some(header) = FrameHeader::parse(bytes, offset)
            {
                return Ok(Some((place, header)));
            }
        }
        Ok(None)
    }
}
