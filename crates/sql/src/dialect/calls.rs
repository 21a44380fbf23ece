//! Calls of functions with clauses that they do not take.
//!
//! DataFusion drops `OVER (...)` and `FILTER (...)` behind a function that is neither an aggregate nor one of
//! windows, without a word: `locf(x) OVER (ORDER BY time)` would answer something else than it says.

use std::ops::ControlFlow;

use datafusion::{
    error::{DataFusionError, Result},
    execution::SessionState,
    sql::{
        parser::Statement,
        sqlparser::ast::{Expr, Function, visit_expressions},
    },
};

/// Statements within `EXPLAIN`s.
const DEPTH_MAX: usize = 4;

/// Refuses such calls.
///
/// # Errors
/// The first of them, by the function's name.
pub(crate) fn check_calls(statement: &Statement, state: &SessionState) -> Result<()> {
    let mut statement = statement;
    for _ in 0..DEPTH_MAX {
        match statement {
            Statement::Explain(explain) => statement = explain.statement.as_ref(),
            Statement::Statement(sql) => {
                let found = visit_expressions(sql.as_ref(), |expr| match expr {
                    Expr::Function(call) => match dropped_clause(call, state) {
                        Some(message) => ControlFlow::Break(message),
                        None => ControlFlow::Continue(()),
                    },
                    _ => ControlFlow::Continue(()),
                });
                return match found {
                    ControlFlow::Break(message) => Err(DataFusionError::Plan(message)),
                    ControlFlow::Continue(()) => Ok(()),
                };
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// What is wrong with a call that has a clause for nothing.
fn dropped_clause(call: &Function, state: &SessionState) -> Option<String> {
    let clause = match (&call.over, &call.filter) {
        (Some(_), _) => "OVER",
        (None, Some(_)) => "FILTER",
        (None, None) => return None,
    };
    let [name] = call.name.0.as_slice() else { return None };
    let name = name.as_ident()?.value.to_lowercase();
    let is_plain = state.scalar_functions().contains_key(&name)
        && !state.aggregate_functions().contains_key(&name)
        && !state.window_functions().contains_key(&name);
    is_plain.then(|| match name.as_str() {
        "locf" | "interpolate" => format!(
            "{name}: it fills the buckets of a query with time_bucket_gapfill, and takes no {clause}"
        ),
        _ => format!("{name}: it is neither an aggregate nor a window function, and takes no {clause}"),
    })
}
