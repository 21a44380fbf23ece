//! Native histograms as remote write and remote read have them.
//!
//! Fields: `count_int = 1` or `count_float = 2` (which decides whether the counts are integers),
//! `sum = 3`, `schema = 4`, `zero_threshold = 5`, `zero_count_int = 6`, `zero_count_float = 7`,
//! `negative_spans = 8`, `negative_deltas = 9`, `negative_counts = 10`, `positive_spans = 11`,
//! `positive_deltas = 12`, `positive_counts = 13`, `reset_hint = 14`, `timestamp = 15`,
//! `custom_values = 16`, and in version 2.0 `start_timestamp = 17`. A span has `offset = 1` and
//! `length = 2`. Integer buckets come as differences to the bucket before, floats as they are.
//!
//! What this is not: whether a histogram adds up is checked where it is written
//! ([`Histogram::check`]). Here only what the model cannot say is refused.

use timberline_model::{
    BucketCounts, BucketSpan, Histogram, HistogramError, HistogramSample, NANOS_PER_MILLI,
    RejectReason, ResetHint,
};

use super::{
    contents::{Contents, Refused, Room},
    sample::{nanos, out_of_range},
};
use crate::{
    ProtocolError,
    protobuf::{
        Field, Reader, put_bytes, put_double, put_int64, put_packed_doubles, put_packed_zigzag,
        put_uint64, put_zigzag,
    },
};

/// Reads a histogram behind others, or refuses it.
#[cold]
pub(super) fn push(
    contents: &mut Contents,
    refused: &mut Refused,
    message: Reader<'_>,
    room: &mut Room,
) -> Result<(), ProtocolError> {
    room.histograms.take(1)?;
    let wire = Wire::read(message, room)?;
    match wire.into_sample() {
        Ok(sample) => contents.histograms.push(sample),
        Err(reason) => refused.push(reason),
    }
    Ok(())
}

/// A histogram as it came. What is absent is zero, as protobuf has it.
#[derive(Debug, Default)]
struct Wire {
    is_float: bool,
    count: u64,
    count_float: f64,
    sum: f64,
    schema: i64,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    negative: Side,
    positive: Side,
    reset_hint: u64,
    ts_ms: i64,
    start_ms: i64,
    custom_values: Vec<f64>,
}

/// The buckets above or below zero.
#[derive(Debug, Default)]
struct Side {
    spans: Vec<BucketSpan>,
    counts: Vec<u64>,
    counts_float: Vec<f64>,
    /// The last count, to which the next difference is added.
    last: i64,
    /// A difference led below zero or above what 63 bits hold.
    broken: bool,
}

impl Wire {
    fn read(mut message: Reader<'_>, room: &mut Room) -> Result<Self, ProtocolError> {
        let mut wire = Self::default();
        while let Some(field) = message.next()? {
            match field.number {
                1 => (wire.is_float, wire.count) = (false, field.varint()?),
                2 => (wire.is_float, wire.count_float) = (true, field.double()?),
                3 => wire.sum = field.double()?,
                4 => wire.schema = field.zigzag()?,
                5 => wire.zero_threshold = field.double()?,
                6 => wire.zero_count = field.varint()?,
                7 => wire.zero_count_float = field.double()?,
                8 => wire.negative.push_span(&field, room)?,
                9 => wire.negative.push_deltas(&field, room)?,
                10 => push_doubles(&mut wire.negative.counts_float, &field, room)?,
                11 => wire.positive.push_span(&field, room)?,
                12 => wire.positive.push_deltas(&field, room)?,
                13 => push_doubles(&mut wire.positive.counts_float, &field, room)?,
                14 => wire.reset_hint = field.varint()?,
                15 => wire.ts_ms = field.varint()? as i64,
                16 => push_doubles(&mut wire.custom_values, &field, room)?,
                17 => wire.start_ms = field.varint()? as i64,
                _ => {}
            }
        }
        Ok(wire)
    }

    fn into_sample(self) -> Result<HistogramSample, RejectReason> {
        let ts = nanos(self.ts_ms).ok_or_else(|| out_of_range("timestamp", self.ts_ms))?;
        let start = nanos(self.start_ms);
        let start = start.ok_or_else(|| out_of_range("start timestamp", self.start_ms))?;
        let schema = i8::try_from(self.schema).map_err(|_| {
            RejectReason::Protocol(format!(
                "invalid histogram: schema {} does not exist",
                self.schema
            ))
        })?;
        let Self { negative, positive, .. } = self;
        let counts = if self.is_float {
            BucketCounts::Float {
                count: self.count_float,
                zero_count: self.zero_count_float,
                positive: positive.counts_float,
                negative: negative.counts_float,
            }
        } else if negative.broken || positive.broken {
            return Err(HistogramError::NegativeCount.into());
        } else {
            BucketCounts::Integer {
                count: self.count,
                zero_count: self.zero_count,
                positive: positive.counts,
                negative: negative.counts,
            }
        };
        // An enum's word that is not known yet says nothing to us.
        let reset_hint = u8::try_from(self.reset_hint).ok().and_then(ResetHint::from_code);
        let histogram = Histogram {
            reset_hint: reset_hint.unwrap_or_default(),
            schema,
            zero_threshold: self.zero_threshold,
            sum: self.sum,
            positive_spans: positive.spans,
            negative_spans: negative.spans,
            custom_values: self.custom_values,
            counts,
        };
        Ok(HistogramSample { ts, start, histogram })
    }
}

impl Side {
    fn push_span(&mut self, field: &Field<'_>, room: &mut Room) -> Result<(), ProtocolError> {
        room.buckets.take(1)?;
        let mut span = BucketSpan { offset: 0, length: 0 };
        let mut message = field.message()?;
        while let Some(field) = message.next()? {
            match field.number {
                // 32 bits are read from as many as came, as protobuf has it.
                1 => span.offset = field.zigzag()? as i32,
                2 => span.length = field.varint()? as u32,
                _ => {}
            }
        }
        self.spans.push(span);
        Ok(())
    }

    fn push_deltas(&mut self, field: &Field<'_>, room: &mut Room) -> Result<(), ProtocolError> {
        let count = field.varint_count();
        room.buckets.take(count)?;
        self.counts.reserve(count);
        field.for_each_varint(|delta| {
            let delta = timberline_codec::varint::unzigzag(delta);
            let next = self.last.checked_add(delta);
            match next.map(u64::try_from) {
                Some(Ok(count)) => self.counts.push(count),
                _ => self.broken = true,
            }
            self.last = next.unwrap_or(0);
        })
    }
}

fn push_doubles(
    doubles: &mut Vec<f64>,
    field: &Field<'_>,
    room: &mut Room,
) -> Result<(), ProtocolError> {
    let count = field.double_count();
    room.buckets.take(count)?;
    doubles.reserve(count);
    field.for_each_double(|double| doubles.push(double))
}

/// Appends a histogram's fields. Times are cut to whole milliseconds, as the format has nothing finer.
pub(crate) fn put_histogram(out: &mut Vec<u8>, ts: i64, histogram: &Histogram) {
    let Histogram { positive_spans, negative_spans, custom_values, .. } = histogram;
    match &histogram.counts {
        BucketCounts::Integer { count, .. } => put_uint64(out, 1, *count),
        BucketCounts::Float { count, .. } => put_double(out, 2, *count),
    }
    put_double(out, 3, histogram.sum);
    put_zigzag(out, 4, histogram.schema.into());
    put_double(out, 5, histogram.zero_threshold);
    match &histogram.counts {
        BucketCounts::Integer { zero_count, positive, negative, .. } => {
            put_uint64(out, 6, *zero_count);
            put_spans(out, 8, negative_spans);
            put_packed_zigzag(out, 9, deltas(negative));
            put_spans(out, 11, positive_spans);
            put_packed_zigzag(out, 12, deltas(positive));
        }
        BucketCounts::Float { zero_count, positive, negative, .. } => {
            put_double(out, 7, *zero_count);
            put_spans(out, 8, negative_spans);
            put_packed_doubles(out, 10, negative);
            put_spans(out, 11, positive_spans);
            put_packed_doubles(out, 13, positive);
        }
    }
    if histogram.reset_hint != ResetHint::Unknown {
        put_uint64(out, 14, u64::from(histogram.reset_hint as u8));
    }
    put_int64(out, 15, ts.div_euclid(NANOS_PER_MILLI));
    put_packed_doubles(out, 16, custom_values);
}

fn deltas(counts: &[u64]) -> impl Iterator<Item = i64> {
    let before = std::iter::once(&0).chain(counts);
    counts.iter().zip(before).map(|(count, before)| count.wrapping_sub(*before) as i64)
}

fn put_spans(out: &mut Vec<u8>, number: u32, spans: &[BucketSpan]) {
    let mut message = Vec::new();
    for span in spans {
        message.clear();
        put_zigzag(&mut message, 1, span.offset.into());
        put_uint64(&mut message, 2, span.length.into());
        put_bytes(out, number, &message);
    }
}
