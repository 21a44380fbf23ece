//! One series as one row, for expressions whose answer all of its samples share.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    datatypes::{Field, Schema, SchemaRef},
};
use datafusion::{
    common::tree_node::{Transformed, TreeNode as _},
    error::{DataFusionError, Result},
    physical_expr::{PhysicalExpr, expressions::Column},
};
use timberline_model::Labels;

use super::rows::RowWriter;
use crate::tables::Source;

/// Which columns of a series some expressions need.
#[derive(Clone, Debug)]
pub(crate) struct SeriesRow {
    schema: SchemaRef,
    sources: Vec<Source>,
}

impl SeriesRow {
    /// The columns that expressions over some columns need, which show what `of` says, and the expressions over these columns alone.
    pub(crate) fn of(
        schema: &SchemaRef,
        of: &[Source],
        expressions: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<(Self, Vec<Arc<dyn PhysicalExpr>>)> {
        let mut fields: Vec<Field> = Vec::new();
        let mut sources: Vec<Source> = Vec::new();
        let mut rewrite = |expression: Arc<dyn PhysicalExpr>| {
            let Some(column) = expression.downcast_ref::<Column>() else {
                return Ok(Transformed::no(expression));
            };
            let source = of.get(column.index()).filter(|of| of.is_of_series());
            let source = source.ok_or_else(|| {
                DataFusionError::Internal(format!("column {column} is not one of a series"))
            })?;
            let index = sources.iter().position(|known| known == source).unwrap_or_else(|| {
                fields.push(schema.field(column.index()).clone());
                sources.push(source.clone());
                sources.len() - 1
            });
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(column.name(), index));
            Ok(Transformed::yes(column))
        };
        let expressions = expressions
            .into_iter()
            .map(|expression| Ok(expression.transform_up(&mut rewrite)?.data))
            .collect::<Result<Vec<_>>>()?;
        Ok((Self { schema: Arc::new(Schema::new(fields)), sources }, expressions))
    }

    /// The row of a series.
    pub(crate) fn batch(&self, labels: &Labels) -> Result<RecordBatch> {
        let mut writer = RowWriter::new(&self.schema, &self.sources);
        writer.begin_series(labels);
        writer.append_floats(&[0], &[0.0]);
        writer.finish()
    }

    /// What expressions over these columns say of a series, each an array of one.
    pub(crate) fn evaluate(
        &self,
        labels: &Labels,
        expressions: &[Arc<dyn PhysicalExpr>],
    ) -> Result<Vec<ArrayRef>> {
        let batch = if self.sources.is_empty() {
            let one = RecordBatchOptions::new().with_row_count(Some(1));
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), Vec::new(), &one)?
        } else {
            self.batch(labels)?
        };
        expressions.iter().map(|of| of.evaluate(&batch)?.into_array(1)).collect()
    }
}
