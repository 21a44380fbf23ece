//! Constants and names in a subscription's expressions.

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Subscript, UnaryOperator, Value,
};
use timberline_model::parse_duration;

use super::select::refuse;
use crate::SqlError;

/// A text in quotes.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A number, negative ones too.
pub(super) fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Nested(inner) => number(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|number| -number),
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// The label that `tags['label']` names.
pub(super) fn tag(expr: &Expr) -> Option<String> {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return None };
    let Expr::Identifier(ident) = root.as_ref() else { return None };
    let [AccessExpr::Subscript(Subscript::Index { index })] = access_chain.as_slice() else {
        return None;
    };
    ident.value.eq_ignore_ascii_case("tags").then(|| text(index).map(ToOwned::to_owned))?
}

/// The arguments of a plain call; `None` for a star.
pub(super) fn arguments(function: &Function) -> Result<Vec<Option<&Expr>>, SqlError> {
    let name = || function.to_string();
    let extras = function.filter.is_some()
        || function.over.is_some()
        || function.null_treatment.is_some()
        || !function.within_group.is_empty()
        || !matches!(function.parameters, FunctionArguments::None);
    let FunctionArguments::List(list) = &function.args else {
        return Err(refuse(function, &name()));
    };
    if extras || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return Err(refuse(function, &name()));
    }
    let mut arguments = Vec::with_capacity(list.args.len());
    for argument in &list.args {
        arguments.push(match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => None,
            _ => return Err(refuse(function, &name())),
        });
    }
    Ok(arguments)
}

/// A span of time of a fixed length, in nanoseconds: `'5m'`, `'5 minutes'`, `INTERVAL '1 hour'`.
pub(super) fn span(expr: &Expr) -> Result<i64, SqlError> {
    let bad =
        || refuse(expr, &format!("{expr} as a span of time; '5m' or INTERVAL '5 minutes' is one"));
    match expr {
        Expr::Interval(interval) => {
            let text = text(&interval.value).ok_or_else(bad)?;
            match &interval.leading_field {
                None => span_of(text).ok_or_else(bad),
                Some(field) => {
                    let count: i64 = text.trim().parse().map_err(|_| bad())?;
                    field_nanos(field).and_then(|unit| count.checked_mul(unit)).ok_or_else(bad)
                }
            }
        }
        other => text(other).and_then(span_of).ok_or_else(bad),
    }
}

const fn field_nanos(field: &DateTimeField) -> Option<i64> {
    let seconds = match field {
        DateTimeField::Second | DateTimeField::Seconds => 1,
        DateTimeField::Minute | DateTimeField::Minutes => 60,
        DateTimeField::Hour | DateTimeField::Hours => 3_600,
        DateTimeField::Day | DateTimeField::Days => 86_400,
        _ => return None,
    };
    Some(seconds * 1_000_000_000)
}

fn span_of(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(nanos) = parse_duration(text) {
        return Some(nanos);
    }
    let mut words = text.split_whitespace();
    let mut total: i64 = 0;
    while let Some(count) = words.next() {
        let count: i64 = count.parse().ok()?;
        let unit = words.next()?.to_ascii_lowercase();
        let nanos = match unit.trim_end_matches('s') {
            "nanosecond" => 1,
            "microsecond" => 1_000,
            "millisecond" => 1_000_000,
            "second" | "sec" => 1_000_000_000,
            "minute" | "min" => 60_000_000_000,
            "hour" => 3_600_000_000_000,
            "day" => 86_400_000_000_000,
            "week" => 604_800_000_000_000,
            _ => return None,
        };
        total = total.checked_add(count.checked_mul(nanos)?)?;
    }
    Some(total)
}

/// An instant, nanoseconds since the Unix epoch: an RFC 3339 text, or `TIMESTAMP '...'`.
pub(super) fn instant(expr: &Expr) -> Result<i64, SqlError> {
    let found = match expr {
        Expr::Nested(inner) => return instant(inner),
        Expr::TypedString(typed) => typed.value.clone().into_string(),
        Expr::Cast { expr, .. } => text(expr).map(ToOwned::to_owned),
        other => text(other).map(ToOwned::to_owned),
    };
    let bad = || {
        let hint =
            "as an instant; '2026-01-02T03:04:05Z' is one, now() stands still in a subscription";
        refuse(expr, &format!("{expr} {hint}"))
    };
    string_to_timestamp_nanos(&found.ok_or_else(bad)?).map_err(|_| bad())
}
