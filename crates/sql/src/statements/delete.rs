//! `DELETE`: conditions on time and labels become a tombstone.

use std::sync::Arc;

use datafusion::{
    datasource::source_as_provider,
    error::{DataFusionError, Result},
    execution::SessionState,
    logical_expr::{DmlStatement, Expr, LogicalPlan, utils::split_conjunction_owned},
};

use crate::{scan::Wanted, tables::SeriesTable};

/// Deletes what a statement says. Nothing is deleted unless storage can do exactly that.
///
/// # Errors
/// A table of something else than series, a condition on something else than time and labels, or storage
/// that fails.
pub(crate) async fn delete(state: &SessionState, statement: &DmlStatement) -> Result<()> {
    let provider = source_as_provider(&statement.target)?;
    let table = provider.downcast_ref::<SeriesTable>().ok_or_else(|| {
        DataFusionError::Plan(format!("nothing can be deleted from {}", statement.table_name))
    })?;
    let input = state.optimize(&statement.input)?;
    let mut conditions = Vec::new();
    if !conditions_of(&input, &mut conditions)? {
        return Ok(());
    }
    let refuse = |condition: &Expr| {
        DataFusionError::Plan(format!(
            "DELETE takes conditions on time and on labels that name, exclude or match values, joined by \
             AND (by OR over one label); this is another: {condition}"
        ))
    };
    if let Some(other) = conditions.iter().find(|of| !Wanted::takes(table.layout(), of)) {
        return Err(refuse(other));
    }
    let wanted = Wanted::of(table.layout(), &conditions, state)?;
    if wanted.condition.is_some() {
        let alone = |of: &&Expr| {
            Wanted::of(table.layout(), std::slice::from_ref(*of), state)
                .is_ok_and(|wanted| wanted.condition.is_some())
        };
        return Err(conditions.iter().find(alone).map_or_else(
            || DataFusionError::Plan("DELETE cannot say this to storage".to_owned()),
            refuse,
        ));
    }
    let database = Arc::clone(table.database());
    let selector = wanted.selector;
    let work = move || database.delete(&[selector.matchers], selector.range);
    let deleted = tokio::task::spawn_blocking(work).await;
    let deleted = deleted.map_err(|error| DataFusionError::External(Box::new(error)))?;
    deleted.map_err(|error| DataFusionError::External(Box::new(error)))
}

/// All conditions between a deletion and its table; false if nothing passes them, whatever is there.
fn conditions_of(plan: &LogicalPlan, conditions: &mut Vec<Expr>) -> Result<bool> {
    match plan {
        LogicalPlan::Projection(projection) => conditions_of(&projection.input, conditions),
        LogicalPlan::SubqueryAlias(alias) => conditions_of(&alias.input, conditions),
        LogicalPlan::Filter(filter) => {
            conditions.extend(split_conjunction_owned(filter.predicate.clone()));
            conditions_of(&filter.input, conditions)
        }
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
            conditions.extend(scan.filters.iter().cloned());
            Ok(true)
        }
        LogicalPlan::EmptyRelation(_) => Ok(false),
        other => Err(DataFusionError::Plan(format!(
            "DELETE takes conditions on time and labels, and neither subqueries nor limits; this needs: {}",
            other.display()
        ))),
    }
}
