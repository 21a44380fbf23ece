//! What a statement may say beyond DataFusion's SQL.
//!
//! * `now() - '1m'`, `time + '1h30m'`: a text that is added to or subtracted from a time is a span of time.
//! * `time > '2024-01-15T00:00:00Z'`: a text that is compared with a time is a time; a wrong one is named.
//! * `SELECT time::bigint ... ORDER BY time`: the column has a name.
//! * Hundreds of conditions joined by `AND` or `OR`.
//!
//! [`register`] makes a session understand the texts; [`name_casts`] and [`level_chains`] change a statement before it is
//! planned. [`check_calls`] refuses what DataFusion would leave out. [`plain`] and [`find_place`] say what is wrong
//! with a statement, and where.

mod calls;
mod cast_names;
mod chains;
mod message;
mod operators;
mod place;
mod spans;

pub(crate) use calls::check_calls;
pub(crate) use cast_names::name_casts;
pub(crate) use chains::level_chains;
pub(crate) use message::plain;
pub(crate) use operators::check_operators;
pub(crate) use place::{find_place, known_place};

#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::{execution::FunctionRegistry as _, prelude::SessionContext};

/// Teaches a session the dialect.
pub(crate) fn register(context: &SessionContext) {
    let state = context.state_ref();
    let mut state = state.write();
    // With it, DataFusion knows the places of names.
    state.config_mut().options_mut().sql_parser.collect_spans = true;
    let known = state.register_expr_planner(Arc::new(spans::Spans));
    debug_assert!(known.is_ok(), "a session takes any planner");
}
