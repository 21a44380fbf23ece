//! `SELECT time::bigint ... ORDER BY time`: the column is called `time`, and orders the rows.
//!
//! DataFusion calls it so as well, and then finds two columns of the name. It is given its name as an alias.

use std::ops::ControlFlow;

use datafusion::sql::{
    parser::Statement,
    sqlparser::ast::{
        Expr, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, VisitMut as _, VisitorMut,
    },
};

/// Statements within `EXPLAIN`s.
const DEPTH_MAX: usize = 4;

/// Gives such columns their names.
pub(crate) fn name_casts(statement: &mut Statement) {
    let mut statement = statement;
    for _ in 0..DEPTH_MAX {
        match statement {
            Statement::Explain(explain) => statement = explain.statement.as_mut(),
            Statement::Statement(sql) => {
                // It never breaks off.
                let _: ControlFlow<()> = sql.visit(&mut Names);
                return;
            }
            _ => return,
        }
    }
}

struct Names;

impl VisitorMut for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Some(OrderByKind::Expressions(orders)) = query.order_by.as_ref().map(|by| &by.kind)
        else {
            return ControlFlow::Continue(());
        };
        let names = orders.iter().filter_map(|order| match &order.expr {
            Expr::Identifier(name) => Some(name.clone()),
            _ => None,
        });
        let names: Vec<Ident> = names.collect();
        if let SetExpr::Select(select) = query.body.as_mut() {
            for name in &names {
                name_cast(select, name);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Gives the one column that is a cast of this name an alias, if no other one may be called so.
fn name_cast(select: &mut Select, name: &Ident) {
    let mut called = select.projection.iter_mut().filter(|item| may_be_called(item, name));
    let (Some(item), None) = (called.next(), called.next()) else { return };
    if let SelectItem::UnnamedExpr(cast @ Expr::Cast { .. }) = item {
        *item = SelectItem::ExprWithAlias { expr: cast.clone(), alias: name.clone() };
    }
}

fn may_be_called(item: &SelectItem, name: &Ident) -> bool {
    match item {
        SelectItem::UnnamedExpr(Expr::Cast { expr, .. }) => is_named(expr, name),
        SelectItem::UnnamedExpr(expr) => is_named(expr, name),
        SelectItem::ExprWithAlias { alias, .. } => same(alias, name),
        _ => true,
    }
}

fn is_named(expr: &Expr, name: &Ident) -> bool {
    match expr {
        Expr::Identifier(found) => same(found, name),
        Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|found| same(found, name)),
        _ => false,
    }
}

/// Names in quotes are as they are, others in small letters.
fn same(left: &Ident, right: &Ident) -> bool {
    let plain = |name: &Ident| match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    };
    plain(left) == plain(right)
}
