//! SQL in this server, and its wires, where they are built in (the feature `sql`).
//!
//! What it is not: it plans and runs nothing itself, and knows no format of a wire.

#[cfg(not(feature = "sql"))]
mod disabled;
#[cfg(feature = "sql")]
mod enabled;
#[cfg(feature = "sql")]
mod gate;
#[cfg(feature = "sql")]
mod listeners;

#[cfg(not(feature = "sql"))]
pub(crate) use disabled::{Listeners, Serving, Sql};
#[cfg(feature = "sql")]
pub(crate) use enabled::{Sql, api_error};
#[cfg(feature = "sql")]
pub(crate) use gate::ServerGate;
#[cfg(feature = "sql")]
pub(crate) use listeners::{Listeners, Serving};
