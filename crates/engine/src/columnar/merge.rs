//! Merging the samples of one series that lie in several places.
//!
//! A sample is a float or a histogram, with its start timestamp if it has one; all of it moves
//! together. The duplicate policy decides between samples of one instant whatever their kinds.

use std::ops::Range;

use timberline_model::{ColumnsMark, DuplicatePolicy, Exemplar, Histogram, SeriesColumns};

/// Moves the union of `inputs` to the end of `out`: ascending in time, and one sample per instant unless
/// the policy is to keep all. The inputs are empty afterwards and keep their memory.
///
/// `inputs` are ordered by age: samples of a later input arrived later. Within one input, each
/// column ascends, its samples of one instant are in order of arrival, and floats count as having
/// arrived before the histograms of their instant.
pub(crate) fn merge_columns(
    inputs: &mut [SeriesColumns],
    policy: DuplicatePolicy,
    out: &mut SeriesColumns,
) {
    let mark = out.mark();
    let mut ends = Vec::with_capacity(inputs.len());
    for input in inputs {
        debug_assert_eq!(input.timestamps.len(), input.values.len(), "columns are of one length");
        out.append(input);
        ends.push(out.mark());
    }
    settle_inputs(out, mark, &ends, policy);
}

/// The same for inputs that stand in `out` already, one after the other: the first from `mark` on, each up
/// to its end.
pub(crate) fn settle_inputs(
    out: &mut SeriesColumns,
    mark: ColumnsMark,
    ends: &[ColumnsMark],
    policy: DuplicatePolicy,
) {
    if !is_settled(out, mark) {
        settle(out, mark, ends, policy);
    }
}

/// Leaves one sample per instant after `mark`, where both columns ascend, unless the policy is to keep
/// all.
pub(crate) fn keep_by_policy(out: &mut SeriesColumns, mark: ColumnsMark, policy: DuplicatePolicy) {
    if policy != DuplicatePolicy::All && !is_settled(out, mark) {
        let end = out.mark();
        settle(out, mark, &[end], policy);
    }
}

/// Brings a series' exemplars of several places into the order of time, each once. Unlike samples, any
/// number may have one instant.
pub(crate) fn merge_exemplars(exemplars: &mut Vec<Exemplar>) {
    exemplars.sort_by_key(|exemplar| exemplar.ts);
    let mut kept: Vec<Exemplar> = Vec::with_capacity(exemplars.len());
    for exemplar in exemplars.drain(..) {
        // Repeats have one time, but others may stand between them.
        let mut same_time = kept.iter().rev().take_while(|other| other.ts == exemplar.ts);
        if !same_time.any(|other| *other == exemplar) {
            kept.push(exemplar);
        }
    }
    *exemplars = kept;
}

/// Whether there is nothing to do: both columns ascend, and no instant is in both.
fn is_settled(columns: &SeriesColumns, mark: ColumnsMark) -> bool {
    let floats = &columns.timestamps[mark.floats..];
    let histograms = &columns.histograms.timestamps[mark.histograms..];
    ascends(floats) && ascends(histograms) && are_disjoint(floats, histograms)
}

/// Whether each time lies after the one before it.
fn ascends(timestamps: &[i64]) -> bool {
    let later = timestamps.get(1..).unwrap_or_default();
    // Without a way out in the middle the compiler compares several pairs at once.
    let in_order = |(before, after): (&[i64], &[i64])| {
        before.iter().zip(after).fold(true, |all, (before, after)| all & (before < after))
    };
    timestamps.chunks(256).zip(later.chunks(256)).all(in_order)
}

fn are_disjoint(mut a: &[i64], mut b: &[i64]) -> bool {
    while let ([first_a, rest_a @ ..], [first_b, rest_b @ ..]) = (a, b) {
        match first_a.cmp(first_b) {
            std::cmp::Ordering::Less => a = rest_a,
            std::cmp::Ordering::Greater => b = rest_b,
            std::cmp::Ordering::Equal => return false,
        }
    }
    true
}

/// A sample's place in the columns before they are settled.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    Float(usize),
    Histogram(usize),
}

/// Brings what lies after `mark` into order and applies the policy. `ends` are where the inputs end.
fn settle(
    out: &mut SeriesColumns,
    mark: ColumnsMark,
    ends: &[ColumnsMark],
    policy: DuplicatePolicy,
) {
    let mut arrivals: Vec<(i64, Arrival)> = Vec::with_capacity(out.sample_count());
    let mut start = mark;
    for end in ends {
        let (floats, histograms) = (start.floats..end.floats, start.histograms..end.histograms);
        arrivals.extend(floats.map(|index| (out.timestamps[index], Arrival::Float(index))));
        let at = |index: usize| (out.histograms.timestamps[index], Arrival::Histogram(index));
        arrivals.extend(histograms.map(at));
        start = *end;
    }
    // Sorted runs, which the standard library's stable sort finds and merges; it keeps the order of
    // arrival within an instant.
    arrivals.sort_by_key(|(ts, _)| *ts);
    let mut rest = out.split_off(mark);
    for instant in arrivals.chunk_by(|a, b| a.0 == b.0) {
        for (ts, arrival) in &instant[kept(instant.len(), policy)] {
            take(&mut rest, mark, *ts, *arrival, out);
        }
    }
}

/// Which of the samples of one instant stay, in order of arrival.
const fn kept(count: usize, policy: DuplicatePolicy) -> Range<usize> {
    match policy {
        DuplicatePolicy::All => 0..count,
        DuplicatePolicy::Last => count - 1..count,
        DuplicatePolicy::First | DuplicatePolicy::Reject => 0..1,
    }
}

/// Moves one sample from what was cut off at `mark` to the end of `out`.
fn take(
    from: &mut SeriesColumns,
    mark: ColumnsMark,
    ts: i64,
    arrival: Arrival,
    out: &mut SeriesColumns,
) {
    match arrival {
        Arrival::Float(index) => {
            let index = index - mark.floats;
            let start = from.starts.get(index).copied().unwrap_or(0);
            out.push(ts, start, from.values[index]);
        }
        Arrival::Histogram(index) => {
            let index = index - mark.histograms;
            let start = from.histograms.starts.get(index).copied().unwrap_or(0);
            // Each is taken once; what stays in its place is dropped with the rest.
            let value = std::mem::replace(&mut from.histograms.values[index], Histogram::stale());
            out.histograms.push(ts, start, value);
        }
    }
}

#[cfg(test)]
mod tests;
