//! The real binary, started on a free port: routes, limits, the command line, stopping and starting.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backup;
mod command_line;
mod cross_origin;
#[cfg(feature = "sql")]
mod databases;
mod described;
mod documentation;
mod durability;
mod exchange;
mod federate;
mod harness;
mod labels;
mod limits;
mod monitoring;
mod operations;
#[cfg(feature = "sql")]
mod postgres_messages;
mod query;
mod read;
mod reload;
#[cfg(feature = "sql")]
mod runaway;
#[cfg(feature = "sql")]
mod sql_clients;
#[cfg(feature = "sql")]
mod subscriptions;
mod turns;
mod write;
