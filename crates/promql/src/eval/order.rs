//! The order of results: `sort` and its kin, and which queries keep an order of their own.

use std::cmp::Ordering;

use timberline_model::Labels;

use super::{column::Series, evaluator::strip_parens};
use crate::ast::{AggregateOp, Expr, ExprKind};

/// Whether an instant query's result comes in an order that the query asked for.
pub(super) fn is_ordered(expr: &Expr) -> bool {
    match &strip_parens(expr).kind {
        ExprKind::Call { function, .. } => function.starts_with("sort"),
        ExprKind::Aggregate(aggregate) => {
            matches!(aggregate.op, AggregateOp::TopK | AggregateOp::BottomK)
        }
        _ => false,
    }
}

/// Sorts by the value at the first step; NaN comes last either way.
pub(super) fn by_value(series: &mut [Series], descending: bool) {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series.sort_by(|a, b| {
        let value = |one: &Series| one.column.get(0).unwrap_or(f64::NAN);
        values(value(a), value(b), descending)
    });
}

/// Orders values so that NaN is last, whether they rise or fall.
pub(super) fn values(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            if descending { order.reverse() } else { order }
        }
    }
}

/// Sorts by the values of labels in natural order, then by all labels.
pub(super) fn by_labels(series: &mut [Series], names: &[String], descending: bool) {
    series.sort_by(|a, b| {
        let order = compare_labels(&a.labels, &b.labels, names);
        if descending { order.reverse() } else { order }
    });
}

fn compare_labels(a: &Labels, b: &Labels, names: &[String]) -> Ordering {
    let value = |labels: &Labels, name: &str| labels.get(name).unwrap_or("").to_owned();
    names
        .iter()
        .map(|name| natural(&value(a, name), &value(b, name)))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.cmp(b))
}

/// Compares texts so that numbers within them count as numbers: `a2` comes before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (a_piece, a_rest) = split_piece(a);
        let (b_piece, b_rest) = split_piece(b);
        let numbers = a_piece.starts_with(|c: char| c.is_ascii_digit())
            && b_piece.starts_with(|c: char| c.is_ascii_digit());
        let order = if numbers { numeric(a_piece, b_piece) } else { a_piece.cmp(b_piece) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.len().cmp(&b.len())
}

/// The leading run of digits, or of what is not a digit.
fn split_piece(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

/// Compares runs of digits of any length by their number.
fn numeric(a: &str, b: &str) -> Ordering {
    let (x, y) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    x.len().cmp(&y.len()).then_with(|| x.cmp(y)).then_with(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_within_texts_count_as_numbers() {
        let mut texts = ["4m1000", "4m5", "4m600", "1.2.3", "1.111.3", "1.11.3", "a", ""];
        texts.sort_by(|a, b| natural(a, b));
        assert_eq!(texts, ["", "1.2.3", "1.11.3", "1.111.3", "4m5", "4m600", "4m1000", "a"]);
    }

    #[test]
    fn nan_comes_last_either_way() {
        for descending in [false, true] {
            let mut found = [f64::NAN, 1.0, 2.0];
            found.sort_by(|a, b| values(*a, *b, descending));
            assert!(found[2].is_nan());
            assert_eq!(found[0], if descending { 2.0 } else { 1.0 });
        }
    }
}
