//! The frame: a payload with its length, checksums and place in the log.
//! The format is described in `docs/formats/log.md`.
//!
//! Invariant: a header parses only at the offset for which it was written, so bytes left over from
//! elsewhere are never taken for a frame.

use timberline_codec::crc::crc32c;

/// First bytes of every frame.
pub(crate) const FRAME_MAGIC: u32 = u32::from_le_bytes(*b"TLF1");
/// Bytes of a frame's header.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;
/// Frames begin at multiples of this within a segment.
pub(crate) const FRAME_ALIGN: usize = 8;

const _: () = assert!(FRAME_HEADER_BYTES.is_multiple_of(FRAME_ALIGN));

/// A payload with its checksum, ready to be appended: what can be done before taking a place in the
/// order.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    crc: u32,
}

impl<'a> Payload<'a> {
    /// Computes the checksum of a payload.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, crc: crc32c(bytes) }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// Bytes of the payload.
    pub(crate) len: u32,
    /// Where in the log the frame begins.
    pub(crate) offset: u64,
    /// All before this was on the disk when the frame was made.
    pub(crate) durable_to: u64,
    /// Of the payload.
    pub(crate) payload_crc: u32,
}

impl FrameHeader {
    /// Reads a header that must be that of the frame at `offset`. `None` for anything else.
    pub(crate) fn parse(bytes: &[u8], offset: u64) -> Option<Self> {
        let bytes: &[u8; FRAME_HEADER_BYTES] = bytes.first_chunk()?;
        let header = Self {
            len: u32_at(bytes, 4),
            offset: u64_at(bytes, 8),
            durable_to: u64_at(bytes, 16),
            payload_crc: u32_at(bytes, 24),
        };
        let sound = u32_at(bytes, 0) == FRAME_MAGIC
            && header.offset == offset
            && header.durable_to <= offset
            && u32_at(bytes, 28) == crc32c(&bytes[..28]);
        sound.then_some(header)
    }

    fn bytes(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&FRAME_MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.len.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.durable_to.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32c(&bytes[..28]);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Bytes of the whole frame in the log.
    pub(crate) fn frame_bytes(&self) -> u64 {
        frame_bytes(self.len as usize)
    }

    /// Whether this is the payload that the header was written for.
    pub(crate) fn fits(&self, payload: &[u8]) -> bool {
        payload.len() == self.len as usize && crc32c(payload) == self.payload_crc
    }
}

/// Bytes that a frame with a payload of `len` bytes takes: header, payload, zeros up to a multiple of
/// [`FRAME_ALIGN`].
pub(crate) fn frame_bytes(len: usize) -> u64 {
    (FRAME_HEADER_BYTES + len.next_multiple_of(FRAME_ALIGN)) as u64
}

/// Appends a whole frame to a buffer.
pub(crate) fn put_frame(buffer: &mut Vec<u8>, payload: Payload<'_>, offset: u64, durable_to: u64) {
    let len = u32::try_from(payload.len()).expect("payloads are limited to less than 4 GiB");
    let header = FrameHeader { len, offset, durable_to, payload_crc: payload.crc };
    buffer.extend_from_slice(&header.bytes());
    buffer.extend_from_slice(payload.bytes);
    let pad = payload.len().next_multiple_of(FRAME_ALIGN) - payload.len();
    buffer.extend_from_slice(&[0; FRAME_ALIGN][..pad]);
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_is_sound_only_at_its_own_offset() {
        let mut frame = Vec::new();
        put_frame(&mut frame, Payload::new(b"payload"), 64, 32);
        assert_eq!(frame.len(), 40);
        let header = FrameHeader::parse(&frame, 64).unwrap();
        assert_eq!((header.len, header.durable_to, header.frame_bytes()), (7, 32, 40));
        assert!(header.fits(b"payload"));
        assert!(!header.fits(b"paYload"));
        assert_eq!(FrameHeader::parse(&frame, 72), None);
        assert_eq!(FrameHeader::parse(&frame[..31], 64), None);
        assert_eq!(FrameHeader::parse(&[0; 32], 0), None);
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let mut frame = Vec::new();
        put_frame(&mut frame, Payload::new(b""), 1 << 40, 1 << 39);
        for bit in 0..FRAME_HEADER_BYTES * 8 {
            frame[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::parse(&frame, 1 << 40), None, "bit {bit}");
            frame[bit / 8] ^= 1 << (bit % 8);
        }
    }

    proptest! {
        #[test]
        fn frames_round_trip(payload: Vec<u8>, offset: u64, behind: u64) {
            let mut frame = Vec::new();
            let durable_to = offset.saturating_sub(behind);
            put_frame(&mut frame, Payload::new(&payload), offset, durable_to);
            prop_assert_eq!(frame.len() as u64, frame_bytes(payload.len()));
            let header = FrameHeader::parse(&frame, offset).unwrap();
            prop_assert_eq!(header.durable_to, durable_to);
            prop_assert!(header.fits(&frame[FRAME_HEADER_BYTES..][..payload.len()]));
        }
    }
}
