//! Types of parameters that DataFusion leaves open.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        DFSchema,
        tree_node::{TreeNode as _, TreeNodeRecursion},
    },
    error::Result,
    logical_expr::{BinaryExpr, Expr, ExprSchemable as _, LogicalPlan, Operator},
};

/// Types by the names of parameters, the first that was found for each.
type Types = HashMap<String, DataType>;

/// What a plan says of its parameters by the places where they stand:
///
/// * `$1::bigint`: the type it is cast to.
/// * `LIMIT $1`, `OFFSET $1`: a whole number.
/// * `host = ANY($1)`: a list of what stands on the left.
pub(crate) fn by_place(plan: &LogicalPlan) -> Result<Types> {
    let mut types = Types::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for count in [&limit.skip, &limit.fetch].into_iter().flatten() {
                note(&mut types, count, || Some(DataType::Int64));
            }
        }
        let schema = beneath(node);
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                of_part(&mut types, part, &schema);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(types)
}

/// The columns that a node's expressions may name.
fn beneath(node: &LogicalPlan) -> DFSchema {
    let mut schema = DFSchema::empty();
    for input in node.inputs() {
        schema.merge(input.schema());
    }
    if let LogicalPlan::TableScan(scan) = node {
        schema.merge(&scan.projected_schema);
    }
    schema
}

fn of_part(types: &mut Types, part: &Expr, schema: &DFSchema) {
    match part {
        Expr::Cast(cast) => note(types, &cast.expr, || Some(cast.field.data_type().clone())),
        Expr::TryCast(cast) => note(types, &cast.expr, || Some(cast.field.data_type().clone())),
        // `x = ANY($1)`
        Expr::ScalarFunction(call) if call.func.name() == "array_has" => {
            if let [list, item] = call.args.as_slice() {
                note(types, list, || list_of(item, schema));
            }
        }
        // `x > ANY($1)` is `array_min($1) < x`, and `x <> ANY($1)` of the kind, too.
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => {
            for (extreme, item) in [(left, right), (right, left)] {
                if let Expr::ScalarFunction(call) = extreme.as_ref()
                    && ["array_min", "array_max"].contains(&call.func.name())
                    && let [list] = call.args.as_slice()
                {
                    note(types, list, || list_of(item, schema));
                }
            }
        }
        _ => {}
    }
}

/// Notes the type of an expression that is a parameter.
fn note(types: &mut Types, expression: &Expr, kind: impl FnOnce() -> Option<DataType>) {
    if let Expr::Placeholder(placeholder) = expression
        && !types.contains_key(&placeholder.id)
        && let Some(kind) = kind()
    {
        types.insert(placeholder.id.clone(), kind);
    }
}

const fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// A list of what an expression is; of the values of a dictionary, not of their numbers.
fn list_of(item: &Expr, schema: &DFSchema) -> Option<DataType> {
    let kind = match item.get_type(schema).ok()? {
        DataType::Dictionary(_, values) => *values,
        DataType::Null => return None,
        kind => kind,
    };
    Some(DataType::new_list(kind, true))
}
