//! What a server decides about statements, whichever wire they come by.

use std::{fmt::Debug, net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::SqlError;

/// A statement's place among those that run; given back when dropped.
pub type Place = Box<dyn Send + Sync>;

/// Lets statements in, and hears how they ended.
#[async_trait]
pub trait Gate: Send + Sync + Debug {
    /// Waits for a place.
    ///
    /// # Errors
    /// [`SqlError::Busy`] when none becomes free in time, or too many wait already.
    async fn admit(&self, client: IpAddr) -> Result<Place, SqlError>;

    /// The time that one statement may take.
    fn timeout(&self) -> Duration;

    /// A statement ended: on which wire, how, after how many rows and how long.
    fn ended(&self, wire: &'static str, outcome: Outcome, rows: u64, took: Duration);
}

/// How a statement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was carried out.
    Success,
    /// It was wrong, or went wrong.
    Error,
    /// Its client did not want it any more, or went away.
    Canceled,
    /// It took longer than it might.
    Timeout,
}

impl Outcome {
    /// One word: `success`, `error`, `canceled` or `timeout`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
        }
    }

    /// The outcome of a statement that ended so.
    #[must_use]
    pub fn of<T>(result: &Result<T, SqlError>) -> Self {
        match result {
            Ok(_) => Self::Success,
            Err(SqlError::Canceled) => Self::Canceled,
            Err(SqlError::Timeout { .. }) => Self::Timeout,
            Err(_) => Self::Error,
        }
    }
}
