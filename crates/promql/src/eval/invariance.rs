//! Which expressions have the same value at every step, because `@` fixes all their times.

use super::evaluator::strip_parens;
use crate::ast::{Expr, ExprKind, Modifiers};

/// Functions of the evaluation time when they have no argument.
const OF_TIME_WITHOUT_ARGUMENTS: [&str; 8] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "year",
    "month",
    "hour",
    "minute",
];

/// Whether the expression's value is the same whenever it is evaluated.
pub(super) fn is_step_invariant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::String(_) => true,
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => {
            is_fixed(&selector.modifiers)
        }
        ExprKind::Subquery(subquery) => is_fixed(&subquery.modifiers),
        ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => is_step_invariant(expr),
        ExprKind::Binary(binary) => {
            is_step_invariant(&binary.left) && is_step_invariant(&binary.right)
        }
        ExprKind::Aggregate(aggregate) => {
            is_step_invariant(&aggregate.expr)
                && aggregate.param.as_ref().is_none_or(is_step_invariant)
        }
        ExprKind::Call { function, args, .. } => is_invariant_call(function, args),
    }
}

fn is_invariant_call(function: &str, args: &[Expr]) -> bool {
    let invariant = match function {
        // The time of the result is the step's, however the samples were found.
        "time" | "predict_linear" => false,
        "timestamp" => {
            args.first().is_some_and(|arg| matches!(strip_parens(arg).kind, ExprKind::Selector(_)))
        }
        name => !(args.is_empty() && OF_TIME_WITHOUT_ARGUMENTS.contains(&name)),
    };
    invariant && args.iter().all(is_step_invariant)
}

fn is_fixed(modifiers: &Modifiers) -> bool {
    modifiers.at.is_some()
}
