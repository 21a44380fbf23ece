//! `prometheus.WriteRequest`, the message of remote write 1.0.
//!
//! Fields: `timeseries = 1` with `labels = 1`, `samples = 2`, `exemplars = 3`, `histograms = 4`;
//! `metadata = 3`. Estimate: 3 ns per label (its tag and length are looked at, its text is not), 10 ns
//! per sample, 20 ns per series.

use timberline_model::{
    Labels, LabelsBuilder, LabelsError, METRIC_NAME, RejectReason, SeriesKey, SeriesWrite,
};

use super::{
    contents::{Contents, Refused, Room},
    exemplar::{self, LabelForm},
    hand_on::push_samples,
    histogram,
    labels::{malformed, missing_name, read_label},
    metadata, sample,
};
use crate::{DecodeLimits, Decoded, ProtocolError, protobuf::Reader};

const TIMESERIES: u32 = 1;
const METADATA: u32 = 3;
const LABELS: u32 = 1;
const SAMPLES: u32 = 2;
const EXEMPLARS: u32 = 3;
const HISTOGRAMS: u32 = 4;

/// Fields that a `WriteRequest` does not have and a 2.0 request does.
const V2_FIELDS: std::ops::RangeInclusive<u32> = 4..=5;

/// Decodes a decompressed remote write 1.0 body. The batch borrows the labels' bytes from it.
///
/// A series' labels are only looked into by whoever does not know the series by their bytes; what is
/// wrong with them (no `__name__`, a repeated name, not UTF-8, too long) is then found by the decoder that
/// stands beside the bytes, and rejects the series. Two messages for one series are fine.
///
/// # Errors
/// Bytes that are not the message, or that exceed a limit.
pub fn decode_v1<'a>(body: &'a [u8], limits: &DecodeLimits) -> Result<Decoded<'a>, ProtocolError> {
    let mut decoded = Decoded::default();
    let mut room = Room::new(limits);
    let mut scratch = Scratch::default();
    let mut series_index = 0;
    let mut request = Reader::new(body);
    while let Some(field) = request.next()? {
        match field.number {
            TIMESERIES => {
                if series_index == limits.series_max {
                    let max = limits.series_max;
                    return Err(ProtocolError::TooMany { what: "series", max });
                }
                scratch.contents.clear();
                let series = read_series(field.message()?, &mut scratch, &mut room)?;
                push(&mut decoded, series_index, &series, &mut scratch);
                series_index += 1;
            }
            METADATA => {
                if let Some(found) = metadata::read_v1(field.message()?, &mut room)? {
                    decoded.batch.push_metadata(found);
                }
            }
            number if V2_FIELDS.contains(&number) => {
                return Err(ProtocolError::WrongMessage {
                    expected: "prometheus.WriteRequest",
                    other: "io.prometheus.write.v2.Request",
                    field: number,
                });
            }
            _ => {}
        }
    }
    Ok(decoded)
}

/// The contents of the series at hand.
#[derive(Default)]
struct Scratch {
    contents: Contents,
    histograms_refused: Refused,
    exemplars_refused: Refused,
}

/// A series as it came.
struct Series<'a> {
    message: Reader<'a>,
    /// Where the first label field starts and the last one ends.
    labels: Option<(usize, usize)>,
    /// Whether nothing but labels lies between the two.
    contiguous: bool,
}

#[inline]
fn read_series<'a>(
    message: Reader<'a>,
    scratch: &mut Scratch,
    room: &mut Room,
) -> Result<Series<'a>, ProtocolError> {
    let mut fields = message.clone();
    let mut series = Series { message, labels: None, contiguous: true };
    let contents = &mut scratch.contents;
    while let Some(field) = fields.next()? {
        match field.number {
            LABELS => {
                field.bytes()?;
                let (start, end) = series.labels.unwrap_or((field.start, field.start));
                series.contiguous &= end == field.start;
                fields.skip_short(LABELS);
                series.labels = Some((start, fields.position()));
            }
            SAMPLES => sample::push(&mut contents.samples, field.message()?, &mut room.samples)?,
            EXEMPLARS => {
                let refused = &mut scratch.exemplars_refused;
                exemplar::push(contents, refused, field.message()?, LabelForm::Messages, room)?;
            }
            HISTOGRAMS => {
                let refused = &mut scratch.histograms_refused;
                histogram::push(contents, refused, field.message()?, room)?;
            }
            _ => {}
        }
    }
    Ok(series)
}

#[inline]
fn push<'a>(
    decoded: &mut Decoded<'a>,
    series_index: usize,
    series: &Series<'a>,
    scratch: &mut Scratch,
) {
    let Scratch { contents, histograms_refused, exemplars_refused } = scratch;
    if contents.is_empty() && histograms_refused.count + exemplars_refused.count == 0 {
        return;
    }
    let key = match series.labels {
        Some((start, end)) if series.contiguous => Ok(SeriesKey::Raw {
            bytes: &series.message.message()[start..end],
            decode: decode_labels,
        }),
        _ => scattered_labels(series).map(SeriesKey::Labels),
    };
    match key {
        Ok(key) => {
            push_samples(decoded, series_index, key, &contents.samples);
            if !contents.histograms.is_empty() || !contents.exemplars.is_empty() {
                contents.histograms.drain(..).for_each(|one| decoded.batch.push_histogram(one));
                contents.exemplars.drain(..).for_each(|one| decoded.batch.push_exemplar(one));
            }
            if histograms_refused.count + exemplars_refused.count > 0 {
                refuse(decoded, series_index, series, histograms_refused, exemplars_refused);
            }
        }
        Err(error) => {
            let count =
                |kept: usize, refused: &mut Refused| kept as u64 + std::mem::take(refused).count;
            let samples = contents.samples.len() + contents.histograms.len();
            let samples = count(samples, histograms_refused);
            let exemplars = count(contents.exemplars.len(), exemplars_refused);
            let reason = RejectReason::Labels(error);
            decoded.reject_items(series_index, (samples, exemplars), || None, reason);
        }
    }
}

/// Rejects what of a sound series was refused.
#[cold]
fn refuse(
    decoded: &mut Decoded<'_>,
    series_index: usize,
    series: &Series<'_>,
    histograms: &mut Refused,
    exemplars: &mut Refused,
) {
    let labels = || scattered_labels(series).ok();
    histograms.drain(|count, reason| {
        decoded.reject_items(series_index, (count, 0), labels, reason);
    });
    exemplars.drain(|count, reason| {
        decoded.reject_items(series_index, (0, count), labels, reason);
    });
}

/// Labels with other fields between them, which no sender known writes.
#[cold]
fn scattered_labels(series: &Series<'_>) -> Result<Labels, LabelsError> {
    let mut builder = LabelsBuilder::default();
    decode_labels(series.message.message(), &mut builder)?;
    builder.build()
}

/// The [`timberline_model::LabelDecoder`] of version 1.0: label fields, each a message of name and
/// value. Other fields are skipped.
fn decode_labels(bytes: &[u8], builder: &mut LabelsBuilder) -> Result<(), LabelsError> {
    let mut named = false;
    let mut empty = true;
    let mut fields = Reader::new(bytes);
    while let Some(field) = fields.next().map_err(|error| malformed(&error))? {
        if field.number != LABELS {
            continue;
        }
        let (name, value) = read_label(&field)?;
        named |= name == METRIC_NAME && !value.is_empty();
        empty = false;
        builder.push(name, value);
    }
    if empty {
        return Err(LabelsError::Empty);
    }
    if !named {
        return Err(missing_name(builder));
    }
    Ok(())
}

// The loop pushes one of these per series; it should stay within a cache line.
const _: () = assert!(size_of::<SeriesWrite<'_>>() <= 64);

#[cfg(test)]
mod tests;
