//! Durations that are computed: `[step() * 2]`, `offset (5m + 30s)`.

use timberline_model::NANOS_PER_SECOND;

use super::{error::EvalError, query::Query};
use crate::ast::{DurationExpr, DurationKind, DurationOp};

/// The value of a duration in nanoseconds; may be negative.
pub(super) fn nanos(expr: &DurationExpr, query: &Query<'_>) -> Result<i64, EvalError> {
    match &expr.kind {
        DurationKind::Literal(nanos) => Ok(*nanos),
        DurationKind::Step => Ok(query.step),
        DurationKind::Range => Ok(query.end.saturating_sub(query.start)),
        DurationKind::Paren(inner) => nanos(inner, query),
        _ => from_seconds(seconds(expr, query)?),
    }
}

/// A duration that must be longer than nothing.
pub(super) fn positive_nanos(expr: &DurationExpr, query: &Query<'_>) -> Result<i64, EvalError> {
    match nanos(expr, query)? {
        nanos if nanos > 0 => Ok(nanos),
        _ => Err(EvalError::BadDuration { reason: "duration must be greater than 0" }),
    }
}

fn from_seconds(seconds: f64) -> Result<i64, EvalError> {
    let nanos = (seconds * NANOS_PER_SECOND as f64).round();
    // The bounds are exact floats; a NaN lies outside them.
    if nanos > i64::MIN as f64 && nanos < i64::MAX as f64 {
        return Ok(nanos as i64);
    }
    Err(EvalError::BadDuration { reason: "duration out of range" })
}

fn seconds(expr: &DurationExpr, query: &Query<'_>) -> Result<f64, EvalError> {
    Ok(match &expr.kind {
        DurationKind::Literal(_) | DurationKind::Step | DurationKind::Range => {
            nanos(expr, query)? as f64 / NANOS_PER_SECOND as f64
        }
        DurationKind::Paren(inner) => seconds(inner, query)?,
        DurationKind::Negate(inner) => -seconds(inner, query)?,
        DurationKind::MinOf(a, b) => seconds(a, query)?.min(seconds(b, query)?),
        DurationKind::MaxOf(a, b) => seconds(a, query)?.max(seconds(b, query)?),
        DurationKind::Binary { op, left, right } => {
            combine(*op, seconds(left, query)?, seconds(right, query)?)?
        }
    })
}

fn combine(op: DurationOp, left: f64, right: f64) -> Result<f64, EvalError> {
    Ok(match op {
        DurationOp::Add => left + right,
        DurationOp::Sub => left - right,
        DurationOp::Mul => left * right,
        DurationOp::Pow => left.powf(right),
        DurationOp::Div if right == 0.0 => {
            return Err(EvalError::BadDuration { reason: "division by zero" });
        }
        DurationOp::Mod if right == 0.0 => {
            return Err(EvalError::BadDuration { reason: "modulo by zero" });
        }
        DurationOp::Div => left / right,
        DurationOp::Mod => left % right,
    })
}
