//! A server without SQL: it says so.

use std::sync::Arc;

use timberline::Databases;
use timberline_model::ErrorKind;

use crate::{
    config::Config,
    error::{ApiError, Subject},
    http::App,
};

/// Nothing, and never there.
#[derive(Debug)]
pub(crate) enum Sql {}

impl Sql {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub(crate) fn open(_: &Arc<Databases>, _: &Config) -> Result<Self, ApiError> {
        Err(ApiError::new(
            Subject::Request,
            ErrorKind::NotFound,
            "this server was built without SQL (the cargo feature `sql`)",
        ))
    }
}

/// No listeners.
#[derive(Debug)]
pub(crate) struct Listeners;

impl Listeners {
    /// Listens on nothing: the configuration was checked for that.
    ///
    /// # Errors
    /// None.
    pub(crate) async fn bind(_: &Config) -> Result<Self, String> {
        Ok(Self)
    }

    /// Serves nobody.
    pub(crate) fn serve(self, _: &App, _: &tokio::sync::watch::Receiver<bool>) -> Serving {
        Serving
    }
}

/// Nothing.
#[derive(Debug)]
pub(crate) struct Serving;

impl Serving {
    /// Nowhere.
    pub(crate) fn urls(&self) -> &[String] {
        &[]
    }

    /// It has ended already.
    pub(crate) async fn ended(self) {}
}
