//! A function of DataFusion's that refuses to make more than a limit.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::{
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Documentation, Expr, ExpressionPlacement, ReturnFieldArgs,
        ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use super::growth::Growth;

/// What one call may make for one batch of rows, in bytes.
pub(super) const BYTES_MAX: u64 = 64 << 20;

/// What a call without columns may make while a statement is planned, in bytes. What makes more is left to be
/// computed when the statement runs: only there it is known for how many rows.
const PLANNED_BYTES_MAX: u64 = 4 << 10;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
    signature: Signature,
}

impl Bounded {
    pub(super) fn new(inner: &Arc<ScalarUDF>, growth: Growth) -> Self {
        Self { inner: Arc::clone(inner), growth, signature: inner.signature().clone() }
    }

    /// The function that is not computed while planning, where that would make much. `None` if it may be, or
    /// cannot be anyway.
    pub(super) fn at_run_time(&self, arguments: &[Expr]) -> Option<ScalarUDF> {
        let is_left = self.signature.volatility == Volatility::Volatile;
        if is_left || arguments.iter().any(Expr::any_column_refs) {
            return None;
        }
        if self.growth.of_literals(arguments).is_some_and(|bytes| bytes <= PLANNED_BYTES_MAX) {
            return None;
        }
        let mut signature = self.signature.clone();
        signature.volatility = Volatility::Volatile;
        let (inner, growth) = (Arc::clone(&self.inner), self.growth);
        Some(ScalarUDF::new_from_impl(Self { inner, growth, signature }))
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        self.inner.schema_name(arguments)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        self.inner.return_type(kinds)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(kinds)
    }

    fn is_strict(&self) -> bool {
        self.inner.is_strict()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let bytes = self.growth.of_values(&args.args, args.number_rows)?;
        if bytes > BYTES_MAX {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{}: it would make more than {} MiB for {} rows, the limit of one call; make shorter texts \
                 or lists",
                self.name(),
                BYTES_MAX >> 20,
                args.number_rows
            )));
        }
        self.inner.invoke_with_args(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn placement(&self, arguments: &[ExpressionPlacement]) -> ExpressionPlacement {
        self.inner.placement(arguments)
    }
}
