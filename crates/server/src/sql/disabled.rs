//! A server without SQL: it says so.

use timberline::Database;
use timberline_model::ErrorKind;

use crate::{
    config::Config,
    error::{ApiError, Subject},
};

/// Nothing.
#[derive(Debug)]
pub(crate) struct Sql;

impl Sql {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub(crate) fn open(_: &Database, _: &Config) -> Result<Self, ApiError> {
        Err(ApiError::new(
            Subject::Request,
            ErrorKind::NotFound,
            "this server was built without SQL (the cargo feature `sql`)",
        ))
    }
}
