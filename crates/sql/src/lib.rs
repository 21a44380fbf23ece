//! SQL over Timberline databases: the only crate that knows DataFusion.
//!
//! [`SqlEngine`] is what a process has one of: the memory that queries share, and the databases that they
//! may name. A [`Session`] is what a connection has one of. [`Session::run`] takes one statement and gives
//! an [`Answer`], whose rows come as a stream of Arrow batches.
//!
//! What this crate is not: it knows no wire and no socket, and stores nothing itself.

mod answer;
mod catalog;
mod checked;
mod children;
mod dialect;
mod engine;
mod error;
mod figures;
mod files;
mod functions;
mod gate;
mod parameters;
mod pauses;
mod prepared;
mod pushdown;
pub mod render;
mod scan;
mod session;
mod statements;
mod stops;
mod subscribe;
mod system;
mod tables;
mod template;
pub mod text;
mod watched;

pub use answer::{Answer, Rows};
pub use engine::{SqlEngine, SqlOptions};
pub use error::SqlError;
pub use gate::{Gate, Outcome, Place};
pub use prepared::Prepared;
pub use session::Session;
pub use subscribe::{Cell, Event, EventKind, Subscription, is_subscribe};

/// Values of parameters, and the types of columns, are Arrow's and DataFusion's.
pub use datafusion::common::ScalarValue;
/// How a surface should report an error.
pub use timberline::ErrorKind;
