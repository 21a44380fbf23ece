//! Sums, differences and products of whole numbers that say so when they do not fit.

use std::sync::Arc;

use arrow::{
    compute::kernels::numeric::{add, mul, neg, sub},
    datatypes::{DataType, Field, FieldRef},
};
use datafusion::{
    error::Result,
    logical_expr::{
        BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
        ScalarUDFImpl, Signature, Volatility,
    },
    physical_expr_common::datum::apply,
};

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Negate,
}

/// An operation on whole numbers of one type. It takes the place of DataFusion's operator once types are
/// settled, and nobody can call it by its name.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Checked {
    operation: Operation,
    /// Of the operands and of the result.
    kind: DataType,
    signature: Signature,
}

impl Checked {
    fn call(operation: Operation, kind: DataType, operands: Vec<Expr>) -> Expr {
        let signature = Signature::any(operands.len(), Volatility::Immutable);
        ScalarUDF::new_from_impl(Self { operation, kind, signature }).call(operands)
    }

    /// The type of the result.
    pub(super) const fn kind(&self) -> &DataType {
        &self.kind
    }
}

/// The same operation, checked, if it is one on whole numbers. `kind` tells the type of an operand.
pub(super) fn checked(expr: Expr, kind: impl Fn(&Expr) -> Option<DataType>) -> (Expr, bool) {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let operation = match op {
                Operator::Plus => Operation::Add,
                Operator::Minus => Operation::Subtract,
                Operator::Multiply => Operation::Multiply,
                _ => return (Expr::BinaryExpr(BinaryExpr { left, op, right }), false),
            };
            // The right side first: of a long chain, it is the short one.
            match kind(&right).filter(DataType::is_integer) {
                Some(whole) if kind(&left).as_ref() == Some(&whole) => {
                    (Checked::call(operation, whole, vec![*left, *right]), true)
                }
                _ => (Expr::BinaryExpr(BinaryExpr { left, op, right }), false),
            }
        }
        Expr::Negative(inner) => match kind(&inner).filter(DataType::is_signed_integer) {
            Some(whole) => (Checked::call(Operation::Negate, whole, vec![*inner]), true),
            None => (Expr::Negative(inner), false),
        },
        other => (other, false),
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Add => "checked_add",
            Operation::Subtract => "checked_sub",
            Operation::Multiply => "checked_mul",
            Operation::Negate => "checked_neg",
        }
    }

    /// As the operator's, which other parts of a plan may refer to.
    fn schema_name(&self, operands: &[Expr]) -> Result<String> {
        let sign = match self.operation {
            Operation::Add => Operator::Plus,
            Operation::Subtract => Operator::Minus,
            Operation::Multiply => Operator::Multiply,
            Operation::Negate => {
                let names = operands.iter().map(|operand| operand.schema_name().to_string());
                return Ok(format!("(- {})", names.collect::<String>()));
            }
        };
        let names = operands.iter().map(|operand| operand.schema_name().to_string());
        Ok(names.collect::<Vec<_>>().join(&format!(" {sign} ")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.kind.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.kind.clone(), nullable)))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match (self.operation, args.args.as_slice()) {
            (Operation::Add, [left, right]) => apply(left, right, add),
            (Operation::Subtract, [left, right]) => apply(left, right, sub),
            (Operation::Multiply, [left, right]) => apply(left, right, mul),
            (Operation::Negate, [ColumnarValue::Array(array)]) => {
                Ok(ColumnarValue::Array(neg(array.as_ref())?))
            }
            (Operation::Negate, [ColumnarValue::Scalar(value)]) => {
                Ok(ColumnarValue::Scalar(value.arithmetic_negate()?))
            }
            _ => datafusion::common::internal_err!("{} has other operands", self.name()),
        }
    }
}
