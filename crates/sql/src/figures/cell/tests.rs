//! Figures of floats beside plain loops.

use super::*;

fn cell(values: &[f64]) -> Cell {
    let timestamps: Vec<i64> = (0..values.len() as i64).collect();
    let mut cell = Cell::EMPTY;
    cell.add_floats(&timestamps, values, true);
    cell
}

#[test]
fn floats_of_any_number_are_added_up() {
    for count in 1..20_usize {
        let values: Vec<f64> = (0..count).map(|n| (n as f64 - 7.0) * 3.0).collect();
        let cell = cell(&values);
        assert_eq!(cell.count, count as u64);
        assert_eq!(cell.sum, values.iter().sum::<f64>());
        assert_eq!(cell.min, values[0]);
        assert_eq!(cell.max, values[count - 1]);
        assert_eq!(cell.first, (0, values[0]));
        assert_eq!(cell.last, (count as i64 - 1, values[count - 1]));
    }
}

#[test]
fn squares_are_those_of_all_floats_together() {
    let values: Vec<f64> = (0..40).map(|n| f64::from(n * n % 23) + 1e6).collect();
    let mut whole = Cell::EMPTY;
    for part in values.chunks(7) {
        whole.merge(&cell(part));
    }
    let mean = values.iter().sum::<f64>() / 40.0;
    let expected: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    assert!((whole.squares - expected).abs() < 1e-6 * expected, "{} {expected}", whole.squares);
    assert!(cell(&[1.0, f64::NAN]).squares.is_nan() && cell(&[5.0]).squares == 0.0);
}

#[test]
fn nan_is_above_everything() {
    let some = cell(&[1.0, f64::NAN, 2.0, 0.5, 3.0]);
    assert!(some.max.is_nan() && some.min == 0.5 && some.sum.is_nan());
    let only = cell(&[f64::NAN]);
    assert!(only.max.is_nan() && only.min.is_nan());
    let mut both = only;
    both.merge(&cell(&[7.0]));
    assert!(both.max.is_nan() && both.min == 7.0);
    let infinite = cell(&[f64::INFINITY]);
    assert_eq!((infinite.min, infinite.max), (f64::INFINITY, f64::INFINITY));
}

#[test]
fn of_equal_times_the_first_that_was_seen_stays() {
    let mut a = cell(&[1.0]);
    a.merge(&cell(&[2.0]));
    assert_eq!((a.first, a.last), ((0, 1.0), (0, 1.0)));
}
