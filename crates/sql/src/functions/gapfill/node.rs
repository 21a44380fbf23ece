//! The logical node that adds rows for buckets that have none.

use std::{cmp::Ordering, fmt, sync::Arc};

use arrow::datatypes::Field;
use datafusion::{
    common::{Column, DFSchema, DFSchemaRef, plan_datafusion_err},
    error::Result,
    logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore},
};

use super::bounds::{Bound, Bounds};

/// Adds rows to those of an aggregate. Columns other than the bucket and the groups are NULL in them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct GapFill {
    pub(super) input: LogicalPlan,
    pub(super) bucket: Column,
    pub(super) groups: Vec<Column>,
    /// Nanoseconds, greater than zero.
    pub(super) width: i64,
    pub(super) bounds: Bounds,
    schema: DFSchemaRef,
}

impl GapFill {
    pub(super) fn try_new(
        input: LogicalPlan,
        bucket: Column,
        groups: Vec<Column>,
        width: i64,
        bounds: Bounds,
    ) -> Result<Self> {
        let fields = input.schema().iter().map(|(table, field)| {
            (table.cloned(), Arc::new(Field::clone(field).with_nullable(true)))
        });
        let metadata = input.schema().metadata().clone();
        let schema = Arc::new(DFSchema::new_with_metadata(fields.collect(), metadata)?);
        Ok(Self { input, bucket, groups, width, bounds, schema })
    }

    /// The same over other rows of the same columns.
    pub(super) fn over(self, input: LogicalPlan) -> Result<Self> {
        Self::try_new(input, self.bucket, self.groups, self.width, self.bounds)
    }
}

impl PartialOrd for GapFill {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let order = (self.width, &self.bucket).partial_cmp(&(other.width, &other.bucket));
        order.filter(|order| order.is_ne() || self == other)
    }
}

impl UserDefinedLogicalNodeCore for GapFill {
    fn name(&self) -> &str {
        "GapFill"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    /// The bucket, the groups, and the ends of the time.
    fn expressions(&self) -> Vec<Expr> {
        let columns = std::iter::once(&self.bucket).chain(&self.groups).cloned().map(Expr::Column);
        let bounds = self.bounds.starts.iter().chain(&self.bounds.finishes);
        columns.chain(bounds.map(|bound| bound.at.clone())).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = timberline_model::format_duration(self.width);
        write!(f, "GapFill: {} every {width}", self.bucket)?;
        let show = |f: &mut fmt::Formatter<'_>, bounds: &[Bound], ops: [&str; 2]| {
            bounds.iter().try_for_each(|bound| {
                write!(f, ", {} {}", ops[usize::from(bound.is_included)], bound.at)
            })
        };
        show(f, &self.bounds.starts, [">", ">="])?;
        show(f, &self.bounds.finishes, ["<", "<="])
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let lacking = || plan_datafusion_err!("GapFill was given other expressions than it has");
        let mut exprs = exprs.into_iter();
        let mut column = || match exprs.next() {
            Some(Expr::Column(column)) => Ok(column),
            _ => Err(lacking()),
        };
        let bucket = column()?;
        let groups = self.groups.iter().map(|_| column()).collect::<Result<_>>()?;
        let mut bounds = self.bounds.clone();
        for bound in bounds.starts.iter_mut().chain(&mut bounds.finishes) {
            bound.at = exprs.next().ok_or_else(lacking)?;
        }
        let input = inputs.into_iter().next().ok_or_else(lacking)?;
        Self::try_new(input, bucket, groups, self.width, bounds)
    }
}
