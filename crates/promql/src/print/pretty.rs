//! Trees to text over several lines, laid out as Prometheus lays them out: what does not fit a line of
//! 100 characters is split at its outermost node, and each level is indented by two blanks.

use std::fmt::{self, Display, Write};

use super::INFINITY;
use crate::{
    ast::{Aggregate, Binary, Expr, ExprKind, Subquery},
    quote::quote,
};

/// A node of more characters than this is split.
const LINE_CHARS_MAX: usize = 100;

impl Expr {
    /// The query laid out for people: on one line if it is short, over several lines otherwise, the
    /// matchers of each selector in the order of their texts. It parses to a query of the same meaning.
    #[must_use]
    pub fn to_pretty(&self) -> String {
        let mut sorted = self.clone();
        sort_matchers(&mut sorted);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = write_pretty(&mut text, &sorted, 0);
        text
    }
}

/// Sorts the matchers of all selectors by their texts; that of a name that stands by itself stays first.
fn sort_matchers(expr: &mut Expr) {
    match &mut expr.kind {
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => {
            let named = usize::from(selector.name.is_some());
            selector.matchers[named..]
                .sort_by_cached_key(|m| format!("{}{}{}", m.name(), m.op(), quote(m.value())));
        }
        ExprKind::Subquery(subquery) => sort_matchers(&mut subquery.expr),
        ExprKind::Unary { expr: inner, .. } | ExprKind::Paren(inner) => sort_matchers(inner),
        ExprKind::Binary(binary) => {
            sort_matchers(&mut binary.left);
            sort_matchers(&mut binary.right);
        }
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter_mut().for_each(sort_matchers);
            sort_matchers(&mut aggregate.expr);
        }
        ExprKind::Call { args, .. } => args.iter_mut().for_each(sort_matchers),
        ExprKind::Number { .. } | ExprKind::String(_) => {}
    }
}

/// Appends an expression whose lines begin at a level. A tree's height is bounded, so recursion is.
fn write_pretty(out: &mut String, expr: &Expr, level: usize) -> fmt::Result {
    if let ExprKind::Unary { negate, expr: inner } = &expr.kind {
        indent(out, level);
        out.push(if *negate { '-' } else { '+' });
        let mut operand = String::new();
        write_pretty(&mut operand, inner, level)?;
        out.push_str(operand.trim());
        return Ok(());
    }
    if fits(expr) {
        indent(out, level);
        return write!(out, "{expr}");
    }
    match &expr.kind {
        ExprKind::Aggregate(aggregate) => write_aggregate(out, aggregate, level),
        ExprKind::Binary(binary) => write_binary(out, binary, level),
        ExprKind::Subquery(subquery) => write_subquery(out, subquery, level),
        ExprKind::Call { function, args, .. } => {
            indent(out, level);
            writeln!(out, "{function}(")?;
            for (index, arg) in args.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ",\n" });
                write_pretty(out, arg, level + 1)?;
            }
            close(out, level);
            Ok(())
        }
        ExprKind::Paren(inner) => {
            indent(out, level);
            out.push_str("(\n");
            write_pretty(out, inner, level + 1)?;
            close(out, level);
            Ok(())
        }
        // Selectors, numbers and strings are not split.
        _ => {
            indent(out, level);
            write!(out, "{expr}")
        }
    }
}

fn write_aggregate(out: &mut String, aggregate: &Aggregate, level: usize) -> fmt::Result {
    indent(out, level);
    writeln!(out, "{}(", aggregate.head())?;
    if let Some(param) = &aggregate.param {
        write_pretty(out, param, level + 1)?;
        out.push_str(",\n");
    }
    write_pretty(out, &aggregate.expr, level + 1)?;
    close(out, level);
    Ok(())
}

fn write_binary(out: &mut String, binary: &Binary, level: usize) -> fmt::Result {
    if binary.is_infinity_to_a_power() {
        indent(out, level + 1);
        out.push_str(INFINITY);
    } else {
        write_pretty(out, &binary.left, level + 1)?;
    }
    out.push('\n');
    indent(out, level);
    writeln!(out, "{}", binary.operator())?;
    write_pretty(out, &binary.right, level + 1)
}

fn write_subquery(out: &mut String, subquery: &Subquery, level: usize) -> fmt::Result {
    write_pretty(out, &subquery.expr, level)?;
    write!(out, "{}", subquery.suffix())
}

fn close(out: &mut String, level: usize) {
    out.push('\n');
    indent(out, level);
    out.push(')');
}

fn indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

/// Whether an expression fits a line. Stops printing where it does not.
fn fits(expr: &dyn Display) -> bool {
    let mut room = Room { chars: LINE_CHARS_MAX };
    write!(room, "{expr}").is_ok()
}

/// Takes so many characters and no more.
struct Room {
    chars: usize,
}

impl Write for Room {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Prometheus counts bytes.
        self.chars = self.chars.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::parse;

    fn pretty(text: &str) -> String {
        parse(text).unwrap().to_pretty()
    }

    #[test]
    fn short_queries_stay_on_one_line() {
        assert_eq!(
            pretty("sum(rate(http_requests_total[5m]))by(job,status)"),
            "sum by (job, status) (rate(http_requests_total[5m]))"
        );
        assert_eq!(pretty("- ( 1+x )"), "-(1 + x)");
        assert_eq!(pretty(r#"a{c="d",b!="e",b="f"}"#), r#"a{b!="e",b="f",c="d"}"#);
    }

    #[test]
    fn long_queries_are_split_at_their_outermost_nodes() {
        let long = "a".repeat(60);
        assert_eq!(
            pretty(&format!(
                "sum by (job) (rate({long}[5m]) / on (x) group_left rate({long}[5m]))"
            )),
            format!(
                "sum by (job) (\n    rate({long}[5m])\n  / on (x) group_left ()\n    rate({long}[5m])\n)"
            )
        );
        assert_eq!(
            pretty(&format!(
                "topk(5, label_replace({long}, 'a', '$1', 'b', '(.*)') > bool {long})"
            )),
            format!(
                "topk(\n  5,\n    label_replace({long}, \"a\", \"$1\", \"b\", \"(.*)\")\n  > bool\n    {long}\n)"
            )
        );
        assert_eq!(
            pretty(&format!("max_over_time((-({long} + {long}))[1h:1m] offset 5m)")),
            format!(
                "max_over_time(\n  (\n    -(\n        {long}\n      +\n        {long}\n    )\n  )[1h:1m] offset 5m\n)"
            )
        );
    }

    #[test]
    fn what_is_laid_out_parses_to_the_same_query() {
        let long = format!("{}{{x=\"y\"}}", "b".repeat(50));
        for text in [
            format!(
                "histogram_quantile(0.9, sum by (le) (rate({long}[5m]))) or -{long} @ 5 ^ {long}"
            ),
            format!("count_values('v', {long} and on () {long}) unless ignoring (z) {long}"),
            format!("quantile_over_time(0.5, ({long} - {long} offset -1m)[2h:] @ end())"),
        ] {
            let expr = parse(&text).unwrap();
            let laid_out = expr.to_pretty();
            assert!(laid_out.contains('\n'), "{laid_out}");
            assert_eq!(parse(&laid_out).unwrap().to_string(), expr.to_string());
        }
    }
}
