//! Epochs: what a flush takes, and what it leaves.

use timberline_model::{DuplicatePolicy, SeriesColumns, TimeRange};

use super::{
    super::{Epoch, Head},
    support::{Bits, MILLI, bits, head, labels, of, read, read_all, series_of, write},
};

fn flush(head: &Head, series: timberline_model::SeriesRef, upto: Epoch) -> Bits {
    let mut columns = SeriesColumns::default();
    head.read_flush(series, upto, &mut columns);
    bits(&columns)
}

#[test]
fn a_flush_takes_what_came_before_the_rotation_and_nothing_else() {
    let head = head(DuplicatePolicy::Last);
    let (a, b) = (series_of(&head, &labels(1)), series_of(&head, &labels(2)));
    write(&head, a, &[(5, 5.0), (9, 9.0), (3, 3.0)]);
    assert!(head.epoch_bytes() > 0);
    let epoch = head.rotate();
    assert_eq!(head.epoch_bytes(), 0);
    write(&head, a, &[(9, 99.0), (12, 12.0), (4, 4.0)]);
    write(&head, b, &[(1, 1.0)]);
    assert_eq!(head.series_in(epoch), [a]);
    assert_eq!(flush(&head, a, epoch), of(&[(3, 3.0), (5, 5.0), (9, 9.0)]));
    assert!(flush(&head, b, epoch).is_empty());
    assert_eq!(read(&head, a, TimeRange::ALL, epoch), of(&[(4, 4.0), (9, 99.0), (12, 12.0)]));
    let all = of(&[(3, 3.0), (4, 4.0), (5, 5.0), (9, 99.0), (12, 12.0)]);
    assert_eq!(read_all(&head, a), all);
    head.release(epoch);
    assert_eq!(read_all(&head, a), of(&[(4, 4.0), (9, 99.0), (12, 12.0)]));
    assert_eq!(read_all(&head, b), of(&[(1, 1.0)]));
    assert_eq!(head.unflushed_range(), Some(TimeRange::new(1, 12)));
    let stats = head.stats();
    assert_eq!((stats.min_ts, stats.max_ts, stats.samples), (Some(1), Some(12), 4));
}

#[test]
fn a_flush_that_failed_is_made_up_for_by_the_next() {
    let head = head(DuplicatePolicy::Last);
    let a = series_of(&head, &labels(1));
    write(&head, a, &[(5, 5.0)]);
    let first = head.rotate();
    write(&head, a, &[(5, 6.0), (7, 7.0)]);
    let second = head.rotate();
    assert!(first < second);
    assert_eq!(flush(&head, a, second), of(&[(5, 6.0), (7, 7.0)]));
}

#[test]
fn what_is_in_blocks_is_not_flushed_again_though_reads_still_need_it() {
    let head = head(DuplicatePolicy::Last);
    let (a, b) = (series_of(&head, &labels(1)), series_of(&head, &labels(2)));
    write(&head, a, &[(5, 5.0)]);
    let first = head.rotate();
    head.set_flushed(first);
    write(&head, b, &[(7, 7.0)]);
    let second = head.rotate();
    assert_eq!(head.series_in(second), [b]);
    assert!(flush(&head, a, second).is_empty());
    assert_eq!(read_all(&head, a), of(&[(5, 5.0)]), "an old view still reads it here");
    assert_eq!((head.stats().min_ts, head.stats().max_ts), (Some(7), Some(7)));
}

#[test]
fn everything_is_given_back_when_everything_is_released() {
    let head = head(DuplicatePolicy::Last);
    let all: Vec<_> = (0..600).map(|host| series_of(&head, &labels(host))).collect();
    for series in &all {
        let samples: Vec<(i64, f64)> =
            (0..300).map(|i| ((i * 7 % 300) * MILLI, i as f64)).collect();
        write(&head, *series, &samples);
    }
    let before = head.stats();
    assert!(before.late_samples > 0 && before.sample_bytes > 0 && before.chunks > 600);
    let epoch = head.rotate();
    head.release(epoch);
    let after = head.stats();
    assert_eq!((after.samples, after.chunks, after.sample_bytes), (0, 0, 0));
    assert_eq!((after.min_ts, after.max_ts), (None, None));
    assert!(head.series_in(epoch).is_empty());
    assert_eq!(after.series, 600);
    // A series without samples still knows its newest one.
    write(&head, all[0], &[(299 * MILLI, 1.0), (300 * MILLI, 2.0)]);
    assert_eq!(head.stats().late_samples, 1);
}

#[test]
fn a_duplicate_of_a_flushed_sample_is_kept_for_the_merge() {
    let head = head(DuplicatePolicy::Last);
    let series = series_of(&head, &labels(1));
    write(&head, series, &[(5, 1.0), (9, 2.0)]);
    let epoch = head.rotate();
    head.release(epoch);
    write(&head, series, &[(5, 3.0), (9, 4.0)]);
    assert_eq!(read_all(&head, series), of(&[(5, 3.0), (9, 4.0)]));
    // The value before came back: it must win again.
    write(&head, series, &[(9, 2.0)]);
    assert_eq!(read_all(&head, series), of(&[(5, 3.0), (9, 2.0)]));
}

#[test]
fn bounds_tell_whether_there_may_be_samples() {
    let head = head(DuplicatePolicy::Last);
    let series = series_of(&head, &labels(1));
    assert!(!head.has_samples(series, TimeRange::ALL, Epoch::default()));
    write(&head, series, &[(50, 5.0), (90, 9.0)]);
    let epoch = head.rotate();
    let has = |start, end, after| head.has_samples(series, TimeRange::new(start, end), after);
    assert!(has(90, 100, Epoch::default()) && has(0, 50, Epoch::default()));
    assert!(!has(91, 100, Epoch::default()) && !has(0, 49, Epoch::default()));
    assert!(!has(0, 100, epoch));
    write(&head, series, &[(10, 1.0)]);
    assert!(has(0, 20, epoch) && !has(20, 100, epoch));
}
