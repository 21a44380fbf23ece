//! Chunks in, samples out.

use timberline_model::{BucketCounts, Histogram, ResetHint, is_stale};

use super::{
    CELLS_MAX, Encoding, HEADER_BYTES, HINT_SHIFT, layout,
    varbit::{XorFloat, read_int, read_uint},
};
use crate::{CodecError, bits::BitReader, histogram::Layout, xor};

/// Decodes a chunk of encoding 1 and appends its samples; timestamps are milliseconds. After an error
/// the columns are as they were.
///
/// # Errors
/// Whatever [`xor::decode`] finds. A single zero byte behind the last sample is fine: older versions of
/// Prometheus leave one where the last bits fill a byte.
pub fn decode_floats(
    bytes: &[u8],
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), CodecError> {
    match (xor::decode(bytes, timestamps, values), bytes) {
        (Err(CodecError::Trailing { extra: 1, .. }), [whole @ .., 0]) => {
            xor::decode(whole, timestamps, values)
        }
        (result, _) => result,
    }
}

/// Decodes a chunk of encoding 2 or 3 and appends its samples; timestamps are milliseconds. After an
/// error the columns are as they were.
///
/// Returns what the chunk says of a reset before its first histogram. That histogram itself is
/// [`ResetHint::Unknown`] (in a chunk of gauges, [`ResetHint::Gauge`]), as the chunk before may not be what
/// comes before it here; who knows that it is may put the hint there. The others did not reset.
/// Stale ones are empty, and their hint is unknown (or gauge).
///
/// # Errors
/// Encoding 1, bytes that end too early or go on behind the last sample (but for a zero byte, as in
/// [`decode_floats`]), a layout or counts that no
/// histogram has, and histograms that hold more than [`CELLS_MAX`] together.
pub fn decode_histograms(
    encoding: Encoding,
    bytes: &[u8],
    timestamps: &mut Vec<i64>,
    histograms: &mut Vec<Histogram>,
) -> Result<ResetHint, CodecError> {
    let (known_timestamps, known_histograms) = (timestamps.len(), histograms.len());
    let result = decode_onto(encoding, bytes, timestamps, histograms);
    if result.is_err() {
        timestamps.truncate(known_timestamps);
        histograms.truncate(known_histograms);
    }
    result
}

fn decode_onto(
    encoding: Encoding,
    bytes: &[u8],
    timestamps: &mut Vec<i64>,
    histograms: &mut Vec<Histogram>,
) -> Result<ResetHint, CodecError> {
    if encoding == Encoding::Xor {
        return Err(CodecError::PrometheusEncoding { code: encoding.code() });
    }
    let (&[high, low, flags], bits) = bytes
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(CodecError::PrometheusCut { field: "header" })?;
    let hint = hint_of(flags >> HINT_SHIFT);
    let count = usize::from(u16::from_be_bytes([high, low]));
    let mut reader = BitReader::new(bits);
    if count > 0 {
        let mut state = State::begin(encoding, &mut reader, bits.len())?;
        for index in 0..count {
            let (ts, histogram) = state.next(&mut reader, index, hint)?;
            if reader.is_past_end() {
                return Err(CodecError::PrometheusCut { field: "samples" });
            }
            histogram.check()?;
            timestamps.push(ts);
            histograms.push(histogram);
        }
    }
    match &bits[reader.position().div_ceil(8)..] {
        [] | [0] => Ok(hint),
        rest => Err(CodecError::PrometheusTrailing { extra: rest.len() }),
    }
}

const fn hint_of(bits: u8) -> ResetHint {
    match bits {
        0b01 => ResetHint::NotReset,
        0b10 => ResetHint::Reset,
        0b11 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}

/// The hint of a histogram within a chunk.
fn hint_within(chunk: ResetHint, index: usize, is_stale: bool) -> ResetHint {
    match chunk {
        ResetHint::Gauge => ResetHint::Gauge,
        _ if index > 0 && !is_stale => ResetHint::NotReset,
        _ => ResetHint::Unknown,
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    value: i64,
    delta: i64,
}

impl Counter {
    fn read(&mut self, reader: &mut BitReader<'_>) -> i64 {
        self.delta = self.delta.wrapping_add(read_int(reader));
        self.value = self.value.wrapping_add(self.delta);
        self.value
    }
}

/// What the next histogram is read against.
#[derive(Debug)]
struct State {
    layout: Layout,
    is_float: bool,
    cells: usize,
    ts: Counter,
    sum: XorFloat,
    /// Count, zero count.
    whole: [Counter; 2],
    /// Differences between buckets.
    buckets: Vec<Counter>,
    /// Count, zero count, buckets.
    floats: Vec<XorFloat>,
}

impl State {
    /// Reads the layout. The samples follow, the first of them by [`State::next`], too.
    fn begin(
        encoding: Encoding,
        reader: &mut BitReader<'_>,
        len: usize,
    ) -> Result<Self, CodecError> {
        let layout = layout::read(reader, len)?;
        let buckets = layout.positive_count + layout.negative_count;
        // Each takes a bit at least.
        if buckets > layout::bits_left(reader, len) {
            return Err(CodecError::PrometheusCut { field: "buckets" });
        }
        let is_float = encoding == Encoding::FloatHistogram;
        Ok(Self {
            layout,
            is_float,
            cells: 0,
            ts: Counter::default(),
            sum: XorFloat::new(0.0),
            whole: [Counter::default(); 2],
            buckets: vec![Counter::default(); if is_float { 0 } else { buckets }],
            floats: vec![XorFloat::new(0.0); if is_float { buckets + 2 } else { 0 }],
        })
    }

    fn next(
        &mut self,
        reader: &mut BitReader<'_>,
        index: usize,
        chunk: ResetHint,
    ) -> Result<(i64, Histogram), CodecError> {
        let ts = if index == 0 {
            self.ts.value = read_int(reader);
            self.ts.value
        } else {
            self.ts.read(reader)
        };
        if self.is_float {
            self.read_floats(reader, 0..2, index)?;
        } else {
            self.read_whole(reader, index);
        }
        self.sum = read_float(self.sum, reader, index)?;
        let sum = self.sum.value();
        let reset_hint = hint_within(chunk, index, is_stale(sum));
        if is_stale(sum) && index > 0 {
            return Ok((ts, Histogram { reset_hint, sum, ..self.empty() }));
        }
        let counts = self.read_buckets(reader, index)?;
        self.reserve_cells()?;
        if is_stale(sum) {
            return Ok((ts, Histogram { reset_hint, sum, ..self.empty() }));
        }
        Ok((ts, self.layout.clone().into_histogram(reset_hint, sum, counts)))
    }

    /// Counts what is about to be copied for a histogram.
    const fn reserve_cells(&mut self) -> Result<(), CodecError> {
        let Layout { positive_spans, negative_spans, custom_values, .. } = &self.layout;
        let buckets = self.layout.positive_count + self.layout.negative_count;
        self.cells += buckets + positive_spans.len() + negative_spans.len() + custom_values.len();
        if self.cells > CELLS_MAX {
            let (value, max) = (self.cells as u64, CELLS_MAX as u64);
            return Err(CodecError::PrometheusRange { field: "cells", value, max });
        }
        Ok(())
    }

    /// A stale histogram of the chunk's kind.
    fn empty(&self) -> Histogram {
        let stale = Histogram::stale();
        if !self.is_float {
            return stale;
        }
        let (positive, negative) = (Vec::new(), Vec::new());
        let counts = BucketCounts::Float { count: 0.0, zero_count: 0.0, positive, negative };
        Histogram { counts, ..stale }
    }

    fn read_whole(&mut self, reader: &mut BitReader<'_>, index: usize) {
        for counter in &mut self.whole {
            if index == 0 {
                counter.value = read_uint(reader) as i64;
            } else {
                counter.read(reader);
            }
        }
    }

    fn read_floats(
        &mut self,
        reader: &mut BitReader<'_>,
        range: std::ops::Range<usize>,
        index: usize,
    ) -> Result<(), CodecError> {
        for float in &mut self.floats[range] {
            *float = read_float(*float, reader, index)?;
        }
        Ok(())
    }

    fn read_buckets(
        &mut self,
        reader: &mut BitReader<'_>,
        index: usize,
    ) -> Result<BucketCounts, CodecError> {
        if self.is_float {
            self.read_floats(reader, 2..self.floats.len(), index)?;
            let values = |floats: &[XorFloat]| floats.iter().map(XorFloat::value).collect();
            let (fields, buckets) = self.floats.split_at(2);
            let (positive, negative) = buckets.split_at(self.layout.positive_count);
            return Ok(BucketCounts::Float {
                count: fields[0].value(),
                zero_count: fields[1].value(),
                positive: values(positive),
                negative: values(negative),
            });
        }
        for bucket in &mut self.buckets {
            if index == 0 {
                bucket.value = read_int(reader);
            } else {
                bucket.read(reader);
            }
        }
        let (positive, negative) = self.buckets.split_at(self.layout.positive_count);
        let [count, zero_count] = self.whole.map(|counter| counter.value as u64);
        let (positive, negative) = (summed(positive), summed(negative));
        Ok(BucketCounts::Integer { count, zero_count, positive, negative })
    }
}

/// The first float of a field is whole.
fn read_float(
    before: XorFloat,
    reader: &mut BitReader<'_>,
    index: usize,
) -> Result<XorFloat, CodecError> {
    if index == 0 {
        return Ok(XorFloat::new(f64::from_bits(reader.read(64))));
    }
    let mut float = before;
    float.read(reader, index)?;
    Ok(float)
}

/// From differences between buckets to their counts.
fn summed(buckets: &[Counter]) -> Vec<u64> {
    let sum = |sum: &mut i64, bucket: &Counter| {
        *sum = sum.wrapping_add(bucket.value);
        Some(*sum as u64)
    };
    buckets.iter().scan(0, sum).collect()
}
