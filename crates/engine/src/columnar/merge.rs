//! Merging the samples of one series that lie in several places.

use timberline_model::{DuplicatePolicy, SeriesColumns};

/// One place's samples of a series: timestamps ascending, and as many values.
pub(crate) type Columns<'a> = (&'a [i64], &'a [f64]);

/// Appends the union of `inputs` to `out`: ascending in time, and one sample per instant unless the
/// policy is to keep all.
///
/// `inputs` are ordered by age: samples of a later input arrived later. Within one input, samples of
/// one instant are in order of arrival.
pub(crate) fn merge_columns(
    inputs: &[Columns<'_>],
    policy: DuplicatePolicy,
    out: &mut SeriesColumns,
) {
    let start = out.len();
    for (timestamps, values) in inputs {
        debug_assert_eq!(timestamps.len(), values.len(), "columns are of one length");
        out.timestamps.extend_from_slice(timestamps);
        out.values.extend_from_slice(values);
    }
    if is_strict(out, start) {
        return;
    }
    sort_by_time(out, start);
    keep_by_policy(out, start, policy);
}

/// Leaves one sample per instant from `start` on, where times ascend, unless the policy is to keep all.
pub(crate) fn keep_by_policy(out: &mut SeriesColumns, start: usize, policy: DuplicatePolicy) {
    if policy != DuplicatePolicy::All && !is_strict(out, start) {
        drop_duplicates(out, start, policy);
    }
}

fn is_strict(columns: &SeriesColumns, start: usize) -> bool {
    columns.timestamps[start..].is_sorted_by(|a, b| a < b)
}

/// Sorts by time and keeps the order of arrival within an instant. The inputs are sorted runs, which
/// the standard library's stable sort finds and merges.
fn sort_by_time(out: &mut SeriesColumns, start: usize) {
    let mut samples: Vec<(i64, f64)> =
        out.timestamps[start..].iter().copied().zip(out.values[start..].iter().copied()).collect();
    samples.sort_by_key(|(ts, _)| *ts);
    for (index, (ts, value)) in samples.into_iter().enumerate() {
        out.timestamps[start + index] = ts;
        out.values[start + index] = value;
    }
}

fn drop_duplicates(out: &mut SeriesColumns, start: usize, policy: DuplicatePolicy) {
    let last_wins = policy == DuplicatePolicy::Last;
    let mut kept = start;
    for index in start..out.len() {
        let repeats = kept > start && out.timestamps[kept - 1] == out.timestamps[index];
        if !repeats {
            out.timestamps[kept] = out.timestamps[index];
            out.values[kept] = out.values[index];
            kept += 1;
        } else if last_wins {
            out.values[kept - 1] = out.values[index];
        }
    }
    out.timestamps.truncate(kept);
    out.values.truncate(kept);
}

#[cfg(test)]
mod tests;
