//! The layout that a chunk of histograms begins with.

use timberline_model::{
    BucketSpan, CUSTOM_BUCKETS_SCHEMA, Histogram, HistogramError, limits::HISTOGRAM_BUCKETS_MAX,
};

use super::varbit::{read_int, read_uint, write_int, write_uint};
use crate::{
    CodecError,
    bits::{BitReader, BitWriter},
    histogram::{Layout, THRESHOLD_RAW, THRESHOLD_ZERO, threshold_code, threshold_of},
};

/// What a histogram takes of a chunk's cells: counts of buckets, spans and bounds.
pub(super) fn cells_of(histogram: &Histogram) -> usize {
    let (positive, negative) = histogram.counts.bucket_counts();
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    positive + negative + spans + histogram.custom_values.len()
}

/// Whether two histograms of the same kind have the same layout.
pub(super) fn is_same(a: &Histogram, b: &Histogram) -> bool {
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && have_same_bounds(a, b)
}

pub(super) fn have_same_bounds(a: &Histogram, b: &Histogram) -> bool {
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
    let (a, b) = (&a.custom_values, &b.custom_values);
    a.len() == b.len() && a.iter().zip(b).all(same)
}

pub(super) fn write(writer: &mut BitWriter<'_>, histogram: &Histogram) {
    // Negative zero is written as zero, as Prometheus does.
    let code = if histogram.zero_threshold == 0.0 {
        THRESHOLD_ZERO
    } else {
        threshold_code(histogram.zero_threshold)
    };
    writer.write(u64::from(code), 8);
    if code == THRESHOLD_RAW {
        writer.write(histogram.zero_threshold.to_bits(), 64);
    }
    write_int(writer, i64::from(histogram.schema));
    for spans in [&histogram.positive_spans, &histogram.negative_spans] {
        write_uint(writer, spans.len() as u64);
        for span in spans {
            write_uint(writer, u64::from(span.length));
            write_int(writer, i64::from(span.offset));
        }
    }
    if histogram.has_custom_buckets() {
        write_uint(writer, histogram.custom_values.len() as u64);
        for bound in &histogram.custom_values {
            write_bound(writer, *bound);
        }
    }
}

/// Bounds of three digits up to here are written as thousandths and one.
const THOUSANDTHS_MAX: f64 = 33_554_430.0;

fn write_bound(writer: &mut BitWriter<'_>, bound: f64) {
    let thousandths = (bound * 1_000.0).round();
    let fits = (0.0..=THOUSANDTHS_MAX).contains(&(bound * 1_000.0));
    if fits && thousandths / 1_000.0 == bound {
        write_uint(writer, thousandths as u64 + 1);
    } else {
        writer.write(0, 1);
        writer.write(bound.to_bits(), 64);
    }
}

/// Bits that are left.
pub(super) const fn bits_left(reader: &BitReader<'_>, len: usize) -> usize {
    (len * 8).saturating_sub(reader.position())
}

/// Reads a layout from bits of `len` bytes.
pub(super) fn read(reader: &mut BitReader<'_>, len: usize) -> Result<Layout, CodecError> {
    let zero_threshold = match reader.read(8) as u8 {
        THRESHOLD_RAW => f64::from_bits(reader.read(64)),
        code => threshold_of(code),
    };
    let schema =
        i8::try_from(read_int(reader)).map_err(|_| HistogramError::Schema { schema: i8::MAX })?;
    let (positive_spans, positive_count) = read_spans(reader, len)?;
    let (negative_spans, negative_count) = read_spans(reader, len)?;
    let custom_values = if schema == CUSTOM_BUCKETS_SCHEMA {
        let count = read_count(reader, len, 5, "bounds")?;
        (0..count).map(|_| read_bound(reader)).collect()
    } else {
        Vec::new()
    };
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

fn read_bound(reader: &mut BitReader<'_>) -> f64 {
    match read_uint(reader) {
        0 => f64::from_bits(reader.read(64)),
        number => (number - 1) as f64 / 1_000.0,
    }
}

/// A number of entries of at least so many bits each, if there are so many bits.
fn read_count(
    reader: &mut BitReader<'_>,
    len: usize,
    bits_min: usize,
    field: &'static str,
) -> Result<usize, CodecError> {
    let count = usize::try_from(read_uint(reader)).unwrap_or(usize::MAX);
    if count.saturating_mul(bits_min) > bits_left(reader, len) {
        return Err(CodecError::PrometheusCut { field });
    }
    Ok(count)
}

fn read_spans(
    reader: &mut BitReader<'_>,
    len: usize,
) -> Result<(Vec<BucketSpan>, usize), CodecError> {
    let count = read_count(reader, len, 2, "spans")?;
    let mut spans = Vec::with_capacity(count);
    let mut buckets = 0_u64;
    for _ in 0..count {
        let (length, offset) = (read_uint(reader), read_int(reader));
        let offset = i32::try_from(offset).map_err(|_| CodecError::PrometheusRange {
            field: "span offset",
            value: offset.unsigned_abs(),
            max: i32::MAX as u64,
        })?;
        buckets = buckets.saturating_add(length);
        let max = HISTOGRAM_BUCKETS_MAX as u64;
        if buckets > max {
            return Err(CodecError::PrometheusRange { field: "buckets", value: buckets, max });
        }
        // Not more than all buckets, which fit.
        spans.push(BucketSpan { offset, length: length as u32 });
    }
    Ok((spans, buckets as usize))
}
