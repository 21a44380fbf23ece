//! What a statement may say beyond DataFusion's SQL.
//!
//! * `now() - '1m'`, `time + '1h30m'`: a text that is added to or subtracted from a time is a span of time.
//! * `time > '2024-01-15T00:00:00Z'`: a text that is compared with a time is a time; a wrong one is named.
//!
//! [`register`] makes a session understand them.

mod spans;

use std::sync::Arc;

use datafusion::{execution::FunctionRegistry as _, prelude::SessionContext};

/// Teaches a session the dialect.
pub(crate) fn register(context: &SessionContext) {
    let known = context.state_ref().write().register_expr_planner(Arc::new(spans::Spans));
    debug_assert!(known.is_ok(), "a session takes any planner");
}
