//! The wire protocol of PostgreSQL over Timberline's SQL.
//!
//! [`serve`] takes connections from a listener, and serves each connection with a session of its own. Messages are those of
//! the crate pgwire; what follows on which is decided here: start-up and authentication, the simple and the
//! extended protocol, cursors, cancellation. The catalog of PostgreSQL is that of datafusion-pg-catalog.
//!
//! What this crate is not: it plans and runs nothing itself, and there is no transaction that could be
//! rolled back: `BEGIN`, `COMMIT` and `ROLLBACK` bound the life of cursors, and nothing else.
//!
//! Invariants: nobody gets beyond start-up without the password that the configuration asks for, and any
//! error before that ends the connection; rows are sent as they come, and never gathered.

mod cancel;
mod catalog;
mod command;
mod connection;
mod copy;
mod driver_questions;
mod encode;
mod error;
mod frame;
mod listener;
mod numeric;
mod params;
mod refusal;
mod rowset;
mod setting_function;
mod settings;
mod socket;
mod startup;
mod statement;
mod times;
mod tls;
mod type_question;
mod types;
mod users;

pub use error::PostgresError;
pub use listener::{PostgresOptions, serve};
pub use tls::load_tls;
/// What encrypts connections.
pub use tokio_rustls::TlsAcceptor;
pub use users::{Users, random_text};
