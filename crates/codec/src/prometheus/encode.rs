//! One chunk of histograms that share their layout.

use timberline_model::{BucketCounts, Histogram, ResetHint};

use super::{
    HEADER_BYTES, HINT_SHIFT, layout,
    varbit::{XorFloat, write_int, write_uint},
};
use crate::bits::BitWriter;

/// The chunk of histograms that share it.
pub(super) fn chunk(hint: ResetHint, timestamps: &[i64], histograms: &[Histogram]) -> Vec<u8> {
    let count = u16::try_from(histograms.len()).expect("a chunk is cut before 65,536 samples");
    // A stale histogram is written as one without anything else.
    let empty = |histogram: &Histogram| {
        let counts = if histogram.is_float() { no_floats() } else { Histogram::stale().counts };
        Histogram { counts, ..Histogram::stale() }
    };
    let mut bytes = Vec::with_capacity(64 + 4 * histograms.len());
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.push((hint_bits(hint)) << HINT_SHIFT);
    let mut writer = BitWriter::resume(&mut bytes, 0);
    let mut state = State::default();
    for (ts, histogram) in timestamps.iter().zip(histograms) {
        if histogram.is_stale() {
            state.append(&mut writer, *ts, &empty(histogram));
        } else {
            state.append(&mut writer, *ts, histogram);
        }
    }
    bytes.shrink_to_fit();
    debug_assert!(bytes.len() > HEADER_BYTES, "a chunk of no histograms");
    bytes
}

const fn no_floats() -> BucketCounts {
    BucketCounts::Float { count: 0.0, zero_count: 0.0, positive: Vec::new(), negative: Vec::new() }
}

/// The two highest bits of the header.
const fn hint_bits(hint: ResetHint) -> u8 {
    match hint {
        ResetHint::Unknown => 0b00,
        ResetHint::NotReset => 0b01,
        ResetHint::Reset => 0b10,
        ResetHint::Gauge => 0b11,
    }
}

/// A number and how it changed last.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    value: i64,
    delta: i64,
}

impl Counter {
    /// Writes how the change changed.
    fn write(&mut self, writer: &mut BitWriter<'_>, value: i64) {
        let delta = value.wrapping_sub(self.value);
        write_int(writer, delta.wrapping_sub(self.delta));
        *self = Self { value, delta };
    }

    const fn new(value: i64) -> Self {
        Self { value, delta: 0 }
    }
}

/// What the next histogram is written against; nothing before the first.
#[derive(Debug, Default)]
struct State {
    ts: Counter,
    sum: Option<XorFloat>,
    /// Count, zero count.
    whole: [Counter; 2],
    floats: Vec<XorFloat>,
    buckets: Vec<Counter>,
}

impl State {
    fn append(&mut self, writer: &mut BitWriter<'_>, ts: i64, histogram: &Histogram) {
        let first = self.sum.is_none();
        if first {
            layout::write(writer, histogram);
            write_int(writer, ts);
            self.ts = Counter::new(ts);
        } else {
            self.ts.write(writer, ts);
        }
        match &histogram.counts {
            BucketCounts::Integer { count, zero_count, positive, negative } => {
                self.append_counts(writer, [*count, *zero_count], histogram.is_stale());
                self.append_sum(writer, histogram.sum);
                let changes = changes(positive).chain(changes(negative));
                if first {
                    self.buckets = changes.map(Counter::new).collect();
                    self.buckets.iter().for_each(|bucket| write_int(writer, bucket.value));
                } else {
                    let buckets = self.buckets.iter_mut().zip(changes);
                    buckets.for_each(|(bucket, change)| bucket.write(writer, change));
                }
            }
            BucketCounts::Float { count, zero_count, positive, negative } => {
                let fields = [*count, *zero_count, histogram.sum];
                let all = fields.into_iter().chain(positive.iter().chain(negative).copied());
                if first {
                    self.floats = all.map(XorFloat::new).collect();
                    self.floats.iter().for_each(|float| writer.write(float.value().to_bits(), 64));
                    self.sum = self.floats.get(2).copied();
                } else {
                    let floats = self.floats.iter_mut().zip(all);
                    floats.for_each(|(float, value)| float.write(writer, value));
                }
            }
        }
    }

    fn append_counts(&mut self, writer: &mut BitWriter<'_>, counts: [u64; 2], is_stale: bool) {
        for (counter, count) in self.whole.iter_mut().zip(counts) {
            if self.sum.is_none() {
                write_uint(writer, count);
                *counter = Counter::new(count as i64);
            } else if is_stale {
                // Nothing but stale ones follow, and their counts mean nothing.
                write_int(writer, 0);
            } else {
                counter.write(writer, count as i64);
            }
        }
    }

    fn append_sum(&mut self, writer: &mut BitWriter<'_>, sum: f64) {
        match &mut self.sum {
            Some(before) => before.write(writer, sum),
            None => {
                writer.write(sum.to_bits(), 64);
                self.sum = Some(XorFloat::new(sum));
            }
        }
    }
}

/// Each count of a side by its difference from the bucket before.
fn changes(counts: &[u64]) -> impl Iterator<Item = i64> {
    let mut before = 0_u64;
    counts.iter().map(move |count| {
        let change = count.wrapping_sub(before) as i64;
        before = *count;
        change
    })
}
