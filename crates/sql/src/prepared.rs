//! A statement that was planned.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::logical_expr::LogicalPlan;

use crate::SqlError;

/// A statement that was planned, and may be run with parameters any number of times.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) plan: LogicalPlan,
    pub(crate) text: Arc<str>,
}

impl Prepared {
    /// Names and types of the columns that it answers; no columns if it answers no rows.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    /// The types of the parameters `$1`, `$2`, ... in order; `None` where any will do.
    ///
    /// # Errors
    /// Parameters whose types contradict each other.
    pub fn parameters(&self) -> Result<Vec<Option<DataType>>, SqlError> {
        let types =
            self.plan.get_parameter_types().map_err(|error| SqlError::from_datafusion(&error))?;
        let number = |name: &str| name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
        let count = types.keys().filter_map(|name| number(name)).max().unwrap_or(0);
        let mut found = vec![None; count];
        for (name, kind) in types {
            if let Some(place) = number(&name).and_then(|n| found.get_mut(n.wrapping_sub(1))) {
                *place = kind;
            }
        }
        Ok(found)
    }
}
