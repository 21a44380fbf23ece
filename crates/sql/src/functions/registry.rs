//! Makes the functions known to a session.

use std::sync::Arc;

use datafusion::{
    functions_aggregate::approx_percentile_cont::approx_percentile_cont_udaf,
    logical_expr::{AggregateUDF, ScalarUDF},
    prelude::SessionContext,
};

use super::{
    edges::EdgeValue,
    gapfill,
    histogram_quantile::HistogramQuantile,
    rates::{Change, ChangeOf},
    ring,
    time_bucket::TimeBucket,
};

/// Registers all functions.
pub(crate) fn register(context: &SessionContext) {
    context.register_udf(ScalarUDF::new_from_impl(TimeBucket::new()));
    for function in ring::functions() {
        context.register_udf(function);
    }
    for function in [EdgeValue::first(), EdgeValue::last()] {
        context.register_udaf(AggregateUDF::new_from_impl(function));
    }
    gapfill::register(context);
    for change in Change::ALL {
        context.register_udaf(AggregateUDF::new_from_impl(ChangeOf::new(change)));
    }
    context.register_udaf(AggregateUDF::new_from_impl(HistogramQuantile::new()));
    let percentile = Arc::unwrap_or_clone(approx_percentile_cont_udaf());
    context.register_udaf(percentile.with_aliases(["approx_percentile"]));
}
