//! What is a counter reset and what is not.

use super::super::{
    FloatHistogram, ResetHint,
    testing::{custom, exponential},
};

fn is_reset(before: &FloatHistogram, after: &FloatHistogram) -> bool {
    after.is_reset_after(before)
}

#[test]
fn anything_that_counts_less_is_a_reset() {
    let before = exponential(0, &[(0, 1.0), (2, 3.0)]).with_negative(&[(1, 2.0)]);
    for (after, expected) in [
        (exponential(0, &[(0, 1.0), (1, 1.0), (2, 3.0)]).with_negative(&[(1, 2.0)]), false),
        (exponential(0, &[(0, 9.0), (2, 2.0)]).with_negative(&[(1, 2.0)]), true),
        (exponential(0, &[(0, 9.0)]).with_negative(&[(1, 2.0)]), true),
        (exponential(0, &[(0, 9.0), (2, 3.0)]), true),
        (exponential(0, &[(0, 1.0), (2, 3.0)]).with_negative(&[(1, 1.0)]), true),
    ] {
        assert_eq!(is_reset(&before, &after), expected, "{after:?}");
    }
    // A bucket that counted nothing may go.
    assert!(!is_reset(&exponential(0, &[(0, 0.0)]), &exponential(0, &[(3, 1.0)])));
    let (more, fewer) = (exponential(0, &[]).with_zero(0.1, 2.0), exponential(0, &[(0, 5.0)]));
    assert!(is_reset(&more, &fewer.with_zero(0.1, 1.0)));
}

#[test]
fn hints_are_believed() {
    let (low, high) = (exponential(0, &[(0, 1.0)]), exponential(0, &[(0, 2.0)]));
    assert!(!is_reset(&high, &low.clone().hinted(ResetHint::NotReset)));
    assert!(is_reset(&low, &high.clone().hinted(ResetHint::Reset)));
    assert!(is_reset(&high, &low.hinted(ResetHint::Gauge)));
}

#[test]
fn other_buckets_are_compared_as_if_they_had_been_so_before() {
    let fine = exponential(1, &[(1, 1.0), (2, 2.0)]);
    assert!(!is_reset(&fine, &exponential(0, &[(1, 3.0)])));
    assert!(is_reset(&fine, &exponential(0, &[(1, 2.0), (2, 5.0)])));
    // A finer resolution comes with a reset only.
    assert!(is_reset(&exponential(0, &[(1, 3.0)]), &exponential(1, &[(1, 9.0)])));
    let narrow = exponential(0, &[(0, 1.0), (3, 1.0)]).with_zero(0.5, 1.0);
    assert!(!is_reset(&narrow, &exponential(0, &[(3, 1.0)]).with_zero(1.0, 2.0)));
    assert!(is_reset(&narrow, &exponential(0, &[(3, 9.0)]).with_zero(1.0, 1.0)));
    // A threshold within a bucket that counted something.
    assert!(is_reset(&narrow, &exponential(0, &[(3, 9.0)]).with_zero(0.75, 9.0)));
    assert!(is_reset(&narrow, &exponential(0, &[(0, 9.0), (3, 9.0)]).with_zero(0.25, 9.0)));
}

#[test]
fn custom_buckets_are_compared_at_the_bounds_that_both_have() {
    let before = custom(&[2.0, 4.0, 6.0], &[(0, 1.0), (1, 2.0), (2, 5.0), (3, 7.0)]);
    let finer = |counts: [f64; 5]| {
        let buckets: Vec<_> = (0..).zip(counts).collect();
        custom(&[2.0, 3.0, 4.0, 6.0], &buckets)
    };
    assert!(!is_reset(&before, &finer([1.0, 1.0, 1.0, 5.0, 7.0])));
    assert!(is_reset(&before, &finer([1.0, 0.0, 1.0, 5.0, 8.0])));
    assert!(is_reset(&exponential(0, &[(1, 1.0)]), &custom(&[1.0], &[(0, 1.0)])));
    assert!(is_reset(&custom(&[1.0], &[(0, 1.0)]), &exponential(0, &[(1, 1.0)])));
}
