//! What of the language is evaluated. Asked before anything is read.

use super::{
    call, elementwise, error::EvalError, evaluator::strip_parens, extended, window::PlainFunction,
};
use crate::ast::{Expr, ExprKind};

/// Functions of windows that [`PlainFunction`] does not name.
const WINDOW_FUNCTIONS: [&str; 9] = [
    "delta",
    "deriv",
    "double_exponential_smoothing",
    "idelta",
    "increase",
    "irate",
    "predict_linear",
    "quantile_over_time",
    "rate",
];

/// Whether a function makes one value of the samples in a window.
pub(super) fn is_window_function(name: &str) -> bool {
    PlainFunction::named(name).is_some() || WINDOW_FUNCTIONS.contains(&name)
}

/// Refuses a tree that has a part which is not evaluated, naming it.
pub(super) fn check(expr: &Expr) -> Result<(), EvalError> {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::String(_) => Ok(()),
        ExprKind::Selector(_) | ExprKind::Matrix { .. } => Ok(()),
        ExprKind::Subquery(subquery) => check(&subquery.expr),
        ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => check(expr),
        ExprKind::Binary(binary) => {
            check(&binary.left)?;
            check(&binary.right)
        }
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.as_ref().map_or(Ok(()), check)?;
            check(&aggregate.expr)
        }
        ExprKind::Call { function, args, .. } => {
            if !is_evaluated(function) {
                return Err(EvalError::unsupported(format!("function {function}")));
            }
            args.iter().try_for_each(|arg| {
                extended::check(function, &strip_parens(arg).kind)?;
                check(arg)
            })
        }
    }
}

fn is_evaluated(function: &str) -> bool {
    elementwise::is_elementwise(function)
        || is_window_function(function)
        || call::OTHER_FUNCTIONS.contains(&function)
}
