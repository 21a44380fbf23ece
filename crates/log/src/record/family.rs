//! What is known of one metric family, as bytes: in a record, and in the metadata's own file.

use timberline_codec::varint::{put_uvarint, uvarint};
use timberline_model::{FamilyMetadata, Metadata, MetricKind, limits};

/// The fewest bytes of an entry: three lengths and a type.
pub(crate) const FAMILY_BYTES_MIN: usize = 4;

/// Appends an entry.
pub(crate) fn put_family(bytes: &mut Vec<u8>, family: &str, metadata: &Metadata) {
    put_text(bytes, family);
    bytes.push(metadata.kind as u8);
    put_text(bytes, &metadata.unit);
    put_text(bytes, &metadata.help);
}

/// Reads an entry and returns it with the bytes behind it.
pub(crate) fn family(bytes: &[u8]) -> Option<(FamilyMetadata, &[u8])> {
    let (family, rest) = text(bytes)?;
    let (kind, rest) = rest.split_first()?;
    let kind = MetricKind::from_code(*kind)?;
    let (unit, rest) = text(rest)?;
    let (help, rest) = text(rest)?;
    Some((FamilyMetadata { family, metadata: Metadata { kind, unit, help } }, rest))
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_uvarint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (len, rest) = uvarint(bytes)?;
    let len = usize::try_from(len).ok().filter(|len| *len <= limits::METADATA_TEXT_BYTES_MAX)?;
    let (text, rest) = rest.split_at_checked(len)?;
    Some((str::from_utf8(text).ok()?.to_owned(), rest))
}
