//! The types of expressions.

use std::fmt;

use crate::{
    ast::{Expr, ExprKind, ValueType},
    functions::function_signature,
};

impl Expr {
    /// What the expression evaluates to.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number { .. } => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::Selector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::Matrix { .. } | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => expr.value_type(),
            // Sides of other types than these two are refused by the parser.
            ExprKind::Binary(binary) => {
                match (binary.left.value_type(), binary.right.value_type()) {
                    (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                    _ => ValueType::Vector,
                }
            }
            ExprKind::Call { function, .. } => {
                function_signature(function).map_or(ValueType::Vector, |s| s.returns)
            }
        }
    }
}

impl ValueType {
    /// The short name that the query API uses: `scalar`, `string`, `vector`, `matrix`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
        }
    }
}

impl fmt::Display for ValueType {
    /// As the documentation of PromQL has it: `instant vector`, `range vector`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            other => other.as_str(),
        })
    }
}
