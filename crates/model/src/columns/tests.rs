//! Edits keep samples whole.

use super::*;

fn histogram(sum: f64) -> Histogram {
    Histogram { sum, ..Histogram::stale() }
}

/// Floats at 1 to 4, the third with a start, and histograms at 2 and 5, the last with a start.
fn sample() -> SeriesColumns {
    let mut columns = SeriesColumns::default();
    for ts in 1..=4 {
        columns.push(ts, if ts == 3 { 30 } else { 0 }, ts as f64);
    }
    columns.histograms.push(2, 0, histogram(2.0));
    columns.histograms.push(5, 50, histogram(5.0));
    columns
}

#[test]
fn starts_begin_with_the_first_that_is_known() {
    let columns = sample();
    assert_eq!(columns.starts, [0, 0, 30, 0]);
    assert_eq!(columns.histograms.starts, [0, 50]);
    assert_eq!(columns.sample_count(), 6);
}

#[test]
fn trimming_leaves_what_is_before_the_mark() {
    let mut columns = SeriesColumns::default();
    columns.push(9, 0, 9.0);
    let mark = columns.mark();
    columns.append(&mut sample());
    columns.trim(mark, TimeRange::new(3, 5));
    assert_eq!(columns.timestamps, [9, 3, 4]);
    assert_eq!(columns.starts, [0, 30, 0]);
    assert_eq!(columns.histograms.timestamps, [5]);
    assert_eq!(columns.histograms.starts, [50]);
    columns.trim(mark, TimeRange::new(6, 5));
    assert_eq!(columns.mark(), mark);
}

#[test]
fn splitting_and_appending_are_inverse() {
    for floats in 0..=4 {
        for histograms in 0..=2 {
            let mut columns = sample();
            let mut rest = columns.split_off(ColumnsMark { floats, histograms });
            assert_eq!(rest.sample_count(), 6 - floats - histograms);
            columns.append(&mut rest);
            assert!(rest.is_empty() && rest.starts.is_empty());
            assert_eq!(columns.timestamps, [1, 2, 3, 4]);
            assert_eq!(columns.starts, [0, 0, 30, 0]);
            assert_eq!(columns.histograms.values, sample().histograms.values);
            assert_eq!(columns.histograms.starts, [0, 50]);
        }
    }
}

#[test]
fn retaining_takes_whole_samples_away() {
    let mut columns = sample();
    columns.retain(ColumnsMark { floats: 1, histograms: 0 }, |ts| ts % 2 == 1);
    assert_eq!(columns.timestamps, [1, 3]);
    assert_eq!(columns.values, [1.0, 3.0]);
    assert_eq!(columns.starts, [0, 30]);
    assert_eq!(columns.histograms.values, [histogram(5.0)]);
    assert_eq!(columns.histograms.starts, [50]);
}
