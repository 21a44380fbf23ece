//! SQL over real databases: scripts from `tests/sql` of the repository, and questions with random data.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documentation;
mod duckdb;
mod files;
mod functions;
mod house;
mod limits;
mod load;
mod pairs;
mod random;
mod script;
mod scripts;
