//! `prometheus.WriteRequest`, the message of remote write 1.0.
//!
//! Fields: `timeseries = 1` with `labels = 1`, `samples = 2`, `exemplars = 3`, `histograms = 4`;
//! `metadata = 3`. Estimate: 3 ns per label (its tag and length are looked at, its text is not), 10 ns
//! per sample, 20 ns per series.

use timberline_model::{
    Labels, LabelsBuilder, LabelsError, METRIC_NAME, RejectReason, SeriesKey, SeriesWrite,
};

use super::sample::{self, WireSample};
use crate::{
    DecodeLimits, Decoded, ProtocolError,
    protobuf::{Field, Reader},
};

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
    let mut scratch = Vec::new();
    let mut series_index = 0;
    let mut request = Reader::new(body);
    while let Some(field) = request.next()? {
        match field.number {
            TIMESERIES => {
                if series_index == limits.series_max {
                    let max = limits.series_max;
                    return Err(ProtocolError::TooMany { what: "series", max });
                }
                scratch.clear();
                let room = decoded.sample_room(limits);
                let series = read_series(field.message()?, &mut scratch, room, limits)?;
                push(&mut decoded, series_index, &series, &scratch);
                series_index += 1;
            }
            METADATA => {
                field.bytes()?;
                decoded.metadata += 1;
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

/// A series as it came.
struct Series<'a> {
    message: Reader<'a>,
    /// Where the first label field starts and the last one ends.
    labels: Option<(usize, usize)>,
    /// Whether nothing but labels lies between the two.
    contiguous: bool,
    exemplars: u64,
    histograms: u64,
}

fn read_series<'a>(
    message: Reader<'a>,
    samples: &mut Vec<WireSample>,
    samples_max: usize,
    limits: &DecodeLimits,
) -> Result<Series<'a>, ProtocolError> {
    let mut fields = message.clone();
    let mut series =
        Series { message, labels: None, contiguous: true, exemplars: 0, histograms: 0 };
    while let Some(field) = fields.next()? {
        match field.number {
            LABELS => {
                field.bytes()?;
                let (start, end) = series.labels.unwrap_or((field.start, field.start));
                series.contiguous &= end == field.start;
                fields.skip_short(LABELS);
                series.labels = Some((start, fields.position()));
            }
            SAMPLES => sample::push(samples, field.message()?, samples_max, limits)?,
            EXEMPLARS => {
                field.bytes()?;
                series.exemplars += 1;
            }
            HISTOGRAMS => {
                field.bytes()?;
                series.histograms += 1;
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
    samples: &[WireSample],
) {
    decoded.exemplars += series.exemplars;
    decoded.histograms += series.histograms;
    if samples.is_empty() {
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
            decoded.batch.push_series(key);
            sample::push_all(decoded, series_index, samples);
        }
        Err(error) => {
            decoded.reject(series_index, samples.len() as u64, RejectReason::Labels(error));
        }
    }
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

fn read_label<'a>(field: &Field<'a>) -> Result<(&'a str, &'a str), LabelsError> {
    let (mut name, mut value): (&[u8], &[u8]) = (b"", b"");
    let mut label = field.message().map_err(|error| malformed(&error))?;
    while let Some(part) = label.next().map_err(|error| malformed(&error))? {
        match part.number {
            1 => name = part.bytes().map_err(|error| malformed(&error))?,
            2 => value = part.bytes().map_err(|error| malformed(&error))?,
            _ => {}
        }
    }
    Ok((utf8("label name", name)?, utf8("label value", value)?))
}

fn malformed(error: &ProtocolError) -> LabelsError {
    match error {
        ProtocolError::Protobuf { reason, .. } => LabelsError::Malformed { reason },
        _ => LabelsError::Malformed { reason: "not a label message" },
    }
}

/// Text, or the error that names what is no text.
pub(super) fn utf8<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, LabelsError> {
    str::from_utf8(bytes).map_err(|_| {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).into_owned();
        LabelsError::NotUtf8 { what, text }
    })
}

/// The error of labels without a metric name; what is wrong with the labels besides comes first.
pub(super) fn missing_name(builder: &mut LabelsBuilder) -> LabelsError {
    match builder.build() {
        Ok(labels) => LabelsError::MissingMetricName { labels: labels.to_string() },
        Err(error) => error,
    }
}

// The loop pushes one of these per series; it should stay within a cache line.
const _: () = assert!(size_of::<SeriesWrite<'_>>() <= 64);

#[cfg(test)]
mod tests;
