//! `io.prometheus.write.v2.Request`, the message of remote write 2.0.
//!
//! Fields: `symbols = 4`, the first of which is empty; `timeseries = 5` with `labels_refs = 1`,
//! `samples = 2`, `histograms = 3`, `exemplars = 4`, `metadata = 5`.
//!
//! References are resolved into an [`Arena`]: for each series a run of lengths, names and values, which
//! then is the series' key as the labels' bytes of version 1.0 are. Equal labels in equal order give
//! equal bytes, whatever the request's table looks like.

mod symbols;

use timberline_model::{
    Labels, LabelsBuilder, LabelsError, METRIC_NAME, RejectReason, SeriesKey, WriteBatch,
    limits as model_limits,
};

use self::symbols::Symbols;
use super::{
    sample::{self, WireSample},
    v1::missing_name,
};
use crate::{DecodeLimits, Decoded, ProtocolError, protobuf::Reader};

const TIMESERIES: u32 = 5;
const LABELS_REFS: u32 = 1;
const SAMPLES: u32 = 2;
const HISTOGRAMS: u32 = 3;
const EXEMPLARS: u32 = 4;
const METADATA: u32 = 5;

/// Memory for one request. To be used again for the next, once the last is written.
#[derive(Debug, Default)]
pub struct Arena {
    /// The labels of all sound series, one after the other.
    labels: Vec<u8>,
    /// The samples of all sound series, one after the other.
    samples: Vec<WireSample>,
    series: Vec<Sound>,
    /// References of the series at hand.
    refs: Vec<u64>,
}

/// Bytes of labels, and as many of samples, that an arena keeps from one request to the next.
const KEPT_BYTES: usize = 16 << 20;

impl Arena {
    /// Forgets the last request, and gives memory back that a usual one does not need.
    fn reset(&mut self) {
        self.labels.clear();
        self.labels.shrink_to(KEPT_BYTES);
        self.samples.clear();
        self.samples.shrink_to(KEPT_BYTES / size_of::<WireSample>());
        self.series.clear();
        self.series.shrink_to(KEPT_BYTES / size_of::<Sound>());
        self.refs.clear();
        self.refs.shrink_to(KEPT_BYTES / size_of::<u64>());
    }
}

/// References of one series that are kept: all that sound labels have. A byte of a body makes one.
const REFS_KEPT: usize = 2 * model_limits::LABEL_COUNT_MAX;

/// A series whose references are resolved.
#[derive(Debug)]
struct Sound {
    /// Which series of the request.
    index: usize,
    labels_end: usize,
    samples_end: usize,
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
    let symbols = Symbols::read(body, limits)?;
    let mut decoded = Decoded::default();
    resolve_all(body, &symbols, arena, &mut decoded, limits)?;
    let arena: &'a Arena = arena;
    decoded.batch = WriteBatch::with_capacity(arena.series.len(), arena.samples.len());
    let (mut labels_start, mut samples_start) = (0, 0);
    for series in &arena.series {
        let bytes = &arena.labels[labels_start..series.labels_end];
        let samples = &arena.samples[samples_start..series.samples_end];
        (labels_start, samples_start) = (series.labels_end, series.samples_end);
        decoded.batch.push_series(SeriesKey::Raw { bytes, decode: decode_labels });
        sample::push_all(&mut decoded, series.index, samples);
    }
    Ok(decoded)
}

/// Reads every series: the sound ones with samples into the arena, the others as rejections.
fn resolve_all(
    body: &[u8],
    symbols: &Symbols<'_>,
    arena: &mut Arena,
    decoded: &mut Decoded<'_>,
    limits: &DecodeLimits,
) -> Result<(), ProtocolError> {
    arena.reset();
    let mut index = 0;
    let mut request = Reader::new(body);
    while let Some(field) = request.next()? {
        if field.number != TIMESERIES {
            continue;
        }
        if index == limits.series_max {
            return Err(ProtocolError::TooMany { what: "series", max: limits.series_max });
        }
        let (labels_start, samples_start) = (arena.labels.len(), arena.samples.len());
        let samples_max = decoded.sample_room(limits);
        let counts = read_series(field.message()?, arena, samples_max, limits)?;
        decoded.histograms += counts.histograms;
        decoded.exemplars += counts.exemplars;
        decoded.metadata += counts.metadata;
        let sample_count = arena.samples.len() - samples_start;
        let resolved = resolve(&arena.refs, counts.refs, symbols, &mut arena.labels)
            .and_then(|()| check_contents(&counts, sample_count));
        match resolved {
            Ok(()) if sample_count > 0 => arena.series.push(Sound {
                index,
                labels_end: arena.labels.len(),
                samples_end: arena.samples.len(),
            }),
            rejected => {
                arena.labels.truncate(labels_start);
                arena.samples.truncate(samples_start);
                if let Err(reason) = rejected {
                    decoded.reject(index, sample_count as u64, reason);
                }
            }
        }
        if arena.labels.len() > limits.labels_bytes_max {
            let (bytes, max) = (arena.labels.len() as u64, limits.labels_bytes_max as u64);
            return Err(ProtocolError::TooLarge { what: "labels of all series", bytes, max });
        }
        index += 1;
    }
    Ok(())
}

/// Appends the labels that references stand for, unless there were more (`count`) than were kept. Their number and size are bounded here, so that the
/// arena is; their order, repeats and text are looked at by [`decode_labels`].
#[inline]
fn resolve(
    refs: &[u64],
    count: usize,
    symbols: &Symbols<'_>,
    labels: &mut Vec<u8>,
) -> Result<(), RejectReason> {
    if !count.is_multiple_of(2) {
        let words = format!("labels_refs has {count} references, an odd number");
        return Err(RejectReason::Protocol(words));
    }
    if count == 0 {
        return Err(LabelsError::Empty.into());
    }
    if count > REFS_KEPT {
        let (count, max) = (count / 2, model_limits::LABEL_COUNT_MAX);
        return Err(LabelsError::TooMany { count, max }.into());
    }
    let start = labels.len();
    for &reference in refs {
        let room = model_limits::LABELS_BYTES_MAX - (labels.len() - start);
        symbols.append(reference, labels, room)?;
    }
    Ok(())
}

/// What a series holds besides labels and samples.
#[derive(Default)]
struct Counts {
    refs: usize,
    histograms: u64,
    exemplars: u64,
    metadata: u64,
}

/// Replaces the arena's references by those of a series, as far as they are kept, and appends to its
/// samples, of which there may be `samples_max`.
fn read_series(
    mut message: Reader<'_>,
    arena: &mut Arena,
    samples_max: usize,
    limits: &DecodeLimits,
) -> Result<Counts, ProtocolError> {
    let Arena { refs, samples, .. } = arena;
    refs.clear();
    let mut counts = Counts::default();
    while let Some(field) = message.next()? {
        let count = match field.number {
            LABELS_REFS => {
                field.for_each_varint(|reference| {
                    counts.refs += 1;
                    if refs.len() < REFS_KEPT {
                        refs.push(reference);
                    }
                })?;
                continue;
            }
            SAMPLES => {
                sample::push(samples, field.message()?, samples_max, limits)?;
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

fn check_contents(counts: &Counts, sample_count: usize) -> Result<(), RejectReason> {
    let words = match (sample_count == 0, counts.histograms == 0) {
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
