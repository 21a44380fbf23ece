//! Which plans a session runs at all.

use datafusion::{
    common::tree_node::{TreeNode as _, TreeNodeRecursion},
    error::{DataFusionError, Result},
    logical_expr::{DmlStatement, LogicalPlan, WriteOp, dml::InsertOp},
    prelude::SQLOptions,
};

/// Refuses what would change a file, the session, the process, or a table in a way that series cannot be
/// changed.
///
/// # Errors
/// Such a plan, by the name of what it would do.
pub(crate) fn check_allowed(plan: &LogicalPlan) -> Result<()> {
    plan.apply(|node| {
        let refused = match node {
            // A session plans the question of a COPY by itself.
            LogicalPlan::Copy(_) => "COPY within another statement",
            LogicalPlan::Dml(DmlStatement { op, .. }) => match op {
                WriteOp::Insert(InsertOp::Append) | WriteOp::Delete => {
                    return Ok(TreeNodeRecursion::Continue);
                }
                WriteOp::Insert(_) => "INSERT OVERWRITE and REPLACE INTO",
                WriteOp::Update => "UPDATE (write the sample again, or delete it)",
                WriteOp::Truncate => "TRUNCATE (use DELETE)",
                WriteOp::Ctas => "CREATE TABLE AS",
                WriteOp::MergeInto(_) => "MERGE",
                other => other.name(),
            },
            LogicalPlan::Ddl(ddl) => ddl.name(),
            LogicalPlan::Statement(statement) => statement.name(),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        Err(DataFusionError::Plan(format!("{refused} is not supported")))
    })?;
    // The same again for what subqueries may hide.
    SQLOptions::new().with_allow_ddl(false).with_allow_statements(false).verify_plan(plan)
}

/// Refuses a question that writes.
///
/// # Errors
/// Such a question.
pub(crate) fn check_asks(plan: &LogicalPlan) -> Result<()> {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
}
