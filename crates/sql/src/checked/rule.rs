//! Puts the checks into a plan, before DataFusion computes what is constant in it.

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        DFSchema,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode as _},
    },
    error::Result,
    logical_expr::{Expr, ExprSchemable as _, LogicalPlan, expr_rewriter::NamePreserver},
    optimizer::AnalyzerRule,
};

use super::{
    arithmetic::{Checked, checked},
    bounded::Bounded,
};
use crate::functions::refused;

/// Items of a type that has a fixed number of them: NULL takes as much memory as any value.
const FIXED_ITEMS_MAX: i32 = 65_536;

/// The rule. Comes after types are settled.
#[derive(Debug)]
pub(super) struct Checks;

impl AnalyzerRule for Checks {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|node| {
            let mut schema = DFSchema::empty();
            for input in node.inputs() {
                schema.merge(input.schema());
            }
            if let LogicalPlan::TableScan(scan) = &node {
                schema.merge(&scan.projected_schema);
            }
            // Other parts of a plan refer to a window by a name with all that is within it.
            let names = NamePreserver::new(&node);
            let changed = node.map_expressions(|expr| {
                let name = names.save(&expr);
                let changed = expr.transform_up(|part| checks(part, &schema))?;
                let transformed = changed.transformed;
                Ok(changed.update_data(|it| if transformed { name.restore(it) } else { it }))
            })?;
            if changed.transformed {
                return Ok(Transformed::yes(changed.data.recompute_schema()?));
            }
            Ok(changed)
        })?;
        Ok(plan.data)
    }

    fn name(&self) -> &'static str {
        "checks"
    }
}

fn checks(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(mut call) => {
            if call.func.name().starts_with("arrow_") {
                let call = Expr::ScalarFunction(call);
                if let Ok(kind) = call.get_type(schema) {
                    check_type(&kind)?;
                }
                return Ok(Transformed::no(call));
            }
            let bounded = call.func.inner().downcast_ref::<Bounded>();
            match bounded.and_then(|bounded| bounded.at_run_time(&call.args)) {
                Some(function) => {
                    call.func = function.into();
                    Ok(Transformed::yes(Expr::ScalarFunction(call)))
                }
                None => Ok(Transformed::no(Expr::ScalarFunction(call))),
            }
        }
        expr => {
            let (expr, changed) = checked(expr, |operand| kind(operand, schema));
            Ok(Transformed::new_transformed(expr, changed))
        }
    }
}

/// The type of an operand; of long chains without a walk to their ends.
fn kind(operand: &Expr, schema: &DFSchema) -> Option<DataType> {
    match operand {
        Expr::Literal(value, _) => Some(value.data_type()),
        Expr::Cast(cast) => Some(cast.field.data_type().clone()),
        Expr::TryCast(cast) => Some(cast.field.data_type().clone()),
        Expr::ScalarFunction(call) => match call.func.inner().downcast_ref::<Checked>() {
            Some(checked) => Some(checked.kind().clone()),
            None => operand.get_type(schema).ok(),
        },
        _ => operand.get_type(schema).ok(),
    }
}

/// Refuses types of which one value takes a lot of memory.
fn check_type(kind: &DataType) -> Result<()> {
    match kind {
        DataType::FixedSizeList(_, items) | DataType::FixedSizeBinary(items)
            if *items > FIXED_ITEMS_MAX =>
        {
            let what = format_args!("a type has at most {FIXED_ITEMS_MAX} fixed items");
            Err(refused("arrow_cast", what))
        }
        _ => Ok(()),
    }
}
