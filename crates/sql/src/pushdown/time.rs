//! Conditions on time as one span of it.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{Between, BinaryExpr, Expr, Operator},
};
use timberline_model::TimeRange;

use crate::tables::{Layout, Source};

/// No instant.
const NEVER: TimeRange = TimeRange::new(i64::MAX, i64::MIN);

/// The span of time that a condition says, exactly; `None` if it says something else too, or more than one
/// span.
pub(crate) fn time_range_of(layout: &Layout, condition: &Expr) -> Option<TimeRange> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let (left, right) = (time_range_of(layout, left)?, time_range_of(layout, right)?);
            Some(TimeRange::new(left.start.max(right.start), left.end.min(right.end)))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if is_time(layout, left) {
                compare(*op, instant(right)?)
            } else if is_time(layout, right) {
                compare(op.swap()?, instant(left)?)
            } else {
                None
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) if is_time(layout, expr) => {
            let (low, high) =
                (compare(Operator::GtEq, instant(low)?)?, compare(Operator::LtEq, instant(high)?)?);
            Some(TimeRange::new(low.start, high.end))
        }
        _ => None,
    }
}

/// Whether an expression is the time column, or the same instant in another zone.
pub(crate) fn is_time(layout: &Layout, expression: &Expr) -> bool {
    match expression {
        Expr::Column(column) => layout.source(&column.name) == Some(&Source::Time),
        Expr::Cast(cast) => {
            matches!(
                cast.field.data_type(),
                DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, _)
            ) && is_time(layout, &cast.expr)
        }
        Expr::Alias(alias) => is_time(layout, &alias.expr),
        _ => false,
    }
}

/// An instant, or the NULL that a comparison with is never true.
#[derive(Clone, Copy)]
enum Instant {
    Null,
    /// 128 bits, as a coarser unit reaches further than nanoseconds do.
    At(i128),
}

fn instant(expression: &Expr) -> Option<Instant> {
    let Expr::Literal(value, _) = expression else { return None };
    let at = |count: &Option<i64>, unit: i128| {
        Some(count.map_or(Instant::Null, |count| Instant::At(i128::from(count) * unit)))
    };
    match value {
        ScalarValue::TimestampNanosecond(count, _) => at(count, 1),
        ScalarValue::TimestampMicrosecond(count, _) => at(count, 1_000),
        ScalarValue::TimestampMillisecond(count, _) => at(count, 1_000_000),
        ScalarValue::TimestampSecond(count, _) => at(count, 1_000_000_000),
        ScalarValue::Null => Some(Instant::Null),
        _ => None,
    }
}

fn compare(op: Operator, with: Instant) -> Option<TimeRange> {
    let is_known =
        matches!(op, Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
    let at = match with {
        _ if !is_known => return None,
        Instant::Null => return Some(NEVER),
        Instant::At(at) => at,
    };
    let (first, last) = match op {
        Operator::Eq => (at, at),
        Operator::Lt => (i128::MIN, at - 1),
        Operator::LtEq => (i128::MIN, at),
        Operator::Gt => (at + 1, i128::MAX),
        Operator::GtEq => (at, i128::MAX),
        _ => return None,
    };
    let [min, max] = [i64::MIN, i64::MAX].map(i128::from);
    if first > max || last < min {
        return Some(NEVER);
    }
    Some(TimeRange::new(first.max(min) as i64, last.min(max) as i64))
}
