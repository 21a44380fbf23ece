//! Types of parameters that DataFusion leaves open.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::{
    common::tree_node::{TreeNode as _, TreeNodeRecursion},
    error::Result,
    logical_expr::{Expr, LogicalPlan},
};

/// The types that parameters are cast to, by their names: what `$1::bigint` says of `$1`.
pub(crate) fn cast(plan: &LogicalPlan) -> Result<HashMap<String, DataType>> {
    let mut casts = HashMap::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                let (inner, field) = match part {
                    Expr::Cast(cast) => (&cast.expr, &cast.field),
                    Expr::TryCast(cast) => (&cast.expr, &cast.field),
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                if let Expr::Placeholder(placeholder) = inner.as_ref() {
                    let kind = field.data_type().clone();
                    casts.entry(placeholder.id.clone()).or_insert(kind);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(casts)
}
