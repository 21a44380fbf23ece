//! The symbol table of a request: every text once, and numbers that stand for texts.

use std::ops::Range;

use timberline_model::{RejectReason, limits as model_limits};

use crate::{DecodeLimits, ProtocolError, protobuf::Reader};

/// The field of a request that holds one symbol.
const SYMBOLS: u32 = 4;

/// Fields that a `Request` does not have and a 1.0 request does.
const V1_FIELDS: std::ops::RangeInclusive<u32> = 1..=3;

/// Bytes that are copied at once, as most symbols are shorter: cheaper than copying a varying number.
const COPY_BYTES: usize = 32;

/// The symbol table of a body.
pub(super) struct Symbols<'b> {
    body: &'b [u8],
    /// Where in the body each symbol lies, with its length before it: so labels need it too.
    places: Vec<Range<usize>>,
}

impl<'b> Symbols<'b> {
    /// Finds the symbols, wherever in the message they lie.
    pub(super) fn read(body: &'b [u8], limits: &DecodeLimits) -> Result<Self, ProtocolError> {
        let mut places = Vec::new();
        let mut request = Reader::new(body);
        while let Some(field) = request.next()? {
            match field.number {
                SYMBOLS => {
                    if places.len() == limits.symbols_max {
                        let max = limits.symbols_max;
                        return Err(ProtocolError::TooMany { what: "symbols", max });
                    }
                    field.bytes()?;
                    places.push(field.tag_end..request.position());
                }
                number if V1_FIELDS.contains(&number) => {
                    return Err(ProtocolError::WrongMessage {
                        expected: "io.prometheus.write.v2.Request",
                        other: "prometheus.WriteRequest",
                        field: number,
                    });
                }
                _ => {}
            }
        }
        if places.first().is_some_and(|first: &Range<usize>| body[first.clone()] != [0]) {
            let reason = "the first symbol is not the empty string";
            return Err(ProtocolError::Protobuf { position: 0, reason });
        }
        Ok(Self { body, places })
    }

    /// Appends a symbol, length and text, unless it takes more than `room` bytes.
    #[inline]
    pub(super) fn append(
        &self,
        reference: u64,
        labels: &mut Vec<u8>,
        room: usize,
    ) -> Result<(), RejectReason> {
        let place = usize::try_from(reference).ok().and_then(|index| self.places.get(index));
        let place = place.ok_or_else(|| self.dangling(reference))?;
        let len = place.len();
        if len > room {
            return Err(too_long());
        }
        match self.body[place.start..].first_chunk::<COPY_BYTES>() {
            Some(bytes) if len <= COPY_BYTES => {
                let end = labels.len() + len;
                labels.extend_from_slice(bytes);
                labels.truncate(end);
            }
            _ => labels.extend_from_slice(&self.body[place.clone()]),
        }
        Ok(())
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
