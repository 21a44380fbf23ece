//! The functions by way of statements over small tables in memory.

mod buckets;
mod ring;
mod table;
