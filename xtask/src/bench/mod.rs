//! Benchmarks beside the peers: each server started fresh, given the same bytes, asked what it kept.
//!
//! Invariant: what is measured is the server. Requests are built and compressed before the clock
//! starts, and the client's own processor time is reported with every run.

mod asking;
mod count;
mod figures;
mod ingest;
mod load;
mod machine;
mod peers;
mod process;
mod query;
mod random;
mod recorded;
mod remote_write;
mod report;
mod run;
mod scan;
mod section;
mod sender;
mod series;
mod server;
mod setup;
mod sql;
mod storage;
mod subscribe;
mod table;

pub(crate) use run::{Bench, run};
