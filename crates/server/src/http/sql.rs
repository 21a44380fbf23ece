//! `/sql`: statements in SQL, and their rows as JSON, lines of JSON, CSV or Arrow.
//!
//! Rows are sent as they come. An answer that goes wrong after its first bytes says so in the way its
//! format can: JSON ends with `"status":"error"`; the others break off, which every client notices, as the
//! body's end is missing.

#[cfg(not(feature = "sql"))]
mod disabled;
#[cfg(feature = "sql")]
mod enabled;
#[cfg(feature = "sql")]
mod encoder;
#[cfg(feature = "sql")]
mod format;
#[cfg(feature = "sql")]
mod question;
#[cfg(feature = "sql")]
mod statement;

#[cfg(not(feature = "sql"))]
pub(super) use disabled::{ask, run};
#[cfg(feature = "sql")]
pub(super) use enabled::{ask, run};

#[cfg(all(test, feature = "sql"))]
mod tests;
