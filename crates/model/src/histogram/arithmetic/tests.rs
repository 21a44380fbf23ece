//! Additions and subtractions worked by hand.

use super::{
    super::{
        FloatHistogram, HistogramError, Reconciled, ResetHint,
        testing::{custom, exponential, pairs},
    },
    shared_bounds,
};

fn sum(mut a: FloatHistogram, b: &FloatHistogram) -> (FloatHistogram, Reconciled) {
    let met = a.add(b).unwrap();
    (a, met)
}

#[test]
fn buckets_counts_and_sums_are_added() {
    let a = exponential(0, &[(0, 1.0), (2, 2.0)]).with_negative(&[(1, 5.0)]);
    let b = exponential(0, &[(1, 4.0), (2, 1.0)]).with_negative(&[(1, 1.0), (3, 2.0)]);
    let (found, met) = sum(a.clone(), &b);
    assert_eq!(pairs(&found.positive), [(0, 1.0), (1, 4.0), (2, 3.0)]);
    assert_eq!(pairs(&found.negative), [(1, 6.0), (3, 2.0)]);
    assert_eq!((found.count, found.sum), (16.0, 16.0));
    assert_eq!(met, Reconciled::default());
    // Taking off again leaves buckets that count nothing, until they are compacted.
    let mut back = found;
    back.subtract(&b).unwrap();
    assert_eq!(pairs(&back.positive), [(0, 1.0), (1, 0.0), (2, 2.0)]);
    back.compact();
    assert!(back.is_same(&a), "{back:?}");
}

#[test]
fn the_lower_resolution_wins_on_either_side() {
    // Of schema 1 the buckets 1 and 2 are (1,2] of schema 0; 3 is in (2,4].
    let fine = exponential(1, &[(1, 1.0), (2, 2.0), (3, 4.0)]);
    let coarse = exponential(0, &[(1, 10.0)]);
    for (a, b) in [(&fine, &coarse), (&coarse, &fine)] {
        let (found, _) = sum(a.clone(), b);
        assert_eq!((found.schema, pairs(&found.positive)), (0, vec![(1, 13.0), (2, 4.0)]));
    }
    let mut found = coarse.clone();
    found.subtract(&fine).unwrap();
    assert_eq!(pairs(&found.positive), [(1, 7.0), (2, -4.0)]);
}

#[test]
fn the_wider_zero_bucket_takes_in_the_buckets_within_it() {
    // (1/2,1] and (1,2] lie within a zero bucket up to 2, (2,4] does not.
    let narrow = exponential(0, &[(0, 1.0), (1, 2.0), (2, 4.0)]).with_zero(0.25, 8.0);
    let wide = exponential(0, &[(2, 16.0)]).with_zero(2.0, 32.0);
    for (a, b) in [(&narrow, &wide), (&wide, &narrow)] {
        let (found, _) = sum(a.clone(), b);
        assert_eq!((found.zero_threshold, found.zero_count), (2.0, 43.0));
        assert_eq!(pairs(&found.positive), [(2, 20.0)]);
        assert_eq!(found.count, 63.0);
    }
}

#[test]
fn a_zero_bucket_does_not_cut_a_bucket_that_counts_something() {
    // 3 lies within (2,4]: the zero bucket grows to 4, and then takes in the negative bucket [-4,-2).
    let a = exponential(0, &[(2, 1.0), (3, 2.0)]).with_negative(&[(2, 4.0)]);
    let b = exponential(0, &[(5, 1.0)]).with_zero(3.0, 1.0);
    let (found, _) = sum(a, &b);
    assert_eq!((found.zero_threshold, found.zero_count), (4.0, 6.0));
    assert_eq!(pairs(&found.positive), [(3, 2.0), (5, 1.0)]);
    assert!(found.negative.is_empty());
    // A negative bucket that is cut makes it grow, too, and the positive side is looked at again.
    let a = exponential(0, &[(3, 1.0)]).with_negative(&[(3, 2.0)]);
    let b = exponential(0, &[]).with_zero(5.0, 1.0);
    let (found, _) = sum(a, &b);
    assert_eq!((found.zero_threshold, found.zero_count), (8.0, 4.0));
    // One that counts nothing may be cut.
    let a = exponential(0, &[(2, 0.0), (3, 2.0)]);
    let (found, _) = sum(a, &exponential(0, &[]).with_zero(3.0, 1.0));
    assert_eq!((found.zero_threshold, found.zero_count), (3.0, 1.0));
}

#[test]
fn custom_buckets_meet_at_the_bounds_that_both_have() {
    // Buckets: up to 1, 2, 3 and above; up to 2, 4 and above. Both have 2.
    let a = custom(&[1.0, 2.0, 3.0], &[(0, 1.0), (1, 2.0), (2, 4.0), (3, 8.0)]);
    let b = custom(&[2.0, 4.0], &[(0, 10.0), (1, 20.0), (2, 40.0)]);
    let (found, met) = sum(a.clone(), &b);
    assert_eq!(*found.custom_values, [2.0]);
    assert_eq!(pairs(&found.positive), [(0, 13.0), (1, 72.0)]);
    assert!(met.bounds);
    let (found, met) = sum(a.clone(), &a);
    assert_eq!((pairs(&found.positive)[3], met.bounds), ((3, 16.0), false));
    // Without any bound in common there is one bucket.
    let (found, _) = sum(a, &custom(&[], &[(0, 1.0)]));
    assert_eq!((found.custom_values.len(), pairs(&found.positive)), (0, vec![(0, 16.0)]));
    assert_eq!(*shared_bounds(&[1.0, 2.0, 5.0], &[0.0, 2.0, 3.0, 5.0]), [2.0, 5.0]);
}

#[test]
fn exponential_and_custom_buckets_do_not_mix() {
    let mut a = exponential(0, &[(1, 1.0)]);
    let before = a.clone();
    let refused = a.add(&custom(&[1.0], &[(0, 1.0)])).unwrap_err();
    assert_eq!(refused, HistogramError::MixedSchemas);
    assert!(a.is_same(&before));
}

#[test]
fn hints_say_what_is_still_known() {
    use ResetHint::{Gauge, NotReset, Reset, Unknown};
    for (a, b, expected, contradict) in [
        (NotReset, NotReset, NotReset, false),
        (Gauge, Reset, Gauge, false),
        (NotReset, Gauge, Gauge, false),
        (Unknown, NotReset, Unknown, false),
        (Reset, Unknown, Unknown, false),
        (Reset, NotReset, Unknown, true),
    ] {
        let one = exponential(0, &[(1, 1.0)]);
        let (found, met) = sum(one.clone().hinted(a), &one.hinted(b));
        assert_eq!((found.reset_hint, met.resets), (expected, contradict), "{a:?} {b:?}");
    }
}

#[test]
fn scaling_and_dividing() {
    let mut found = exponential(0, &[(1, 1.0)]).with_zero(0.5, 2.0).hinted(ResetHint::NotReset);
    found.scale(3.0);
    assert_eq!((found.count, found.zero_count, found.sum), (9.0, 6.0, 6.0));
    assert_eq!(found.reset_hint, ResetHint::NotReset);
    found.divide(-3.0);
    assert_eq!((found.count, found.reset_hint), (-3.0, ResetHint::Gauge));
    found.divide(0.0);
    assert_eq!((found.count, found.bucket_count()), (f64::NEG_INFINITY, 0));
}
