//! Frames that have their place in the log and are not yet in a file.
//!
//! Invariant: the pieces, in order, continue the files exactly where the last piece taken ended.

use std::{path::PathBuf, sync::Arc};

use timberline_io::DiskFile;

use crate::{
    frame::{Payload, frame_bytes, put_frame},
    segment::{self, SEGMENT_HEADER_BYTES},
    spare::Spare,
};

/// The largest buffer that is kept for reuse.
const RECYCLED_BYTES_MAX: usize = 16 << 20;

/// Bytes to be written to one segment.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) path: PathBuf,
    pub(crate) position: u64,
    pub(crate) bytes: Vec<u8>,
    /// The file is not yet a segment and still has this name.
    pub(crate) install_from: Option<PathBuf>,
    /// The segment takes no more frames and is to be cut to this length.
    pub(crate) cut_to: Option<u64>,
}

/// The segment that takes frames.
#[derive(Debug)]
struct Active {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    /// Where the next frame goes in the file.
    position: u64,
    /// Bytes allocated to the file.
    len: u64,
}

/// The end of the log that is still in memory.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    active: Option<Active>,
    pieces: Vec<Piece>,
    bytes: usize,
    recycled: Vec<u8>,
}

impl Buffer {
    /// Bytes that wait to be written.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Whether there is a segment that takes frames.
    pub(crate) fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Whether a frame of that size goes into the segment that takes frames.
    pub(crate) fn has_room(&self, frame_bytes: u64) -> bool {
        self.active.as_ref().is_some_and(|active| frame_bytes <= active.len - active.position)
    }

    /// Whether it is time to think of the next segment.
    pub(crate) fn is_half_full(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.position > active.len / 2)
    }

    /// Adds a frame; there must be room. Returns the bytes it takes.
    pub(crate) fn push(&mut self, payload: Payload<'_>, offset: u64, durable_to: u64) -> u64 {
        let size = frame_bytes(payload.len());
        let position = self.active.as_ref().expect("room was made before").position;
        let piece = self.last_piece();
        debug_assert_eq!(piece.position + piece.bytes.len() as u64, position, "pieces continue");
        put_frame(&mut piece.bytes, payload, offset, durable_to);
        self.active.as_mut().expect("room was made before").position += size;
        self.bytes += usize::try_from(size).expect("a frame lies in memory");
        size
    }

    /// Makes a spare the segment that takes frames, from offset `base` on.
    pub(crate) fn start_segment(&mut self, spare: Spare, path: PathBuf, base: u64) {
        debug_assert!(self.active.is_none(), "one segment at a time takes frames");
        let mut bytes = std::mem::take(&mut self.recycled);
        bytes.extend_from_slice(&segment::header(base));
        self.bytes += bytes.len();
        self.pieces.push(Piece {
            file: Arc::clone(&spare.file),
            path: path.clone(),
            position: 0,
            bytes,
            install_from: Some(spare.path),
            cut_to: None,
        });
        let position = SEGMENT_HEADER_BYTES as u64;
        self.active = Some(Active { file: spare.file, path, position, len: spare.len });
    }

    /// Ends the segment that takes frames, if there is one, and returns the length it will have.
    pub(crate) fn end_segment(&mut self) -> Option<u64> {
        let len = self.active.as_ref()?.position;
        self.last_piece().cut_to = Some(len);
        self.active = None;
        Some(len)
    }

    /// Takes everything that waits, in order.
    pub(crate) fn take(&mut self) -> Vec<Piece> {
        self.bytes = 0;
        std::mem::take(&mut self.pieces)
    }

    /// Gives the memory of written pieces back for reuse.
    pub(crate) fn recycle(&mut self, pieces: Vec<Piece>) {
        for mut piece in pieces {
            let capacity = piece.bytes.capacity();
            if capacity > self.recycled.capacity() && capacity <= RECYCLED_BYTES_MAX {
                piece.bytes.clear();
                self.recycled = piece.bytes;
            }
        }
    }

    /// The piece of the segment that takes frames.
    fn last_piece(&mut self) -> &mut Piece {
        let active = self.active.as_ref().expect("a segment takes frames");
        let current =
            self.pieces.last().is_some_and(|piece| Arc::ptr_eq(&piece.file, &active.file));
        if !current {
            self.pieces.push(Piece {
                file: Arc::clone(&active.file),
                path: active.path.clone(),
                position: active.position,
                bytes: std::mem::take(&mut self.recycled),
                install_from: None,
                cut_to: None,
            });
        }
        self.pieces.last_mut().expect("a piece was just pushed")
    }
}
