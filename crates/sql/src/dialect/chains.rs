//! Long chains of `AND` and `OR`.
//!
//! The parser makes a tree of them that is as deep as they are long, and much of DataFusion's planning takes the
//! square of a tree's depth. Both may be grouped as one likes, so they become trees of little depth, which say and
//! are called the same.

use std::ops::ControlFlow;

use datafusion::sql::{
    parser::Statement,
    sqlparser::ast::{BinaryOperator, Expr, Value, VisitMut as _, VisitorMut},
};

/// Shorter chains are left as they are: more than a tree of all operators that a statement may have is deep.
const TERMS_MIN: usize = 16;

/// Statements within `EXPLAIN`s.
const DEPTH_MAX: usize = 4;

/// Groups long chains anew.
pub(crate) fn level_chains(statement: &mut Statement) {
    let mut statement = statement;
    for _ in 0..DEPTH_MAX {
        match statement {
            Statement::Explain(explain) => statement = explain.statement.as_mut(),
            Statement::Statement(sql) => {
                // It never breaks off.
                let _: ControlFlow<()> = sql.visit(&mut Chains);
                return;
            }
            _ => return,
        }
    }
}

struct Chains;

impl VisitorMut for Chains {
    type Break = ();

    /// Before what is within, so that a chain is taken as a whole, and its parts have no chain left.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::BinaryOp { op, .. } = expr
            && matches!(op, BinaryOperator::And | BinaryOperator::Or)
        {
            let op = op.clone();
            if length(expr, &op) >= TERMS_MIN {
                let whole = std::mem::replace(expr, Expr::value(Value::Null));
                *expr = grouped(terms(whole, &op), &op);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Terms of a chain that goes on to the left, as the parser makes it; or of one that is level already.
fn length(expr: &Expr, op: &BinaryOperator) -> usize {
    let mut terms = 1;
    let mut at = expr;
    while let Expr::BinaryOp { left, op: found, .. } = at
        && found == op
    {
        terms += 1;
        at = left;
    }
    terms
}

/// The terms in their order.
fn terms(chain: Expr, op: &BinaryOperator) -> Vec<Expr> {
    let mut reversed = Vec::new();
    let mut at = chain;
    loop {
        match at {
            Expr::BinaryOp { left, op: found, right } if found == *op => {
                reversed.push(*right);
                at = *left;
            }
            first => {
                reversed.push(first);
                break;
            }
        }
    }
    reversed.reverse();
    reversed
}

/// A tree over terms, of which there is at least one, as deep as the logarithm of their number.
fn grouped(mut terms: Vec<Expr>, op: &BinaryOperator) -> Expr {
    while terms.len() > 1 {
        let mut pairs = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => {
                    Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) }
                }
                None => left,
            });
        }
        terms = pairs;
    }
    terms.pop().unwrap_or_else(|| Expr::value(Value::Null))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::{parser::DFParser, sqlparser::ast::Statement as Ast};

    use super::*;

    /// The statement with its chains level.
    fn leveled(sql: &str) -> Ast {
        let mut statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        level_chains(&mut statement);
        match statement {
            Statement::Statement(ast) => *ast,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn chains_say_the_same_and_are_level() {
        for op in ["AND", "OR"] {
            let terms: Vec<String> = (0..1_000).map(|n| format!("a = {n}")).collect();
            let sql = format!("SELECT 1 WHERE {}", terms.join(&format!(" {op} ")));
            let ast = leveled(&sql);
            assert_eq!(ast.to_string(), sql);
            let Ast::Query(query) = ast else { panic!("no query") };
            let condition = query.body.as_select().and_then(|select| select.selection.clone());
            let (mut depth, mut at) = (0, condition.unwrap());
            while let Expr::BinaryOp { left, .. } = at {
                (depth, at) = (depth + 1, *left);
            }
            assert!(depth < 16, "{depth}");
        }
    }

    #[test]
    fn other_chains_and_short_ones_are_left() {
        for sql in [
            "SELECT 1 WHERE a AND b AND c",
            "SELECT 1 WHERE a OR b AND c OR d AND e OR f OR g OR h OR i OR j",
            "SELECT 1 + 2 - 3 + 4 - 5 + 6 - 7 + 8 - 9 + 10",
            "SELECT a || b || c || d || e || f || g || h || i",
        ] {
            assert_eq!(leveled(sql).to_string(), sql);
        }
    }
}
