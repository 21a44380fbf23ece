//! Whether a histogram goes on in the chunk of the one before it, and what a new chunk says of a reset.

use timberline_model::{BucketCounts, BucketSpan, Histogram, ResetHint};

use super::layout;

/// Whether `next` can follow `last` in a chunk.
pub(super) fn share_chunk(is_gauge: bool, last: &Histogram, next: &Histogram) -> bool {
    if last.is_float() != next.is_float() || next.reset_hint == ResetHint::Reset {
        return false;
    }
    if (next.reset_hint == ResetHint::Gauge) != is_gauge {
        return false;
    }
    if next.is_stale() {
        return true;
    }
    // After a stale one there is no count to go on from.
    if last.is_stale() || !layout::is_same(last, next) {
        return false;
    }
    is_gauge || !is_lower(last, next)
}

/// What a chunk that begins with `next` says of a reset.
pub(super) fn hint_between(last: Option<&Histogram>, next: &Histogram) -> ResetHint {
    if matches!(next.reset_hint, ResetHint::Gauge | ResetHint::Reset) {
        return next.reset_hint;
    }
    let Some(last) = last else { return ResetHint::Unknown };
    if last.is_float() != next.is_float() || last.reset_hint == ResetHint::Gauge {
        return ResetHint::Unknown;
    }
    if next.is_stale() {
        return ResetHint::NotReset;
    }
    if last.is_stale() {
        return ResetHint::Unknown;
    }
    let threshold = |histogram: &Histogram| histogram.zero_threshold.to_bits();
    let is_comparable = last.schema == next.schema && threshold(last) == threshold(next);
    if !is_comparable && !is_count_lower(last, next) {
        return ResetHint::Unknown;
    }
    if is_lower(last, next) { ResetHint::Reset } else { ResetHint::NotReset }
}

fn is_count_lower(last: &Histogram, next: &Histogram) -> bool {
    match (&last.counts, &next.counts) {
        (BucketCounts::Integer { count: a, .. }, BucketCounts::Integer { count: b, .. }) => b < a,
        (BucketCounts::Float { count: a, .. }, BucketCounts::Float { count: b, .. }) => b < a,
        _ => false,
    }
}

/// Whether any count of `next` is lower than that of `last`, or not there any more, or the bounds are
/// others. Both have the same schema, or the counts differ.
fn is_lower(last: &Histogram, next: &Histogram) -> bool {
    if is_count_lower(last, next) || !layout::have_same_bounds(last, next) {
        return true;
    }
    let sides = [
        [&last.positive_spans[..], &next.positive_spans],
        [&last.negative_spans[..], &next.negative_spans],
    ];
    match (&last.counts, &next.counts) {
        (
            BucketCounts::Integer { zero_count: z, positive: p, negative: n, .. },
            BucketCounts::Integer { zero_count: z2, positive: p2, negative: n2, .. },
        ) => z2 < z || is_any_lower(sides[0], p, p2) || is_any_lower(sides[1], n, n2),
        (
            BucketCounts::Float { zero_count: z, positive: p, negative: n, .. },
            BucketCounts::Float { zero_count: z2, positive: p2, negative: n2, .. },
        ) => z2 < z || is_any_lower(sides[0], p, p2) || is_any_lower(sides[1], n, n2),
        _ => false,
    }
}

/// Compares buckets of the same index. One that is gone counts as zero.
fn is_any_lower<T: Copy + Default + PartialOrd>(
    spans: [&[BucketSpan]; 2],
    last: &[T],
    next: &[T],
) -> bool {
    if spans[0] == spans[1] {
        return last.iter().zip(next).any(|(last, next)| next < last);
    }
    let mut later = indexes(spans[1]).zip(next).peekable();
    indexes(spans[0]).zip(last).any(|(index, count)| {
        while later.next_if(|(other, _)| *other < index).is_some() {}
        let now = later.next_if(|(other, _)| *other == index).map(|(_, now)| *now);
        now.unwrap_or_default() < *count
    })
}

/// The index of each bucket.
fn indexes(spans: &[BucketSpan]) -> impl Iterator<Item = i64> {
    let mut end = 0;
    spans.iter().flat_map(move |span| {
        let start = end + i64::from(span.offset);
        end = start + i64::from(span.length);
        start..end
    })
}
