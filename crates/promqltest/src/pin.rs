//! Pins a query to a time: `@ t` on every selector and subquery that has none, to see that the answer no
//! longer depends on when it is asked.

use timberline_promql::ast::{At, Expr, ExprKind, Modifiers, Selector};

/// Functions whose value depends on the time of evaluation, whatever their arguments.
const DEPEND_ON_TIME: [&str; 15] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
    "year",
];

/// The query with all its selectors fixed at `ts`; `None` if it depends on the time regardless.
pub(crate) fn pin(expr: &Expr, ts: i64) -> Option<Expr> {
    let (mut copy, mut depends) = (expr.clone(), false);
    let fix = |modifiers: &mut Modifiers| {
        modifiers.at.get_or_insert(At::Timestamp(ts));
    };
    walk(&mut copy, &mut |node| match &mut node.kind {
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => {
            let selector: &mut Selector = selector;
            fix(&mut selector.modifiers);
        }
        ExprKind::Subquery(subquery) => fix(&mut subquery.modifiers),
        ExprKind::Call { function, .. } => depends |= DEPEND_ON_TIME.contains(function),
        _ => {}
    });
    (!depends).then_some(copy)
}

/// Visits every node but those within subqueries, which are fixed with them.
fn walk(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    visit(expr);
    match &mut expr.kind {
        ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => walk(expr, visit),
        ExprKind::Binary(binary) => {
            walk(&mut binary.left, visit);
            walk(&mut binary.right, visit);
        }
        ExprKind::Aggregate(aggregate) => {
            if let Some(param) = &mut aggregate.param {
                walk(param, visit);
            }
            walk(&mut aggregate.expr, visit);
        }
        // The second argument of `info` is no selector of samples, and takes no modifier.
        ExprKind::Call { function: "info", args, .. } => {
            args.iter_mut().take(1).for_each(|arg| walk(arg, visit));
        }
        ExprKind::Call { args, .. } => args.iter_mut().for_each(|arg| walk(arg, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(text: &str) -> Option<String> {
        let expr = timberline_promql::parse(text).unwrap();
        pin(&expr, 60_000_000_000).map(|expr| expr.to_string())
    }

    #[test]
    fn selectors_and_subqueries_without_a_time_get_one() {
        let found = pinned("rate(a[5m]) + b @ 10 + max_over_time(sum(c)[1h:1m])").unwrap();
        assert_eq!(
            found,
            "rate(a[5m] @ 60.000) + b @ 10.000 + max_over_time(sum(c)[1h:1m] @ 60.000)"
        );
    }

    #[test]
    fn what_asks_for_the_time_is_not_pinned() {
        assert_eq!(pinned("time() - a"), None);
        assert_eq!(pinned("predict_linear(a[5m], 60)"), None);
    }
}
