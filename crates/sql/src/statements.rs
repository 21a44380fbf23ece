//! Statements that write: `INSERT`, `DELETE` and `COPY`, and those about databases. What else would change a
//! database, a session or a file is refused, by name.

mod allowed;
mod copy;
mod database;
mod delete;
mod insert;
mod target;

pub(crate) use allowed::{check_allowed, check_asks};
pub(crate) use copy::{CopyTarget, copy_of};
pub(crate) use database::{AboutDatabases, DatabaseStatement, SHOW};
pub(crate) use delete::delete;
pub(crate) use insert::SeriesSink;
pub(crate) use target::InsertTarget;
