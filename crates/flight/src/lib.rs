//! Arrow Flight SQL over Timberline's SQL.
//!
//! [`serve`] takes connections from a listener, and answers statements with streams of Arrow batches, as they come: for ADBC,
//! pyarrow, JDBC and whatever else speaks Flight SQL.
//!
//! What this crate is not: it plans and runs nothing itself. There are no transactions: every statement is
//! committed by itself.
//!
//! Invariants: without a token or a password nobody gets beyond the handshake where users are configured; a
//! statement ends when the client drops its stream.

mod auth;
mod calls;
mod error;
mod listener;
mod metadata;
mod parameters;
mod prepared;
mod rows;
mod service;

pub use auth::Authenticate;
pub use error::FlightServerError;
pub use listener::{FlightOptions, TlsFiles, serve};
pub use service::Random;
