//! Figures of pages: what a query would compute, and their stored form.

use proptest::prelude::*;

use super::*;

fn stored(stats: &PageStats) -> Vec<u8> {
    let mut bytes = Vec::new();
    stats.put(&mut bytes);
    bytes
}

fn same(a: &PageStats, b: &PageStats) {
    let counts = |s: &PageStats| (s.count, s.stale, s.resets, s.is_integral);
    let figures =
        |s: &PageStats| bits(&[s.first, s.last, s.min, s.max, s.sum, s.compensation, s.drops]);
    assert_eq!(counts(a), counts(b));
    assert_eq!(figures(a), figures(b));
}

proptest! {
    #[test]
    fn any_figures_are_stored_and_read(
        patterns in prop::collection::vec(
            prop_oneof![any::<u64>(), Just(STALE_BITS), (0..50_u64).prop_map(|n| (n as f64).to_bits())],
            0..200,
        ),
    ) {
        let values: Vec<f64> = patterns.into_iter().map(f64::from_bits).collect();
        let stats = PageStats::of(&values);
        let mut bytes = stored(&stats);
        bytes.push(77);
        let (read, rest) = PageStats::read(&bytes).unwrap();
        same(&stats, &read);
        prop_assert_eq!(rest, &[77]);
        for len in 0..bytes.len() - 1 {
            prop_assert!(PageStats::read(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn figures_of_one_value_repeated_need_no_values(
        pattern in prop_oneof![
            any::<u64>(),
            Just(STALE_BITS),
            Just((-0.0_f64).to_bits()),
            (-50..50_i64).prop_map(|n| (n as f64 / 4.0).to_bits()),
            (0..1_u64 << 53).prop_map(|n| (n as f64).to_bits()),
        ],
        count in 0..=VALUES_MAX,
    ) {
        let value = f64::from_bits(pattern);
        same(&PageStats::of_equal(value, count), &PageStats::of(&vec![value; count]));
    }

    #[test]
    fn integral_sums_do_not_depend_on_order(
        mut values in prop::collection::vec((-1_i64 << 40..1_i64 << 40).prop_map(|n| n as f64), 1..500),
    ) {
        let forward = PageStats::of(&values);
        values.reverse();
        prop_assert!(forward.is_integral);
        prop_assert_eq!(forward.compensation.to_bits(), 0);
        prop_assert_eq!(forward.sum, PageStats::of(&values).sum);
        prop_assert_eq!(forward.total(), values.iter().sum::<f64>());
    }
}

#[test]
fn stale_markers_count_apart() {
    let stale = f64::from_bits(STALE_BITS);
    let stats = PageStats::of(&[stale, 3.0, stale, 2.0, 5.0, stale]);
    assert_eq!((stats.count, stats.stale), (3, 3));
    assert_eq!((stats.first, stats.last, stats.min, stats.max), (3.0, 5.0, 2.0, 5.0));
    assert_eq!((stats.sum, stats.resets, stats.drops), (10.0, 1, 3.0));
    let none = PageStats::of(&[stale; 4]);
    same(&none, &PageStats { stale: 4, ..PageStats::default() });
    same(&none, &PageStats::read(&stored(&none)).unwrap().0);
    same(&PageStats::of(&[]), &PageStats::default());
}

#[test]
fn resets_and_drops_give_the_increase() {
    let stats = PageStats::of(&[5.0, 9.0, 2.0, 4.0, 4.0, 1.0, 8.0]);
    assert_eq!((stats.resets, stats.drops), (2, 13.0));
    // 4 up to the first reset, 2 + 2 up to the second, 1 + 7 after it.
    assert_eq!(stats.last - stats.first + stats.drops, 16.0);
}

#[test]
fn nan_is_an_extreme_only_if_there_is_nothing_else() {
    let stats = PageStats::of(&[f64::NAN, 2.0, f64::NAN, 1.0]);
    assert_eq!((stats.min, stats.max), (1.0, 2.0));
    assert!(stats.sum.is_nan() && !stats.is_integral);
    let stats = PageStats::of(&[f64::NAN; 3]);
    assert!(stats.min.is_nan() && stats.max.is_nan());
}

#[test]
fn sums_are_compensated_until_they_are_infinite() {
    let stats = PageStats::of(&[1e100, 1.0, -1e100]);
    assert_eq!((stats.sum, stats.compensation, stats.total()), (0.0, 1.0, 1.0));
    assert!(!stats.is_integral, "beyond 2^53 order matters");
    let stats = PageStats::of(&[f64::MAX, f64::MAX]);
    assert_eq!(stats.total(), f64::INFINITY);
    assert!(!PageStats::of(&[0.5, 0.5]).is_integral);
}

#[test]
fn figures_of_common_pages_are_short() {
    let counter: Vec<f64> = (0..VALUES_MAX).map(|n| (1_000_000 + n * n) as f64).collect();
    assert!(stored(&PageStats::of(&counter)).len() <= 20);
    assert!(stored(&PageStats::of(&[0.0; 500])).len() <= 8);
}
