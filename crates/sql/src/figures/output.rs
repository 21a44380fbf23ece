//! Groups and cells as batches.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
        TimestampNanosecondArray,
    },
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{common::ScalarValue, error::Result};

use super::{
    cell::Cell,
    groups::{Groups, Key},
    question::{Figure, GroupColumn, Question},
};
use crate::{scan::LabelColumn, tables::time_type};

/// The batch of some cells.
pub(super) fn batch_of(
    question: &Question,
    schema: &SchemaRef,
    groups: &Groups,
    cells: std::ops::Range<usize>,
) -> Result<RecordBatch> {
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    let owners = &groups.owners[cells.clone()];
    let cells = &groups.cells[cells];
    for column in &question.groups {
        arrays.push(match column {
            GroupColumn::Key(index) => {
                let wanted = schema.field(arrays.len()).data_type();
                key_column(groups, owners, *index, wanted)?
            }
            GroupColumn::Bucket(expression) => {
                // Any instant of a bucket stands for it.
                let times = cells.iter().map(|cell| cell.first.0);
                let times = TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC");
                let field = Field::new("time", time_type(), false);
                let rows = cells.len();
                let batch = RecordBatch::try_new(
                    Arc::new(Schema::new(vec![field])),
                    vec![Arc::new(times)],
                )?;
                expression.evaluate(&batch)?.into_array(rows)?
            }
        });
    }
    for figure in &question.figures {
        arrays.push(figure_column(*figure, cells));
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(cells.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &rows)?)
}

fn key_column(
    groups: &Groups,
    owners: &[(u32, i64)],
    index: usize,
    wanted: &DataType,
) -> Result<ArrayRef> {
    let mut labels = LabelColumn::new();
    let mut values = Vec::new();
    for (group, _) in owners {
        match groups.key(*group) {
            Key::Labels(key) => {
                labels.set(key[index].as_deref());
                labels.append(1);
            }
            Key::Values(key) => values.push(key[index].clone()),
        }
    }
    if values.is_empty() {
        // What `tags['host']` gives is no dictionary.
        return Ok(cast(&labels.finish()?, wanted)?);
    }
    ScalarValue::iter_to_array(values)
}

fn figure_column(figure: Figure, cells: &[Cell]) -> ArrayRef {
    let floats = |of: fn(&Cell) -> f64| -> ArrayRef {
        let values = cells.iter().map(|cell| (cell.count > 0).then(|| of(cell)));
        Arc::new(values.collect::<Float64Array>())
    };
    let times = |of: fn(&Cell) -> i64| -> ArrayRef {
        let values = cells.iter().map(|cell| (cell.count > 0).then(|| of(cell)));
        Arc::new(values.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
    };
    match figure {
        Figure::Count => {
            Arc::new(Int64Array::from_iter_values(cells.iter().map(|cell| cell.count as i64)))
        }
        Figure::Sum => floats(|cell| cell.sum),
        Figure::Spread(spread) => {
            Arc::new(cells.iter().map(|cell| spread.of(cell)).collect::<Float64Array>())
        }
        Figure::Mean => floats(|cell| cell.sum / cell.count as f64),
        Figure::Min => floats(|cell| cell.min),
        Figure::Max => floats(|cell| cell.max),
        Figure::First => floats(|cell| cell.first.1),
        Figure::Last => floats(|cell| cell.last.1),
        Figure::FirstTime => times(|cell| cell.first.0),
        Figure::LastTime => times(|cell| cell.last.0),
    }
}
