//! The time that is to be filled, as the WHERE clause or the call's arguments say it.

use datafusion::{
    common::Column,
    logical_expr::{BinaryExpr, Cast, Expr, LogicalPlan, Operator, utils::split_conjunction},
};

/// One end of the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bound {
    /// A timestamp that depends on no row.
    pub(super) at: Expr,
    /// Whether that very time belongs to it.
    pub(super) is_included: bool,
}

/// Both ends; of several at one end the narrowest counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Bounds {
    pub(super) starts: Vec<Bound>,
    pub(super) finishes: Vec<Bound>,
}

impl Bounds {
    /// From `start`, included, to `finish`, excluded.
    pub(super) fn between(start: Expr, finish: Expr) -> Self {
        let bound = |at, is_included| vec![Bound { at, is_included }];
        Self { starts: bound(start, true), finishes: bound(finish, false) }
    }

    /// What the filters right below an aggregate say of a column.
    pub(super) fn of_filters(mut plan: &LogicalPlan, time: &Column) -> Self {
        let mut found = Self::default();
        loop {
            match plan {
                LogicalPlan::Filter(filter) => {
                    for predicate in split_conjunction(&filter.predicate) {
                        found.read(predicate, time);
                    }
                    plan = &filter.input;
                }
                _ => return found,
            }
        }
    }

    fn read(&mut self, predicate: &Expr, time: &Column) {
        match predicate {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if is_column(left, time) {
                    self.compare(*op, right);
                } else if is_column(right, time)
                    && let Some(op) = op.swap()
                {
                    self.compare(op, left);
                }
            }
            Expr::Between(between) if !between.negated && is_column(&between.expr, time) => {
                self.compare(Operator::GtEq, &between.low);
                self.compare(Operator::LtEq, &between.high);
            }
            _ => {}
        }
    }

    /// The column stands in front of the operator.
    fn compare(&mut self, op: Operator, at: &Expr) {
        if !at.column_refs().is_empty() || at.is_volatile() {
            return;
        }
        let bound = |is_included| Bound { at: at.clone(), is_included };
        match op {
            Operator::GtEq => self.starts.push(bound(true)),
            Operator::Gt => self.starts.push(bound(false)),
            Operator::LtEq => self.finishes.push(bound(true)),
            Operator::Lt => self.finishes.push(bound(false)),
            Operator::Eq => {
                self.starts.push(bound(true));
                self.finishes.push(bound(true));
            }
            _ => {}
        }
    }
}

/// Whether it is the column, be it with another name for UTC.
fn is_column(expr: &Expr, time: &Column) -> bool {
    match expr {
        Expr::Column(column) => column == time,
        Expr::Cast(Cast { expr, field }) => {
            matches!(
                field.data_type(),
                arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, _)
            ) && is_column(expr, time)
        }
        _ => false,
    }
}
