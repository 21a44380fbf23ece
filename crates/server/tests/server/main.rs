//! The real binary, started on a free port: routes, limits, the command line, stopping and starting.

mod command_line;
mod durability;
mod harness;
mod labels;
mod limits;
mod operations;
mod query;
mod write;
