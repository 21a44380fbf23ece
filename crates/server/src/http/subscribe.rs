//! `/sql/subscribe`: continuous queries as server-sent events or lines of JSON.
//!
//! What it is not: it keeps nothing of a subscription that has ended; the id of the last event has all that a
//! new request needs to go on.

#[cfg(not(feature = "sql"))]
mod disabled;
#[cfg(feature = "sql")]
mod enabled;
#[cfg(feature = "sql")]
mod render;
#[cfg(feature = "sql")]
mod sending;

#[cfg(not(feature = "sql"))]
pub(super) use disabled::subscribe;
#[cfg(feature = "sql")]
pub(super) use enabled::{begin, subscribe};

#[cfg(all(test, feature = "sql"))]
mod tests;
