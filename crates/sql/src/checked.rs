//! Statements whose values would go wrong or grow without bound are stopped with an error.
//!
//! * [`arithmetic`]: whole numbers that do not fit into their type, where DataFusion would begin again at the
//!   other end.
//! * [`growth`]: functions that make much of little, as `repeat('a', 1000000000)`, whose memory nobody counts.
//!
//! What it is not: a limit on the memory of plans, which have their own.

mod arithmetic;
mod bounded;
mod growth;
mod rule;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::{
    execution::FunctionRegistry as _, logical_expr::ScalarUDF, prelude::SessionContext,
};

/// Checks what a session computes; after all of its functions were registered.
pub(crate) fn register(context: &SessionContext) {
    for (name, growth) in growth::GROWING {
        if let Ok(function) = context.udf(name) {
            let bounded = bounded::Bounded::new(&function, *growth);
            context.register_udf(ScalarUDF::new_from_impl(bounded));
        }
    }
    context.add_analyzer_rule(Arc::new(rule::Checks));
}
