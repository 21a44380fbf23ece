//! The symbol table of a remote write 2.0 request: every text once, and numbers that stand for texts.

use timberline_codec::varint;
use timberline_model::{RejectReason, limits as model_limits};

use crate::{
    DecodeLimits, ProtocolError,
    protobuf::{Field, Reader},
};

/// The field of a request that holds one symbol.
pub(super) const SYMBOLS: u32 = 4;

/// Bytes that are copied at once, as most symbols are shorter: cheaper than copying a varying number.
const COPY_BYTES: usize = 32;

/// Where in the body a symbol lies, with its length before it: so labels need it too.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    len: u32,
}

/// The symbol table of a body.
pub(super) struct Symbols<'b> {
    body: &'b [u8],
    places: Vec<Place>,
}

impl<'b> Symbols<'b> {
    /// An empty table.
    pub(super) fn new(body: &'b [u8]) -> Result<Self, ProtocolError> {
        if u32::try_from(body.len()).is_err() {
            let (bytes, max) = (body.len() as u64, u64::from(u32::MAX));
            return Err(ProtocolError::TooLarge { what: "decompressed body", bytes, max });
        }
        Ok(Self { body, places: Vec::new() })
    }

    /// Adds a field that ends where the reader of the body stands.
    #[inline]
    pub(super) fn push(
        &mut self,
        field: &Field<'_>,
        request: &Reader<'_>,
        limits: &DecodeLimits,
    ) -> Result<(), ProtocolError> {
        if self.places.len() == limits.symbols_max {
            return Err(ProtocolError::TooMany { what: "symbols", max: limits.symbols_max });
        }
        let text = field.bytes()?;
        if self.places.is_empty() && !text.is_empty() {
            let reason = "the first symbol is not the empty string";
            return Err(ProtocolError::Protobuf { position: 0, reason });
        }
        let (start, end) = (field.tag_end, request.position());
        // Both fit: the body's length does.
        self.places.push(Place { start: start as u32, len: (end - start) as u32 });
        Ok(())
    }

    /// The text of a symbol, not looked at yet.
    pub(super) fn text(&self, reference: u64) -> Result<&'b [u8], RejectReason> {
        let place = usize::try_from(reference).ok().and_then(|index| self.places.get(index));
        let place = place.ok_or_else(|| self.dangling(reference))?;
        let start = place.start as usize;
        let with_len = &self.body[start..start + place.len as usize];
        Ok(varint::uvarint(with_len).map_or(&[], |(_, text)| text))
    }

    /// Appends a symbol, length and text, unless the labels that begin at `labels_start` get too long.
    #[inline]
    pub(super) fn append(
        &self,
        reference: u64,
        labels: &mut LabelBytes,
        labels_start: usize,
    ) -> Result<(), RejectReason> {
        let place = usize::try_from(reference).ok().and_then(|index| self.places.get(index));
        let Some(&Place { start, len }) = place else { return Err(self.dangling(reference)) };
        let (start, len) = (start as usize, len as usize);
        if labels.len - labels_start + len > model_limits::LABELS_BYTES_MAX {
            return Err(too_long());
        }
        let room = labels.bytes.get_mut(labels.len..).and_then(<[u8]>::first_chunk_mut);
        match (self.body[start..].first_chunk::<COPY_BYTES>(), room) {
            (Some(bytes), Some(room)) if len <= COPY_BYTES => *room = *bytes,
            _ => labels.put(&self.body[start..start + len]),
        }
        labels.len += len;
        Ok(())
    }

    /// Appends the symbols of packed references as long as they are plain: references of at most two
    /// bytes, short symbols, room for them. Returns how many references, and of how many bytes, that were.
    #[inline]
    pub(super) fn append_plain(
        &self,
        packed: &[u8],
        labels: &mut LabelBytes,
        refs_max: usize,
    ) -> (usize, usize) {
        let (body, places) = (self.body, self.places.as_slice());
        let room = labels.room(packed.len().min(refs_max));
        let (mut at, mut count, mut end) = (0, 0, 0);
        while count < refs_max
            && let Some(&first) = packed.get(at)
        {
            let (reference, next) = match packed.get(at + 1) {
                _ if first < 0x80 => (usize::from(first), at + 1),
                Some(&second) if second < 0x80 => {
                    (usize::from(first & 0x7f) | usize::from(second) << 7, at + 2)
                }
                _ => break,
            };
            let Some(&Place { start, len }) = places.get(reference) else { break };
            let source = body.get(start as usize..).and_then(<[u8]>::first_chunk::<COPY_BYTES>);
            let target = room.get_mut(end..).and_then(<[u8]>::first_chunk_mut::<COPY_BYTES>);
            let (Some(source), Some(target)) = (source, target) else { break };
            if len as usize > COPY_BYTES {
                break;
            }
            *target = *source;
            end += len as usize;
            (at, count) = (next, count + 1);
        }
        labels.len += end;
        (count, at)
    }

    #[cold]
    fn dangling(&self, reference: u64) -> RejectReason {
        let count = self.places.len();
        let words = format!("labels_refs names symbol {reference} of a table of {count}");
        RejectReason::Protocol(words)
    }
}

#[cold]
fn too_long() -> RejectReason {
    let words = format!("label set exceeds the limit of {} bytes", model_limits::LABELS_BYTES_MAX);
    RejectReason::Protocol(words)
}

/// Bytes that grow by whole chunks: what lies behind `len` is there to be written over.
#[derive(Debug, Default)]
pub(super) struct LabelBytes {
    bytes: Vec<u8>,
    len: usize,
}

impl LabelBytes {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Forgets all, and gives memory back beyond so many bytes.
    pub(super) fn reset(&mut self, kept: usize) {
        self.len = 0;
        self.bytes.truncate(kept);
        self.bytes.shrink_to(kept);
    }

    pub(super) const fn truncate(&mut self, len: usize) {
        debug_assert!(len <= self.len, "only what is there can be cut");
        self.len = len;
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// What lies behind the end, with room for so many short symbols at least.
    #[inline]
    fn room(&mut self, symbols: usize) -> &mut [u8] {
        let end = self.len + (symbols + 1) * COPY_BYTES;
        if end > self.bytes.len() {
            self.grow(end);
        }
        &mut self.bytes[self.len..]
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        self.bytes.resize((2 * self.bytes.len()).max(end).max(16 << 10), 0);
    }

    /// Writes behind the end and leaves the end where it is.
    #[cold]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if end + COPY_BYTES > self.bytes.len() {
            self.grow(end + COPY_BYTES);
        }
        self.bytes[self.len..end].copy_from_slice(bytes);
    }
}
