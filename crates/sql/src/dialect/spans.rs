//! Texts beside times: a span of time after `+` and `-`, a time after a comparison.

use arrow::{
    compute::kernels::cast_utils::string_to_timestamp_nanos,
    datatypes::{DataType, TimeUnit},
};
use datafusion::{
    common::{DFSchema, ScalarValue, plan_datafusion_err},
    error::Result,
    logical_expr::{
        Expr, ExprSchemable as _,
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
    },
    sql::sqlparser::ast::BinaryOperator,
};

use crate::functions::parse_width;

/// Reads such texts while a statement is planned, when their neighbour's type is known.
#[derive(Debug)]
pub(super) struct Spans;

impl ExprPlanner for Spans {
    fn plan_binary_op(
        &self,
        mut expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        // Most operators have no text beside them; types of long chains take a walk through them to tell.
        if literal_text(&expr.left).is_none() && literal_text(&expr.right).is_none() {
            return Ok(PlannerResult::Original(expr));
        }
        let is_sum = matches!(expr.op, BinaryOperator::Plus | BinaryOperator::Minus);
        if is_sum {
            if is_timestamp(&expr.left, schema) {
                read_span(&mut expr.right)?;
            } else if matches!(expr.op, BinaryOperator::Plus) && is_timestamp(&expr.right, schema) {
                read_span(&mut expr.left)?;
            } else if matches!(expr.right.get_type(schema), Ok(DataType::Interval(_))) {
                let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
                read_time(&mut expr.left, Some(&utc))?;
            }
        } else if is_comparison(&expr.op) {
            let kinds = [expr.left.get_type(schema), expr.right.get_type(schema)];
            let [left, right] = kinds.map(Result::ok);
            read_time(&mut expr.right, left.as_ref())?;
            read_time(&mut expr.left, right.as_ref())?;
        }
        Ok(PlannerResult::Original(expr))
    }
}

fn is_timestamp(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Timestamp(_, _)))
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Replaces a text by the span of time that it says.
fn read_span(expr: &mut Expr) -> Result<()> {
    let Some(text) = literal_text(expr) else { return Ok(()) };
    let span = parse_width(text).map_err(|what| {
        plan_datafusion_err!("what is added to or subtracted from a time: {what}")
    })?;
    *expr = Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(span)), None);
    Ok(())
}

/// Replaces a text by the time that it says, if what it is compared with is in UTC and nanoseconds. Other
/// times are left to DataFusion, which rounds and shifts them.
fn read_time(expr: &mut Expr, beside: Option<&DataType>) -> Result<()> {
    let (Some(text), Some(DataType::Timestamp(TimeUnit::Nanosecond, zone))) =
        (literal_text(expr), beside)
    else {
        return Ok(());
    };
    if !matches!(zone.as_deref(), None | Some("UTC" | "+00:00" | "Z")) {
        return Ok(());
    }
    let Ok(nanos) = string_to_timestamp_nanos(text) else {
        let hint = match parse_width(text) {
            Ok(_) => {
                format!(": a span of time is written now() - '{}'", text.trim_start_matches('-'))
            }
            Err(_) => " such as '2024-01-15T00:00:00Z'".to_owned(),
        };
        return Err(plan_datafusion_err!("{text:?} is not a time{hint}"));
    };
    *expr = Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), zone.clone()), None);
    Ok(())
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}
