//! `io.prometheus.write.v2.Request`, the message of remote write 2.0.
//!
//! Fields: `symbols = 4`, the first of which is empty; `timeseries = 5` with `labels_refs = 1`,
//! `samples = 2`, `histograms = 3`, `exemplars = 4`, `metadata = 5`.
//!
//! References are resolved into an [`Arena`]: for each series a run of lengths, names and values, which
//! then is the series' key as the labels' bytes of version 1.0 are. Equal labels in equal order give
//! equal bytes, whatever the request's table looks like.

use timberline_model::{
    Labels, LabelsBuilder, LabelsError, METRIC_NAME, RejectReason, SeriesKey, limits as model_limits,
};

use super::{
    sample::{self, WireSample},
    v1::missing_name,
};
use crate::{
    DecodeLimits, Decoded, ProtocolError,
    protobuf::{Field, Reader},
};

const SYMBOLS: u32 = 4;
const TIMESERIES: u32 = 5;
const LABELS_REFS: u32 = 1;
const SAMPLES: u32 = 2;
const HISTOGRAMS: u32 = 3;
const EXEMPLARS: u32 = 4;
const METADATA: u32 = 5;

/// Fields that a `Request` does not have and a 1.0 request does.
const V1_FIELDS: std::ops::RangeInclusive<u32> = 1..=3;

/// Memory for the labels of one request. To be used again for the next, once the last is written.
#[derive(Debug, Default)]
pub struct Arena {
    /// The labels of all series, one after the other.
    labels: Vec<u8>,
    /// References of the series at hand.
    refs: Vec<u64>,
    /// Where a series' labels end in `labels`, unless it has none; by series of the request.
    ends: Vec<Option<usize>>,
}

/// Decodes a decompressed remote write 2.0 body. The batch borrows the labels' bytes from the arena.
///
/// A series with references that lead nowhere, an odd number of them, neither samples nor histograms, or
/// both, is rejected; what is wrong with the labels themselves is found as in version 1.0.
///
/// # Errors
/// Bytes that are not the message, a symbol table that does not start with the empty string, or a limit
/// exceeded.
pub fn decode_v2<'a>(
    body: &[u8],
    arena: &'a mut Arena,
    limits: &DecodeLimits,
) -> Result<Decoded<'a>, ProtocolError> {
    let symbols = read_symbols(body, limits)?;
    resolve_all(body, &symbols, arena, limits)?;
    let arena: &'a Arena = arena;
    let mut decoded = Decoded::default();
    let mut samples = Vec::new();
    let mut start = 0;
    let mut request = Reader::new(body);
    let mut ends = arena.ends.iter().enumerate();
    while let Some(field) = request.next()? {
        if field.number != TIMESERIES {
            continue;
        }
        let (index, end) = ends.next().expect("both passes see the same series");
        samples.clear();
        let counts = read_series(field.message()?, &mut samples)?;
        decoded.histograms += counts.histograms;
        decoded.exemplars += counts.exemplars;
        decoded.metadata += counts.metadata;
        let labels = match *end {
            Some(end) => Ok(&arena.labels[std::mem::replace(&mut start, end)..end]),
            None => Err(why_unresolved(&field, &symbols)?),
        };
        match labels.and_then(|bytes| check_contents(&counts, &samples).map(|()| bytes)) {
            Ok(bytes) if !samples.is_empty() => {
                decoded.batch.push_series(SeriesKey::Raw { bytes, decode: decode_labels });
                sample::push_all(&mut decoded, index, &samples, limits)?;
            }
            Ok(_) => {}
            Err(reason) => {
                decoded.check_sample_count(samples.len(), limits)?;
                decoded.reject(index, samples.len() as u64, reason);
            }
        }
    }
    Ok(decoded)
}

/// Collects the symbol table, wherever in the message it lies.
fn read_symbols<'b>(
    body: &'b [u8],
    limits: &DecodeLimits,
) -> Result<Vec<&'b [u8]>, ProtocolError> {
    let mut symbols: Vec<&[u8]> = Vec::new();
    let mut request = Reader::new(body);
    while let Some(field) = request.next()? {
        match field.number {
            SYMBOLS => {
                if symbols.len() == limits.symbols_max {
                    let max = limits.symbols_max;
                    return Err(ProtocolError::TooMany { what: "symbols", max });
                }
                symbols.push(field.bytes()?);
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
    if symbols.first().is_some_and(|first| !first.is_empty()) {
        let reason = "the first symbol is not the empty string";
        return Err(ProtocolError::Protobuf { position: 0, reason });
    }
    Ok(symbols)
}

/// Resolves the references of every series into the arena.
fn resolve_all(
    body: &[u8],
    symbols: &[&[u8]],
    arena: &mut Arena,
    limits: &DecodeLimits,
) -> Result<(), ProtocolError> {
    arena.labels.clear();
    arena.ends.clear();
    let mut request = Reader::new(body);
    while let Some(field) = request.next()? {
        if field.number != TIMESERIES {
            continue;
        }
        if arena.ends.len() == limits.series_max {
            return Err(ProtocolError::TooMany { what: "series", max: limits.series_max });
        }
        arena.refs.clear();
        read_refs(&field, &mut arena.refs)?;
        let start = arena.labels.len();
        let resolved = resolve(&arena.refs, symbols, &mut arena.labels).is_ok();
        if !resolved {
            arena.labels.truncate(start);
        }
        if arena.labels.len() > limits.labels_bytes_max {
            let (bytes, max) = (arena.labels.len() as u64, limits.labels_bytes_max as u64);
            return Err(ProtocolError::TooLarge { what: "labels of all series", bytes, max });
        }
        arena.ends.push(resolved.then_some(arena.labels.len()));
    }
    Ok(())
}

/// Resolves a series' references once more, for the reason why they cannot be: reasons are not kept by
/// the series, as a request may be full of bad ones.
#[cold]
fn why_unresolved(series: &Field<'_>, symbols: &[&[u8]]) -> Result<RejectReason, ProtocolError> {
    let (mut refs, mut labels) = (Vec::new(), Vec::new());
    read_refs(series, &mut refs)?;
    let resolved = resolve(&refs, symbols, &mut labels);
    Ok(resolved.expect_err("what could not be resolved before cannot be now"))
}

fn read_refs(series: &Field<'_>, refs: &mut Vec<u64>) -> Result<(), ProtocolError> {
    let mut message = series.message()?;
    while let Some(field) = message.next()? {
        if field.number == LABELS_REFS {
            field.for_each_varint(|reference| refs.push(reference))?;
        }
    }
    Ok(())
}

/// Appends the labels that references stand for. They are bounded here, so that the arena is; their
/// order, repeats and text are looked at by [`decode_labels`].
#[inline]
fn resolve(refs: &[u64], symbols: &[&[u8]], labels: &mut Vec<u8>) -> Result<(), RejectReason> {
    let (pairs, rest) = refs.as_chunks::<2>();
    if !rest.is_empty() {
        let words = format!("labels_refs has {} references, an odd number", refs.len());
        return Err(RejectReason::Protocol(words));
    }
    if pairs.is_empty() {
        return Err(LabelsError::Empty.into());
    }
    if pairs.len() > model_limits::LABEL_COUNT_MAX {
        let (count, max) = (pairs.len(), model_limits::LABEL_COUNT_MAX);
        return Err(LabelsError::TooMany { count, max }.into());
    }
    let start = labels.len();
    for &[name, value] in pairs {
        let (name, value) = (symbol(symbols, name)?, symbol(symbols, value)?);
        if name.len() > model_limits::LABEL_NAME_BYTES_MAX {
            let max = model_limits::LABEL_NAME_BYTES_MAX;
            return Err(too_long("label name", name, name.len(), max));
        }
        if value.len() > model_limits::LABEL_VALUE_BYTES_MAX {
            let max = model_limits::LABEL_VALUE_BYTES_MAX;
            return Err(too_long("label value", name, value.len(), max));
        }
        Labels::encode_pair(labels, name, value);
    }
    let bytes = labels.len() - start;
    if bytes > model_limits::LABELS_BYTES_MAX {
        return Err(too_long("label set", b"", bytes, model_limits::LABELS_BYTES_MAX));
    }
    Ok(())
}

#[inline]
fn symbol<'b>(symbols: &[&'b [u8]], reference: u64) -> Result<&'b [u8], RejectReason> {
    let found = usize::try_from(reference).ok().and_then(|index| symbols.get(index));
    found.copied().ok_or_else(|| {
        let count = symbols.len();
        let words = format!("labels_refs names symbol {reference} of a table of {count}");
        RejectReason::Protocol(words)
    })
}

fn too_long(what: &'static str, name: &[u8], bytes: usize, max: usize) -> RejectReason {
    let name = String::from_utf8_lossy(&name[..name.len().min(64)]).into_owned();
    LabelsError::TooLong { what, name, bytes, max }.into()
}

/// What a series holds besides labels and samples.
#[derive(Default)]
struct Counts {
    histograms: u64,
    exemplars: u64,
    metadata: u64,
}

fn read_series(
    mut message: Reader<'_>,
    samples: &mut Vec<WireSample>,
) -> Result<Counts, ProtocolError> {
    let mut counts = Counts::default();
    while let Some(field) = message.next()? {
        let count = match field.number {
            SAMPLES => {
                samples.push(sample::read(field.message()?)?);
                continue;
            }
            HISTOGRAMS => &mut counts.histograms,
            EXEMPLARS => &mut counts.exemplars,
            // Some senders write the field always, and leave it empty when they know nothing.
            METADATA if field.bytes()?.is_empty() => continue,
            METADATA => &mut counts.metadata,
            _ => continue,
        };
        field.bytes()?;
        *count += 1;
    }
    Ok(counts)
}

fn check_contents(counts: &Counts, samples: &[WireSample]) -> Result<(), RejectReason> {
    let words = match (samples.is_empty(), counts.histograms == 0) {
        (true, true) => "series has neither samples nor histograms",
        (false, false) => "series has both samples and histograms",
        _ => return Ok(()),
    };
    Err(RejectReason::Protocol(words.to_owned()))
}

/// The [`timberline_model::LabelDecoder`] of version 2.0: what [`resolve`] wrote.
fn decode_labels(bytes: &[u8], builder: &mut LabelsBuilder) -> Result<(), LabelsError> {
    Labels::decode_canonical(bytes, builder)?;
    if !has_metric_name(bytes) {
        return Err(missing_name(builder));
    }
    Ok(())
}

/// Whether a label `__name__` with a value is among them.
fn has_metric_name(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut next = || {
        let (len, tail) = timberline_codec::varint::uvarint(rest)?;
        let (part, tail) = tail.split_at_checked(usize::try_from(len).ok()?)?;
        rest = tail;
        Some(part)
    };
    while let (Some(name), Some(value)) = (next(), next()) {
        if name == METRIC_NAME.as_bytes() && !value.is_empty() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
