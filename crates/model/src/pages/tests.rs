//! Cuts tell apart what a reader puts into different buckets.

use super::*;

/// Samples are alike if they are on the same side of each of these cuts.
fn is_cut(after: &[i64], start: i64, end: i64) -> bool {
    after.iter().any(|cut| start <= *cut && end > *cut)
}

#[test]
fn a_row_cuts_what_a_list_of_its_instants_cuts() {
    for (first, step, count) in [(0, 5, 3), (-7, 4, 5), (3, 1, 1), (2, 0, 4), (0, 9, 0)] {
        let mut cuts = Cuts::none();
        cuts.add_after(first, step, count);
        let instants: Vec<i64> = (0..count as i64).map(|n| first + n * step.max(1)).collect();
        for start in -20..20 {
            for end in start..25 {
                let expected = is_cut(&instants, start, end);
                assert_eq!(cuts.is_within(TimeRange::new(start, end)), expected, "{start}..={end}");
            }
        }
    }
}

#[test]
fn windows_cut_at_both_of_their_ends_and_buckets_before_they_begin() {
    // (5, 10], (15, 20], (25, 30]
    let windows = Cuts::windows(10, 10, 3, 5);
    let buckets = Cuts::buckets(3, 4);
    let number = |ts: i64| (ts - 3).div_euclid(4);
    for start in -30..40 {
        for end in start..45 {
            let range = TimeRange::new(start, end);
            assert_eq!(windows.is_within(range), is_cut(&[5, 10, 15, 20, 25, 30], start, end));
            assert_eq!(buckets.is_within(range), number(start) != number(end), "{start}..={end}");
        }
    }
}

#[test]
fn cuts_at_the_ends_of_time_do_not_overflow() {
    let all = TimeRange::ALL;
    let late = TimeRange::new(i64::MAX - 1, i64::MAX);
    assert!(!Cuts::none().is_within(all));
    assert!(Cuts::buckets(i64::MIN, i64::MAX).is_within(all));
    assert!(Cuts::buckets(i64::MAX, 1).is_within(late));
    assert!(!Cuts::buckets(0, i64::MAX).is_within(TimeRange::new(0, i64::MAX - 1)));
    assert!(Cuts::windows(i64::MIN, i64::MAX, u64::MAX, i64::MAX).is_within(all));
    assert!(!Cuts::windows(i64::MIN, 1, 5, 1).is_within(late));
    let mut cuts = Cuts::none();
    cuts.add_after(i64::MAX, i64::MAX, u64::MAX);
    assert!(!cuts.is_within(late));
    cuts.add_after(i64::MAX - 1, i64::MAX, 1);
    assert!(cuts.is_within(late));
}

#[test]
fn sums_that_depend_on_their_order_are_taken_only_by_those_who_do_not_mind() {
    let range = TimeRange::new(0, 9);
    let page = PageFigures {
        at: 0,
        range,
        count: 10,
        first: 1.0,
        last: 1.0,
        min: 0.5,
        max: 1.0,
        sum: 7.5,
        compensation: 0.0,
        is_integral: false,
        resets: 2,
        drops: 2.0,
    };
    let exact = |exact_sums, exact_drops| PageUse { exact_sums, exact_drops, ..PageUse::default() };
    assert!(exact(false, false).takes(&page));
    assert!(!exact(true, false).takes(&page));
    assert!(!exact(false, true).takes(&page));
    assert!(exact(false, true).takes(&PageFigures { resets: 1, ..page }));
    assert!(exact(true, true).takes(&PageFigures { is_integral: true, ..page }));
    let cut = PageUse { cuts: Cuts::buckets(0, 9), ..PageUse::default() };
    assert!(!cut.takes(&page));
}
