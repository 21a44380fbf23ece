//! Pins a query to a time: `@ t` on every selector and subquery that has none, as Prometheus' own
//! runner does to see that the answer no longer depends on when it is asked.

use timberline_model::Matcher;
use timberline_promql::ast::{At, Expr, ExprKind, Modifiers, Selector};

/// Functions whose value depends on the time of evaluation, whatever their arguments.
const UNSAFE: [&str; 16] = [
    "time",
    "timestamp",
    "predict_linear",
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "year",
    "month",
    "hour",
    "minute",
    "vector",
    "start",
    "end",
    "step",
    "range",
];

/// Calls `visit` for every selector of a query.
pub(crate) fn each_selector(expr: &Expr, visit: &mut dyn FnMut(&[Matcher])) {
    let mut copy = expr.clone();
    walk(&mut copy, true, &mut |node| {
        if let ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } = &node.kind {
            visit(&selector.matchers);
        }
    });
}

/// Whether a query calls any of these functions.
pub(crate) fn calls(expr: &Expr, names: &[&str]) -> bool {
    let mut found = false;
    walk(&mut expr.clone(), true, &mut |node| {
        if let ExprKind::Call { function, .. } = &node.kind {
            found |= names.contains(function);
        }
    });
    found
}

/// The query with all its selectors fixed at `ts`; `None` if it depends on the time regardless.
pub(crate) fn pin(expr: &Expr, ts: i64) -> Option<Expr> {
    if calls(expr, &UNSAFE) {
        return None;
    }
    let mut copy = expr.clone();
    let fix = |modifiers: &mut Modifiers| {
        modifiers.at.get_or_insert(At::Timestamp(ts));
    };
    walk(&mut copy, false, &mut |node| match &mut node.kind {
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => {
            let selector: &mut Selector = selector;
            fix(&mut selector.modifiers);
        }
        ExprKind::Subquery(subquery) => fix(&mut subquery.modifiers),
        _ => {}
    });
    Some(copy)
}

/// Visits every node; those within subqueries, whose times are their own, only if `deep`.
fn walk(expr: &mut Expr, deep: bool, visit: &mut dyn FnMut(&mut Expr)) {
    visit(expr);
    match &mut expr.kind {
        ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => walk(expr, deep, visit),
        ExprKind::Binary(binary) => {
            walk(&mut binary.left, deep, visit);
            walk(&mut binary.right, deep, visit);
        }
        ExprKind::Aggregate(aggregate) => {
            if let Some(param) = &mut aggregate.param {
                walk(param, deep, visit);
            }
            walk(&mut aggregate.expr, deep, visit);
        }
        ExprKind::Call { args, .. } => args.iter_mut().for_each(|arg| walk(arg, deep, visit)),
        ExprKind::Subquery(subquery) if deep => walk(&mut subquery.expr, deep, visit),
        _ => {}
    }
}
