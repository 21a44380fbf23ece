//! The arguments.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::{
    common::{DFSchema, ScalarValue, config::ConfigOptions},
    error::{DataFusionError, Result},
    logical_expr::{Expr, simplify::SimplifyContext},
    optimizer::simplify_expressions::ExprSimplifier,
};
use timberline::{Database, ErrorKind};
use timberline_promql::{Expr as PromExpr, parse_with};

use super::NAME;
use crate::functions::{
    parse_width,
    refusal::{refused, wrong_count},
};

const USAGE: &str = "promql('up', start, end, step) or promql('up', time)";

/// What is to be evaluated, and when: times in nanoseconds, a step of 0 for one instant.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) expression: String,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) step: i64,
}

impl Call {
    pub(super) fn read(args: &[Expr], options: &ConfigOptions) -> Result<Self> {
        let args = args.iter().map(|arg| constant(arg, options)).collect::<Result<Vec<_>>>()?;
        let (expression, [start, end], step) = match args.as_slice() {
            [expression, at] => (expression, [time("time", at)?; 2], 0),
            [expression, start, end, width] => {
                let times = [time("start", start)?, time("end", end)?];
                (expression, times, step(width)?)
            }
            _ => return Err(wrong_count(NAME, USAGE, args.len())),
        };
        let Some(expression) = expression.try_as_str().flatten() else {
            return Err(refused(NAME, format_args!("the expression is a text, not {expression}")));
        };
        if start > end {
            return Err(refused(NAME, "start is after end"));
        }
        Ok(Self { expression: expression.to_owned(), start, end, step })
    }

    /// The expression, in the language that the database's options switch on.
    pub(super) fn parse(&self, database: &Database) -> Result<PromExpr> {
        parse_with(&self.expression, &database.options().query.features)
            .map_err(|error| self.failed(&error.into()))
    }

    /// The error of an evaluation. Errors of limits and of storage keep their kind.
    pub(super) fn failed(&self, error: &timberline::Error) -> DataFusionError {
        let message = format!("{NAME}: {error}, in {:?}", self.expression);
        match error.kind() {
            ErrorKind::Limit => DataFusionError::ResourcesExhausted(message),
            ErrorKind::Invalid | ErrorKind::NotFound => DataFusionError::Plan(message),
            _ => DataFusionError::IoError(std::io::Error::other(message)),
        }
    }
}

/// The value of an argument. DataFusion folds constants before, but for the current time.
fn constant(arg: &Expr, options: &ConfigOptions) -> Result<ScalarValue> {
    let context = SimplifyContext::builder()
        .with_config_options(Arc::new(options.clone()))
        .with_current_time()
        .build();
    let simplifier = ExprSimplifier::new(context);
    let folded =
        simplifier.coerce(arg.clone(), &DFSchema::empty()).and_then(|arg| simplifier.simplify(arg));
    match folded {
        Ok(Expr::Literal(value, _)) => Ok(value),
        Ok(Expr::Placeholder(parameter)) => {
            let what = format_args!("a parameter such as {} cannot stand here", parameter.id);
            Err(refused(NAME, what))
        }
        Ok(other) => Err(refused(NAME, format_args!("{other} is not a constant"))),
        Err(error) => Err(refused(NAME, error.strip_backtrace())),
    }
}

/// A time: a timestamp, a text, or Unix seconds.
fn time(argument: &str, value: &ScalarValue) -> Result<i64> {
    let wrong = || {
        refused(
            NAME,
            format_args!(
                "{argument} is a timestamp, a text such as '2024-01-15T00:00:00Z', or Unix seconds, not {value}"
            ),
        )
    };
    if let Some(seconds) = number(value) {
        return nanos(seconds).ok_or_else(wrong);
    }
    let is_time = value.data_type().is_temporal() || value.try_as_str().is_some();
    match value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None)) {
        Ok(ScalarValue::TimestampNanosecond(Some(nanos), _)) if is_time => Ok(nanos),
        _ => Err(wrong()),
    }
}

/// A step: a span of time, or seconds.
fn step(value: &ScalarValue) -> Result<i64> {
    let span = match (value, value.try_as_str().flatten()) {
        (ScalarValue::IntervalMonthDayNano(span), _) => *span,
        (_, Some(text)) if number(value).is_none() => {
            Some(parse_width(text).map_err(|what| refused(NAME, format_args!("step {what}")))?)
        }
        _ => None,
    };
    let nanos = match span {
        Some(span) if span.months == 0 => i64::from(span.days)
            .checked_mul(86_400_000_000_000)
            .and_then(|days| days.checked_add(span.nanoseconds)),
        Some(_) => None,
        None => number(value).and_then(nanos),
    };
    nanos.filter(|nanos| *nanos > 0).ok_or_else(|| {
        refused(
            NAME,
            format_args!("step is a span such as '1m', or seconds, greater than 0, not {value}"),
        )
    })
}

/// A number, as itself or as the text of one.
fn number(value: &ScalarValue) -> Option<f64> {
    if let Some(text) = value.try_as_str().flatten() {
        return text.trim().parse().ok();
    }
    if !value.data_type().is_numeric() {
        return None;
    }
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(number)) => number,
        _ => None,
    }
}

fn nanos(seconds: f64) -> Option<i64> {
    // To the microsecond: a double of today's seconds holds no more.
    let micros = (seconds * 1e6).round();
    if micros.abs() >= i64::MAX as f64 / 1e3 {
        return None;
    }
    (micros as i64).checked_mul(1_000)
}
