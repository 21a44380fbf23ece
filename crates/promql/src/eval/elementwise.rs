//! Functions that change value by value: mathematics, clamping, parts of dates, numbers of histograms.

use timberline_model::FloatHistogram;

use super::{
    calendar,
    column::{ScalarColumn, StepColumn},
    error::EvalError,
    evaluator::Evaluator,
    leaf::Stage,
    quantiles,
    steps::Steps,
};
use crate::ast::Expr;

/// A number that tells something about a histogram.
type OfHistogram = fn(&FloatHistogram) -> f64;

/// The function of one histogram that bears this name.
fn of_histogram(name: &str) -> Option<OfHistogram> {
    Some(match name {
        "histogram_avg" => quantiles::mean,
        "histogram_count" => |histogram| histogram.count,
        "histogram_stddev" => quantiles::deviation,
        "histogram_stdvar" => quantiles::variance,
        "histogram_sum" => |histogram| histogram.sum,
        _ => return None,
    })
}

/// The function of one number that bears this name.
fn unary(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sgn" => sign,
        "acos" => f64::acos,
        "acosh" => f64::acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        _ => return date_part(name),
    })
}

/// The part of a date that a function of this name gives.
pub(super) fn date_part(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "year" => calendar::year,
        "month" => calendar::month,
        "day_of_month" => calendar::day_of_month,
        "day_of_week" => calendar::day_of_week,
        "day_of_year" => calendar::day_of_year,
        "days_in_month" => calendar::days_in_month,
        "hour" => calendar::hour,
        "minute" => calendar::minute,
        _ => return None,
    })
}

/// Whether a function changes value by value.
pub(super) fn is_elementwise(name: &str) -> bool {
    unary(name).is_some()
        || of_histogram(name).is_some()
        || matches!(name, "clamp" | "clamp_min" | "clamp_max" | "round")
}

impl Evaluator<'_> {
    /// What a function that changes value by value does to a column; its first argument is the
    /// vector. `None` for other functions.
    pub(super) fn elementwise<'e>(
        &self,
        name: &str,
        args: &[Expr],
        steps: Steps,
    ) -> Result<Option<Stage<'e>>, EvalError> {
        if let Some(change) = unary(name) {
            return Ok((!args.is_empty()).then(|| stage_of(change)));
        }
        if let Some(number) = of_histogram(name) {
            return Ok(Some(stage_of_histograms(number)));
        }
        let scalar = |index: usize, default: f64| match args.get(index) {
            Some(expr) => self.eval_scalar(expr, steps),
            None => Ok(ScalarColumn::Constant(default)),
        };
        Ok(Some(match name {
            "clamp" => {
                let (low, high) = (scalar(1, f64::NAN)?, scalar(2, f64::NAN)?);
                filter(move |step, value| clamp(value, low.at(step), high.at(step)))
            }
            "clamp_min" => {
                let low = scalar(1, f64::NAN)?;
                filter(move |step, value| Some(larger(low.at(step), value)))
            }
            "clamp_max" => {
                let high = scalar(1, f64::NAN)?;
                filter(move |step, value| Some(smaller(high.at(step), value)))
            }
            "round" => {
                let unit = scalar(1, 1.0)?;
                filter(move |step, value| Some(round(value, unit.at(step))))
            }
            _ => return Ok(None),
        }))
    }
}

/// A stage that changes every value.
fn stage_of<'e>(change: fn(f64) -> f64) -> Stage<'e> {
    Box::new(move |column: &mut StepColumn| {
        column.take_histograms();
        for value in column.values_mut() {
            *value = change(*value);
        }
        Ok(())
    })
}

/// A stage that puts a number in the place of every histogram and drops everything else.
fn stage_of_histograms<'e>(number: OfHistogram) -> Stage<'e> {
    Box::new(move |column: &mut StepColumn| {
        let histograms = column.take_histograms();
        column.reset(column.steps());
        for (step, histogram) in histograms {
            column.set(step, number(&histogram));
        }
        Ok(())
    })
}

/// A stage that changes or drops every value.
fn filter<'e>(change: impl Fn(usize, f64) -> Option<f64> + Send + Sync + 'e) -> Stage<'e> {
    Box::new(move |column: &mut StepColumn| {
        column.take_histograms();
        column.filter_map(&change);
        Ok(())
    })
}

fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

fn clamp(value: f64, low: f64, high: f64) -> Option<f64> {
    if high < low {
        return None;
    }
    Some(larger(low, smaller(high, value)))
}

/// To the nearest multiple, halves up.
fn round(value: f64, unit: f64) -> f64 {
    // Multiplying by the inverse is exact for units such as 0.1 where dividing by them is not.
    let inverse = 1.0 / unit;
    (value * inverse + 0.5).floor() / inverse
}

/// The larger number; NaN if either is NaN, unless the other is infinity.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// The smaller number; NaN if either is NaN, unless the other is minus infinity.
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}
