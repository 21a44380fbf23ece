//! A statement that was planned.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::{common::ParamValues, logical_expr::LogicalPlan, scalar::ScalarValue};

use crate::{
    SqlError,
    statements::{CopyTarget, DatabaseStatement},
};

/// A statement that was planned, and may be run with parameters any number of times.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) plan: LogicalPlan,
    /// What is done about databases, in the place of the plan.
    pub(crate) about: Option<Arc<DatabaseStatement>>,
    pub(crate) text: Arc<str>,
    /// Where the rows of the plan go, if it is a file.
    pub(crate) copy: Option<Arc<CopyTarget>>,
}

impl Prepared {
    /// Names and types of the columns that it answers; no columns if it answers no rows.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        if self.copy.is_some() || self.about.is_some() {
            return Arc::new(Schema::empty());
        }
        // DataFusion has the count of rows that were written as a column.
        match &self.plan {
            LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) => Arc::new(Schema::empty()),
            plan => Arc::clone(plan.schema().inner()),
        }
    }

    /// The statement with values for its parameters: its columns may have other types with them.
    ///
    /// # Errors
    /// Parameters that do not fit.
    pub fn bound(&self, parameters: Vec<ScalarValue>) -> Result<Self, SqlError> {
        let plan = self.plan.clone().with_param_values(ParamValues::from(parameters));
        let plan = plan.map_err(|error| SqlError::from_datafusion(&error))?;
        let (about, copy) = (self.about.clone(), self.copy.clone());
        Ok(Self { plan, about, text: Arc::clone(&self.text), copy })
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
        // What `$1::bigint` and `LIMIT $1` say of their parameters, which DataFusion leaves open.
        let by_place = crate::parameters::by_place(&self.plan)
            .map_err(|error| SqlError::from_datafusion(&error))?;
        for (name, kind) in types {
            if let Some(place) = number(&name).and_then(|n| found.get_mut(n.wrapping_sub(1))) {
                *place = kind.or_else(|| by_place.get(&name).cloned());
            }
        }
        Ok(found)
    }
}
