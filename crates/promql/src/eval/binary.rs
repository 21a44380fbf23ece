//! Binary operators: between scalars, between a vector and a scalar; the rest is in `matching` and
//! `sets`.

use std::sync::Arc;

use timberline_model::FloatHistogram;

use super::{
    column::{Cell, ScalarColumn, StepColumn},
    error::EvalError,
    evaluator::{Evaluated, Evaluator},
    histogram_operators::Combined,
    labels::drop_names,
    leaf::{Leaf, Stage},
    shape::vector_and_scalar,
    steps::Steps,
};
use crate::ast::{Binary, BinaryOp};

/// The value of an arithmetic operator.
#[inline]
pub(super) fn arithmetic(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Atan2 => left.atan2(right),
        _ => f64::from(u8::from(compare(op, left, right))),
    }
}

/// Whether a comparison holds.
#[inline]
pub(super) fn compare(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Eq => left == right,
        BinaryOp::Ne => left != right,
        BinaryOp::Lt => left < right,
        BinaryOp::Gt => left > right,
        BinaryOp::Le => left <= right,
        BinaryOp::Ge => left >= right,
        _ => false,
    }
}

/// Whether the result is no longer the metric on the left.
pub(super) fn drops_name(binary: &Binary) -> bool {
    changes_meaning(binary.op) || binary.return_bool
}

/// Whether an operator makes something else of a metric's values: comparisons and trimming do not.
pub(super) const fn changes_meaning(op: BinaryOp) -> bool {
    !op.is_comparison() && !matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

impl Evaluator<'_> {
    /// An operation between a leaf and a scalar as a leaf.
    pub(super) fn binary_leaf<'e>(
        &'e self,
        binary: &'e Binary,
        steps: Steps,
    ) -> Result<Option<Leaf<'e>>, EvalError> {
        let Some((vector, scalar, swapped)) = vector_and_scalar(binary) else { return Ok(None) };
        if !self.extends(vector) {
            return Ok(None);
        }
        let Some(mut leaf) = self.leaf(vector, steps)? else { return Ok(None) };
        let scalar = self.eval_scalar(scalar, steps)?;
        leaf.stages.push(self.scalar_stage(binary, scalar, swapped));
        leaf.drops_name |= drops_name(binary);
        Ok(Some(leaf))
    }

    /// Evaluates a binary operation.
    pub(super) fn binary(&self, binary: &Binary, steps: Steps) -> Result<Evaluated, EvalError> {
        if binary.op == BinaryOp::Or {
            return Ok(Evaluated::Vector(self.or_chain(binary, steps)?));
        }
        let left = self.eval(&binary.left, steps)?;
        let right = self.eval(&binary.right, steps)?;
        let (series, stage) = match (left, right) {
            (Evaluated::Scalar(left), Evaluated::Scalar(right)) => {
                let op = binary.op;
                if matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
                    return Err(EvalError::NotForScalars { op: op.as_str() });
                }
                return Ok(Evaluated::Scalar(left.zip(right, |a, b| arithmetic(op, a, b))));
            }
            (Evaluated::Vector(left), Evaluated::Vector(right)) => {
                let series = if binary.op.is_set() {
                    self.set_operation(binary, left, &right, steps)?
                } else {
                    self.match_vectors(binary, &left, &right, steps)?
                };
                return Ok(Evaluated::Vector(series));
            }
            (Evaluated::Vector(series), Evaluated::Scalar(scalar)) => {
                (series, self.scalar_stage(binary, scalar, false))
            }
            (Evaluated::Scalar(scalar), Evaluated::Vector(series)) => {
                (series, self.scalar_stage(binary, scalar, true))
            }
        };
        let mut series = series;
        for one in &mut series {
            stage(&mut one.column)?;
        }
        series.retain(|one| !one.column.is_empty());
        if drops_name(binary) {
            series = drop_names(series, self.query.delays_names())?;
        }
        Ok(Evaluated::Vector(series))
    }
}

impl Evaluator<'_> {
    /// What an operation with a scalar does to a column. `swapped`: the scalar is on the left.
    fn scalar_stage<'e>(
        &'e self,
        binary: &'e Binary,
        scalar: ScalarColumn,
        swapped: bool,
    ) -> Stage<'e> {
        Box::new(move |column: &mut StepColumn| {
            let histograms = column.take_histograms();
            floats_with_scalar(binary, &scalar, swapped, column);
            if histograms.is_empty() && !is_trim(binary.op) {
                return Ok(());
            }
            self.histograms_with_scalar(binary, &scalar, swapped, histograms, column)
        })
    }

    /// The histograms of a column with a scalar; floats, which go with most operators, are done.
    fn histograms_with_scalar(
        &self,
        binary: &Binary,
        scalar: &ScalarColumn,
        swapped: bool,
        histograms: Vec<(usize, Arc<FloatHistogram>)>,
        column: &mut StepColumn,
    ) -> Result<(), EvalError> {
        let place = binary.left.span;
        if is_trim(binary.op) && column.value_count() > 0 {
            self.refuse_types(["float", "float"], binary.op, place);
            column.reset(column.steps());
        }
        for (step, histogram) in histograms {
            let (cell, other) = (Cell::Histogram(&histogram), Cell::Float(scalar.at(step)));
            let (left, right) = if swapped { (other, cell) } else { (cell, other) };
            match self.combine_cells(binary, left, right, place)? {
                Combined::Float(value) => column.set(step, value),
                Combined::Histogram(result) => column.set_histogram(step, result),
                Combined::Filtered | Combined::Refused => {}
            }
        }
        Ok(())
    }
}

const fn is_trim(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

fn floats_with_scalar(
    binary: &Binary,
    scalar: &ScalarColumn,
    swapped: bool,
    column: &mut StepColumn,
) {
    let op = binary.op;
    if op.is_comparison() && !binary.return_bool {
        column.filter_map(|step, value| {
            let other = scalar.at(step);
            let (left, right) = if swapped { (other, value) } else { (value, other) };
            compare(op, left, right).then_some(value)
        });
        return;
    }
    for (step, value) in column.values_mut().iter_mut().enumerate() {
        let other = scalar.at(step);
        let (left, right) = if swapped { (other, *value) } else { (*value, other) };
        *value = arithmetic(op, left, right);
    }
}
