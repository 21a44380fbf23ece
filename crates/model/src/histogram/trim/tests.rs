//! Trimmed histograms worked by hand.

use super::{
    super::{
        FloatHistogram,
        testing::{custom, exponential, pairs},
    },
    Trim,
};

fn trimmed(histogram: &FloatHistogram, value: f64, trim: Trim) -> FloatHistogram {
    let mut histogram = histogram.clone();
    histogram.trim(value, trim);
    histogram
}

#[test]
fn the_bucket_that_holds_the_value_is_split() {
    // 8 in (0,10], 4 in (10,20], 2 above: at 15 half of the second bucket is on either side.
    let all = custom(&[10.0, 20.0], &[(0, 8.0), (1, 4.0), (2, 2.0)]);
    let below = trimmed(&all, 15.0, Trim::Below);
    assert_eq!(pairs(&below.positive), [(0, 8.0), (1, 2.0)]);
    assert_eq!((below.count, below.sum), (10.0, 8.0 * 5.0 + 2.0 * 12.5));
    let above = trimmed(&all, 15.0, Trim::Above);
    assert_eq!(pairs(&above.positive), [(1, 2.0), (2, 2.0)]);
    assert_eq!((above.count, above.sum), (4.0, 2.0 * 17.5 + 2.0 * 20.0));
}

#[test]
fn exponential_buckets_are_split_on_a_logarithmic_scale() {
    // The square root of (1,4] is its middle.
    let all = exponential(-1, &[(1, 6.0)]).with_negative(&[(1, 6.0)]);
    let below = trimmed(&all, 2.0, Trim::Below);
    assert_eq!((pairs(&below.positive), pairs(&below.negative)), (vec![(1, 3.0)], vec![(1, 6.0)]));
    let middle = 2.0_f64.sqrt();
    assert!((below.sum - (3.0 * middle - 6.0 * 2.0)).abs() < 1e-12, "{}", below.sum);
    let above = trimmed(&all, -2.0, Trim::Above);
    assert_eq!((pairs(&above.positive), pairs(&above.negative)), (vec![(1, 6.0)], vec![(1, 3.0)]));
    assert!((above.sum - (12.0 - 3.0 * middle)).abs() < 1e-12, "{}", above.sum);
}

#[test]
fn what_is_not_trimmed_stays_to_the_bit() {
    let all = exponential(0, &[(1, 3.0), (2, 0.0)]).with_zero(0.5, 2.0);
    assert!(trimmed(&all, 2.0, Trim::Below).is_same(&all));
    assert!(trimmed(&all, f64::INFINITY, Trim::Below).is_same(&all));
    assert!(trimmed(&all, f64::NEG_INFINITY, Trim::Above).is_same(&all));
    assert_eq!(trimmed(&all, f64::INFINITY, Trim::Above).count, 0.0);
}

#[test]
fn the_zero_bucket_lies_on_the_side_where_observations_are() {
    let positive = exponential(0, &[(3, 1.0)]).with_zero(1.0, 4.0);
    assert_eq!(trimmed(&positive, 0.25, Trim::Below).zero_count, 1.0);
    assert_eq!(trimmed(&positive, 0.0, Trim::Below).zero_count, 0.0);
    let both = positive.clone().with_negative(&[(3, 1.0)]);
    assert_eq!(trimmed(&both, 0.0, Trim::Above).zero_count, 2.0);
    assert_eq!(trimmed(&both, 0.5, Trim::Below).zero_count, 3.0);
}

#[test]
fn nothing_is_known_of_the_inside_of_endless_buckets() {
    let all = custom(&[-5.0], &[(0, 1.0), (1, 100.0)]);
    let below = trimmed(&all, -10.0, Trim::Below);
    assert_eq!((below.count, below.sum), (1.0, -10.0));
    let above = trimmed(&all, 0.0, Trim::Above);
    assert_eq!((above.count, above.sum), (100.0, 0.0));
    assert_eq!(trimmed(&all, 10.0, Trim::Below).count, 1.0);
    let whole = custom(&[], &[(0, 7.0)]);
    assert_eq!(trimmed(&whole, 1.0, Trim::Below).count, 0.0);
    assert_eq!(trimmed(&whole, f64::NAN, Trim::Above).count, 0.0);
}
