//! `time_bucket_gapfill(width, time [, start, finish])`, `locf(x)` and `interpolate(x)`: buckets without
//! rows appear in the answer, too, and may take values from their neighbours.
//!
//! ```sql
//! SELECT time_bucket_gapfill('1m', time) AS bucket, host, avg(value), locf(avg(value))
//! FROM cpu_usage WHERE time >= now() - '1h' AND time < now() GROUP BY bucket, host
//! ```
//!
//! * [`rule`] turns the aggregate into one over `time_bucket`, puts [`GapFill`] on top, and `locf` and
//!   `interpolate` into windows over the filled rows.
//! * [`bounds`] finds the time that is to be filled in the WHERE clause.
//! * [`exec`] adds the missing rows to sorted rows as they pass, with the memory of one batch.
//!
//! Every group that has a row gets a row for each bucket of the time. A query without other groups than the
//! bucket gets them even if it has no row.

mod bounds;
mod call;
mod exec;
mod fill;
mod node;
mod pieces;
mod planner;
mod rule;

use std::sync::Arc;

use datafusion::{logical_expr::ScalarUDF, prelude::SessionContext};

pub(crate) use planner::Planner;

use call::Placeholder;
use rule::FillGaps;

/// How many rows a query may have added.
const ROWS_MAX: u64 = 10_000_000;

pub(super) fn register(context: &SessionContext) {
    for placeholder in [Placeholder::bucket(), Placeholder::locf(), Placeholder::interpolate()] {
        context.register_udf(ScalarUDF::new_from_impl(placeholder));
    }
    context.add_analyzer_rule(Arc::new(FillGaps));
}
