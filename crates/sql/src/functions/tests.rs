//! The functions by way of statements over small tables in memory.

mod buckets;
mod gaps;
mod promql;
mod quantiles;
mod random;
mod rates;
mod ring;
pub(crate) mod table;
