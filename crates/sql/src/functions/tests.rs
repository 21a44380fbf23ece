//! The functions by way of statements over small tables in memory.

mod buckets;
mod gaps;
mod quantiles;
mod random;
mod rates;
mod ring;
mod table;
