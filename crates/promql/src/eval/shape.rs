//! Which expressions are leaves, told from the tree alone. Nothing is evaluated to find out, so that no
//! part of a query is ever evaluated twice.

use timberline_model::{METRIC_NAME, MatchOp};

use super::{
    binary, elementwise,
    evaluator::{Evaluator, strip_parens},
    support::is_window_function,
};
use crate::ast::{Binary, Expr, ExprKind, Selector, ValueType};

/// What is known of a leaf's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// They are no longer the metric, and lose its name.
    drops_name: bool,
    /// All series have one metric name, so that dropping it makes no two of them the same.
    one_metric: bool,
}

impl Evaluator<'_> {
    /// Whether an expression is a leaf whose series may go on to further stages, or into an
    /// aggregation, one by one: they need no merging first.
    pub(super) fn extends(&self, expr: &Expr) -> bool {
        shape(expr)
            .is_some_and(|shape| !shape.drops_name || shape.one_metric || self.query.delays_names())
    }
}

/// Whether a selector picks series of one metric name only.
pub(super) fn is_one_metric(selector: &Selector) -> bool {
    selector.matchers.iter().any(|matcher| {
        matcher.name() == METRIC_NAME
            && matcher.op() == MatchOp::Equal
            && !matcher.value().is_empty()
    })
}

/// The range vector among the arguments: the first, or the second of `quantile_over_time`.
pub(super) fn matrix_argument(args: &[Expr]) -> Option<&Expr> {
    args.iter().map(strip_parens).find(|arg| arg.value_type() == ValueType::Matrix)
}

/// The operand that is a vector and the one that is a scalar, and whether the scalar is on the left.
pub(super) fn vector_and_scalar(binary: &Binary) -> Option<(&Expr, &Expr, bool)> {
    let is_scalar = |expr: &Expr| expr.value_type() == ValueType::Scalar;
    match (is_scalar(&binary.left), is_scalar(&binary.right)) {
        (false, true) => Some((&binary.left, &binary.right, false)),
        (true, false) => Some((&binary.right, &binary.left, true)),
        _ => None,
    }
}

fn shape(expr: &Expr) -> Option<Shape> {
    match &expr.kind {
        ExprKind::Paren(inner) => shape(inner),
        ExprKind::Selector(selector) => {
            Some(Shape { drops_name: false, one_metric: is_one_metric(selector) })
        }
        ExprKind::Unary { negate, expr } => {
            let inner = shape(expr)?;
            Some(Shape { drops_name: inner.drops_name || *negate, ..inner })
        }
        ExprKind::Binary(binary) => {
            let (vector, _, _) = vector_and_scalar(binary)?;
            let inner = shape(vector)?;
            Some(Shape { drops_name: inner.drops_name || binary::drops_name(binary), ..inner })
        }
        ExprKind::Call { function, args, .. } => {
            let drops_name = !matches!(*function, "last_over_time" | "first_over_time");
            if is_window_function(function) {
                return match &matrix_argument(args)?.kind {
                    ExprKind::Matrix { selector, .. } => {
                        Some(Shape { drops_name, one_metric: is_one_metric(selector) })
                    }
                    _ => None,
                };
            }
            let inner = shape(args.first()?)?;
            let of_selector = matches!(strip_parens(&args[0]).kind, ExprKind::Selector(_));
            let of_sample = matches!(*function, "timestamp" | "start_timestamp");
            let is_leaf = elementwise::is_elementwise(function) || (of_sample && of_selector);
            is_leaf.then_some(Shape { drops_name, ..inner })
        }
        _ => None,
    }
}
