//! What becomes of duplicates and of samples out of order.

use std::cell::RefCell;

use timberline_model::{DuplicatePolicy, TimeRange};

use super::{
    super::{Epoch, SampleValue},
    support::{MILLI, head, labels, of, read, read_all, series_of, write, write_over},
};

#[test]
fn late_samples_are_found_at_once_and_in_order() {
    let head = head(DuplicatePolicy::Last);
    let series = series_of(&head, &labels(1));
    assert!(write(&head, series, &[(5, 5.0), (9, 9.0), (7, 7.0), (1, 1.0)]).is_empty());
    assert_eq!(read_all(&head, series), of(&[(1, 1.0), (5, 5.0), (7, 7.0), (9, 9.0)]));
    let range = TimeRange::new(5, 7);
    assert_eq!(read(&head, series, range, Epoch::default()), of(&[(5, 5.0), (7, 7.0)]));
    assert_eq!(head.stats().late_samples, 2);
}

#[test]
fn each_policy_keeps_its_duplicates() {
    let samples = [(5, 1.0), (5, 2.0), (9, 3.0), (5, 4.0), (9, 5.0), (9, 3.0)];
    let kept = |policy| {
        let head = head(policy);
        let series = series_of(&head, &labels(1));
        let refused = write(&head, series, &samples);
        (read_all(&head, series), refused)
    };
    assert_eq!(kept(DuplicatePolicy::Last), (of(&[(5, 4.0), (9, 3.0)]), vec![]));
    assert_eq!(kept(DuplicatePolicy::First), (of(&[(5, 1.0), (9, 3.0)]), vec![]));
    // The last sample is a repeat of the kept one.
    assert_eq!(kept(DuplicatePolicy::Reject), (of(&[(5, 1.0), (9, 3.0)]), vec![1, 3, 4]));
    let all = of(&[(5, 1.0), (5, 2.0), (5, 4.0), (9, 3.0), (9, 5.0), (9, 3.0)]);
    assert_eq!(kept(DuplicatePolicy::All), (all, vec![]));
}

#[test]
fn a_repeat_of_the_newest_sample_costs_nothing_unless_all_are_kept() {
    for (policy, count) in [
        (DuplicatePolicy::Last, 1),
        (DuplicatePolicy::First, 1),
        (DuplicatePolicy::Reject, 1),
        (DuplicatePolicy::All, 3),
    ] {
        let head = head(policy);
        let series = series_of(&head, &labels(1));
        let nan = f64::from_bits(0x7ff0_0000_0000_0002);
        assert!(write(&head, series, &[(5, nan), (5, nan), (5, nan)]).is_empty());
        assert_eq!(head.stats().samples, count, "{policy}");
    }
}

#[test]
fn values_that_differ_only_in_their_bits_are_other_values() {
    let head = head(DuplicatePolicy::Reject);
    let series = series_of(&head, &labels(1));
    assert_eq!(write(&head, series, &[(5, 0.0), (5, -0.0), (9, 1.0), (5, -0.0)]), [1, 3]);
    assert_eq!(read_all(&head, series), of(&[(5, 0.0), (9, 1.0)]));
}

#[test]
fn rejecting_asks_the_blocks_only_where_they_may_know() {
    let asked = RefCell::new(Vec::new());
    let older = |labels: &timberline_model::Labels, ts: i64| {
        asked.borrow_mut().push((labels.clone(), ts));
        (ts == 3).then_some(SampleValue::Float(33.0))
    };
    // A new series: blocks hold only what the head saw.
    let head = head(DuplicatePolicy::Reject);
    let new = series_of(&head, &labels(1));
    assert!(write_over(&head, new, &[(5, 5.0), (9, 9.0)], &older).is_empty());
    assert_eq!(asked.take(), []);
    assert_eq!(
        write_over(&head, new, &[(9, 1.0), (5, 1.0), (3, 1.0), (3, 33.0)], &older),
        [0, 1, 2]
    );
    assert_eq!(asked.take(), [(labels(1), 3), (labels(1), 3)]);
    // A series from the dictionary: blocks may hold anything, until told up to when.
    let old = (2..).map(labels).find(|set| head.find(set).is_none()).expect("another");
    let series = super::super::ShardIndex::of_hash(old.hash()).series(77);
    head.define(series, &old).expect("free");
    assert!(write_over(&head, series, &[(5, 5.0)], &older).is_empty());
    assert_eq!(asked.take(), [(old.clone(), 5)]);
    head.set_blocks_end(8);
    assert!(write_over(&head, series, &[(7, 5.0), (9, 9.0)], &older).is_empty());
    assert_eq!(asked.take(), [(old, 7)]);
}

#[test]
fn rejecting_looks_into_sealed_and_late_chunks() {
    let head = head(DuplicatePolicy::Reject);
    let series = series_of(&head, &labels(1));
    let even: Vec<(i64, f64)> = (0..1_000).map(|i| (i * 2 * MILLI, i as f64)).collect();
    let odd: Vec<(i64, f64)> = (0..500).map(|i| ((i * 2 + 1) * MILLI, i as f64)).collect();
    assert!(write(&head, series, &even).is_empty());
    assert!(write(&head, series, &odd).is_empty());
    assert!(write(&head, series, &even).is_empty(), "the same again is no duplicate");
    assert!(write(&head, series, &odd).is_empty(), "the same again is no duplicate");
    let other: Vec<(i64, f64)> = (0..2_000).map(|i| (i * MILLI, -1.0)).collect();
    let refused = write(&head, series, &other);
    assert_eq!(refused.len(), 1_500);
    assert_eq!(read_all(&head, series).len(), 2_000);
}

#[test]
fn the_finest_unit_of_a_chunk_holds_every_instant() {
    let head = head(DuplicatePolicy::Last);
    let series = series_of(&head, &labels(1));
    let samples: Vec<(i64, f64)> = [
        i64::MIN,
        i64::MIN + 1,
        -1_000_000,
        -1_500,
        -7,
        0,
        1_000_000,
        1_001_000,
        1_001_001,
        2_000_000,
        1_700_000_000_000_000_000,
        i64::MAX - 1,
        i64::MAX,
    ]
    .into_iter()
    .zip([f64::NAN, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE].into_iter().cycle())
    .collect();
    assert!(write(&head, series, &samples).is_empty());
    assert_eq!(read_all(&head, series), of(&samples));
    let mut backwards = samples.clone();
    backwards.reverse();
    let late = series_of(&head, &labels(2));
    assert!(write(&head, late, &backwards).is_empty());
    assert_eq!(read_all(&head, late), of(&samples));
}

#[test]
fn a_hundred_and_twenty_samples_make_a_chunk() {
    let head = head(DuplicatePolicy::Last);
    let series = series_of(&head, &labels(1));
    let samples: Vec<(i64, f64)> = (0..361).map(|i| (i * MILLI, 1.0)).collect();
    write(&head, series, &samples);
    let stats = head.stats();
    assert_eq!((stats.chunks, stats.samples, stats.late_samples), (4, 361, 0));
    assert_eq!((stats.min_ts, stats.max_ts), (Some(0), Some(360 * MILLI)));
}
