//! Frames of a streamed response: a length as a varint, the CRC32C of the message (4 bytes, big-endian),
//! the message.

use timberline_codec::{crc::crc32c, varint};

/// Bytes of chunks that a frame has at most before its last chunk: as Prometheus' default, 1 MiB.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// Appends a message as a frame.
pub(super) fn put_frame(out: &mut Vec<u8>, message: &[u8]) {
    varint::put_uvarint(out, message.len() as u64);
    out.extend_from_slice(&crc32c(message).to_be_bytes());
    out.extend_from_slice(message);
}
