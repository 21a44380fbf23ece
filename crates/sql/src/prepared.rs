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
    pub(crate) text: Arc<str>,
    pub(crate) work: Work,
}

/// What carrying a statement out takes.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A plan, whose rows are the answer if it does not write them.
    Plan(LogicalPlan),
    /// A plan whose rows go to a file.
    Copy(LogicalPlan, Arc<CopyTarget>),
    /// Something about databases.
    Databases(Arc<DatabaseStatement>),
}

impl Prepared {
    /// Names and types of the columns that it answers; no columns if it answers no rows.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        match &self.work {
            // DataFusion has the count of rows that were written as a column.
            Work::Plan(LogicalPlan::Dml(_) | LogicalPlan::Ddl(_)) => Arc::new(Schema::empty()),
            Work::Plan(plan) => Arc::clone(plan.schema().inner()),
            Work::Copy(..) | Work::Databases(_) => Arc::new(Schema::empty()),
        }
    }

    /// The statement with values for its parameters: its columns may have other types with them.
    ///
    /// # Errors
    /// Parameters that do not fit.
    pub fn bound(&self, parameters: Vec<ScalarValue>) -> Result<Self, SqlError> {
        let bind = |plan: &LogicalPlan| {
            let plan = plan.clone().with_param_values(ParamValues::from(parameters));
            plan.map_err(|error| SqlError::from_datafusion(&error))
        };
        let work = match &self.work {
            Work::Plan(plan) => Work::Plan(bind(plan)?),
            Work::Copy(plan, target) => Work::Copy(bind(plan)?, Arc::clone(target)),
            Work::Databases(_) => self.work.clone(),
        };
        Ok(Self { text: Arc::clone(&self.text), work })
    }

    /// The types of the parameters `$1`, `$2`, ... in order; `None` where any will do.
    ///
    /// # Errors
    /// Parameters whose types contradict each other.
    pub fn parameters(&self) -> Result<Vec<Option<DataType>>, SqlError> {
        let (Work::Plan(plan) | Work::Copy(plan, _)) = &self.work else { return Ok(Vec::new()) };
        let types = plan.get_parameter_types();
        let types = types.map_err(|error| SqlError::from_datafusion(&error))?;
        let number = |name: &str| name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
        let count = types.keys().filter_map(|name| number(name)).max().unwrap_or(0);
        let mut found = vec![None; count];
        // What `$1::bigint` and `LIMIT $1` say of their parameters, which DataFusion leaves open.
        let by_place =
            crate::parameters::by_place(plan).map_err(|error| SqlError::from_datafusion(&error))?;
        for (name, kind) in types {
            if let Some(place) = number(&name).and_then(|n| found.get_mut(n.wrapping_sub(1))) {
                *place = kind.or_else(|| by_place.get(&name).cloned());
            }
        }
        Ok(found)
    }
}
