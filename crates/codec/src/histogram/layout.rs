//! What histograms of one series mostly share: schema, zero threshold, bounds, and where the buckets
//! lie.

use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint,
    limits::HISTOGRAM_BUCKETS_MAX,
};

use super::{room, take_byte, take_uvarint, take_word};
use crate::{
    CodecError,
    page::figure,
    varint::{put_ivarint, put_uvarint, unzigzag},
};

/// Bytes of the smallest: schema, zero threshold, two numbers of spans.
pub(super) const BYTES_MIN: usize = 4;

/// Thresholds that are powers of two take one byte: 1 to 254 are 2^-243 to 2^10, as in
/// Prometheus' chunks.
const POWER_BIAS: i32 = 244;
pub(crate) const THRESHOLD_ZERO: u8 = 0;
pub(crate) const THRESHOLD_RAW: u8 = 255;

/// Where a histogram's buckets lie.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) schema: i8,
    pub(crate) zero_threshold: f64,
    pub(crate) custom_values: Vec<f64>,
    pub(crate) positive_spans: Vec<BucketSpan>,
    pub(crate) negative_spans: Vec<BucketSpan>,
    /// Buckets of the positive spans, at most [`HISTOGRAM_BUCKETS_MAX`].
    pub(crate) positive_count: usize,
    /// Buckets of the negative spans, at most [`HISTOGRAM_BUCKETS_MAX`].
    pub(crate) negative_count: usize,
}

impl Layout {
    pub(crate) fn into_histogram(
        self,
        reset_hint: ResetHint,
        sum: f64,
        counts: BucketCounts,
    ) -> Histogram {
        let Self { schema, zero_threshold, custom_values, positive_spans, negative_spans, .. } =
            self;
        Histogram {
            reset_hint,
            schema,
            zero_threshold,
            sum,
            positive_spans,
            negative_spans,
            custom_values,
            counts,
        }
    }
}

/// Appends a histogram's layout.
pub(crate) fn put_layout(histogram: &Histogram, bytes: &mut Vec<u8>) {
    bytes.push(histogram.schema as u8);
    put_threshold(histogram.zero_threshold, bytes);
    if histogram.has_custom_buckets() {
        put_uvarint(bytes, histogram.custom_values.len() as u64);
        for bound in &histogram.custom_values {
            figure::put(*bound, bytes);
        }
    }
    put_spans(&histogram.positive_spans, bytes);
    put_spans(&histogram.negative_spans, bytes);
}

fn put_threshold(threshold: f64, bytes: &mut Vec<u8>) {
    let code = threshold_code(threshold);
    bytes.push(code);
    if code == THRESHOLD_RAW {
        bytes.extend_from_slice(&threshold.to_bits().to_le_bytes());
    }
}

/// The byte of a threshold; [`THRESHOLD_RAW`] when it takes its bits.
pub(crate) fn threshold_code(threshold: f64) -> u8 {
    if threshold.to_bits() == 0 {
        return THRESHOLD_ZERO;
    }
    let exponent = (threshold.to_bits() >> 52) as i32 - 1_023;
    match u8::try_from(exponent + POWER_BIAS) {
        Ok(code) if code != THRESHOLD_ZERO && threshold_of(code) == threshold => code,
        _ => THRESHOLD_RAW,
    }
}

/// The threshold of a byte other than [`THRESHOLD_RAW`].
pub(crate) const fn threshold_of(code: u8) -> f64 {
    match code {
        THRESHOLD_ZERO => 0.0,
        code => f64::from_bits(((code as i32 - POWER_BIAS + 1_023) as u64) << 52),
    }
}

fn put_spans(spans: &[BucketSpan], bytes: &mut Vec<u8>) {
    put_uvarint(bytes, spans.len() as u64);
    for span in spans {
        put_ivarint(bytes, i64::from(span.offset));
        put_uvarint(bytes, u64::from(span.length));
    }
}

/// Takes a layout off the front of `bytes`. The spans add up to no more buckets than there may be; what
/// else must hold, [`Histogram::check`] finds.
pub(crate) fn take_layout(bytes: &mut &[u8]) -> Result<Layout, CodecError> {
    let schema = take_byte(bytes, "schema")? as i8;
    let zero_threshold = match take_byte(bytes, "zero threshold")? {
        THRESHOLD_RAW => f64::from_bits(take_word(bytes, "zero threshold")?),
        code => threshold_of(code),
    };
    let custom_values =
        if schema == CUSTOM_BUCKETS_SCHEMA { take_bounds(bytes)? } else { Vec::new() };
    let (positive_spans, positive_count) = take_spans(bytes)?;
    let (negative_spans, negative_count) = take_spans(bytes)?;
    Ok(Layout {
        schema,
        zero_threshold,
        custom_values,
        positive_spans,
        negative_spans,
        positive_count,
        negative_count,
    })
}

fn take_bounds(bytes: &mut &[u8]) -> Result<Vec<f64>, CodecError> {
    let count = take_count(bytes, "bounds")?;
    let mut bounds = Vec::with_capacity(count);
    for _ in 0..count {
        bounds.push(figure::take(bytes).ok_or(CodecError::HistogramCut { field: "bounds" })?);
    }
    Ok(bounds)
}

fn take_spans(bytes: &mut &[u8]) -> Result<(Vec<BucketSpan>, usize), CodecError> {
    let count = take_count(bytes, "spans")?;
    let mut spans = Vec::with_capacity(count);
    let mut buckets = 0_u64;
    for _ in 0..count {
        let offset = unzigzag(take_uvarint(bytes, "span offset")?);
        let offset = i32::try_from(offset).map_err(|_| CodecError::HistogramRange {
            field: "span offset",
            value: offset.unsigned_abs(),
            max: i32::MAX as u64,
        })?;
        let length = take_uvarint(bytes, "span length")?;
        buckets = buckets.saturating_add(length);
        let (field, max) = ("buckets", HISTOGRAM_BUCKETS_MAX as u64);
        if buckets > max {
            return Err(CodecError::HistogramRange { field, value: buckets, max });
        }
        // Not more than all buckets, which fit.
        spans.push(BucketSpan { offset, length: length as u32 });
    }
    Ok((spans, buckets as usize))
}

/// How many entries of at least two bytes each follow.
fn take_count(bytes: &mut &[u8], field: &'static str) -> Result<usize, CodecError> {
    let count = take_uvarint(bytes, field)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    room(bytes, count.saturating_mul(2), field)?;
    Ok(count)
}
