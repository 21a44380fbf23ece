//! Binary operators where at least one side is a native histogram.

use std::sync::Arc;

use timberline_model::{FloatHistogram, HistogramError, Reconciled, ResetHint, Trim};

use super::{
    binary::{arithmetic, compare},
    column::Cell,
    error::EvalError,
    evaluator::Evaluator,
    histograms::cost_of,
    notes::Gravity,
    range_notes::{contradicting_resets, reconciled_bounds},
};
use crate::{
    ast::{Binary, BinaryOp, Span},
    quote::quote,
};

/// What an operator makes of two values.
#[derive(Clone, Debug)]
pub(super) enum Combined {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
    /// A comparison that does not hold.
    Filtered,
    /// The two do not go together, which was told.
    Refused,
}

impl Evaluator<'_> {
    /// Applies an operator to two values. `place` is where the whole operation stands.
    pub(super) fn combine_cells(
        &self,
        binary: &Binary,
        left: Cell<'_>,
        right: Cell<'_>,
        place: Span,
    ) -> Result<Combined, EvalError> {
        let combined = match (left, right) {
            (Cell::Float(a), Cell::Float(b)) => self.combine_floats(binary, a, b, place),
            (Cell::Float(factor), Cell::Histogram(histogram)) if binary.op == BinaryOp::Mul => {
                self.changed(histogram, |found| found.scale(factor))?
            }
            (Cell::Histogram(histogram), Cell::Float(value)) => match binary.op {
                BinaryOp::Mul => self.changed(histogram, |found| found.scale(value))?,
                BinaryOp::Div => self.changed(histogram, |found| found.divide(value))?,
                BinaryOp::TrimUpper => self.trimmed(histogram, value, Trim::Below)?,
                BinaryOp::TrimLower => self.trimmed(histogram, value, Trim::Above)?,
                op => self.refuse_types(["histogram", "float"], op, place),
            },
            (Cell::Histogram(left), Cell::Histogram(right)) => match binary.op {
                BinaryOp::Add | BinaryOp::Sub => {
                    self.add_histograms(left, right, binary.op, place)?
                }
                BinaryOp::Eq | BinaryOp::Ne => {
                    if left.is_same(right) == (binary.op == BinaryOp::Eq) {
                        Combined::Histogram(Arc::clone(left))
                    } else {
                        Combined::Filtered
                    }
                }
                op => self.refuse_types(["histogram", "histogram"], op, place),
            },
            (Cell::Float(_), Cell::Histogram(_)) => {
                self.refuse_types(["float", "histogram"], binary.op, place)
            }
        };
        Ok(match combined {
            Combined::Refused => Combined::Refused,
            Combined::Filtered if binary.return_bool => Combined::Float(0.0),
            Combined::Histogram(_) if binary.return_bool => Combined::Float(1.0),
            combined => combined,
        })
    }

    fn combine_floats(&self, binary: &Binary, a: f64, b: f64, place: Span) -> Combined {
        match binary.op {
            op @ (BinaryOp::TrimUpper | BinaryOp::TrimLower) => {
                self.refuse_types(["float", "float"], op, place)
            }
            op if op.is_comparison() && !binary.return_bool => {
                if compare(op, a, b) {
                    Combined::Float(a)
                } else {
                    Combined::Filtered
                }
            }
            op => Combined::Float(arithmetic(op, a, b)),
        }
    }

    fn changed(
        &self,
        histogram: &FloatHistogram,
        change: impl FnOnce(&mut FloatHistogram),
    ) -> Result<Combined, EvalError> {
        self.budget.make(cost_of(histogram))?;
        let mut changed = histogram.clone();
        change(&mut changed);
        changed.compact();
        Ok(Combined::Histogram(Arc::new(changed)))
    }

    fn trimmed(
        &self,
        histogram: &FloatHistogram,
        value: f64,
        trim: Trim,
    ) -> Result<Combined, EvalError> {
        self.budget.make(cost_of(histogram))?;
        let mut trimmed = histogram.clone();
        trimmed.trim(value, trim);
        Ok(Combined::Histogram(Arc::new(trimmed)))
    }

    fn add_histograms(
        &self,
        left: &FloatHistogram,
        right: &FloatHistogram,
        op: BinaryOp,
        place: Span,
    ) -> Result<Combined, EvalError> {
        self.budget.make(cost_of(left) + cost_of(right))?;
        let mut result = left.clone();
        let (met, name): (Result<Reconciled, HistogramError>, _) = if op == BinaryOp::Add {
            (result.add(right), "addition")
        } else {
            (result.subtract(right), "subtraction")
        };
        let Ok(met) = met else {
            let message =
                format!("incompatible bucket layout encountered for binary operator {op}");
            self.note(Gravity::Warning, message, place);
            return Ok(Combined::Refused);
        };
        if met.resets {
            // Prometheus gives no result with this warning.
            self.note(Gravity::Warning, contradicting_resets(name), place);
            return Ok(Combined::Refused);
        }
        if met.bounds {
            self.note(Gravity::Info, reconciled_bounds(name), place);
        }
        if op == BinaryOp::Sub {
            result.reset_hint = ResetHint::Gauge;
        }
        result.compact();
        Ok(Combined::Histogram(Arc::new(result)))
    }

    /// Tells that an operator does not take these types.
    pub(super) fn refuse_types(&self, types: [&str; 2], op: BinaryOp, place: Span) -> Combined {
        let [left, right] = types;
        let name = quote(op.as_str());
        let message = format!(
            "incompatible sample types encountered for binary operator {name}: {left} {op} {right}"
        );
        self.note(Gravity::Info, message, place);
        Combined::Refused
    }
}
