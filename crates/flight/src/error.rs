//! Errors of starting the wire, and of statements as gRPC has them.

use timberline_sql::{ErrorKind, SqlError};
use tonic::Status;

/// Why calls cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlightServerError {
    /// TLS, or the transport, cannot go on.
    #[error("Arrow Flight SQL cannot be served: {reason}")]
    Transport {
        /// Why not.
        reason: String,
    },
}

impl FlightServerError {
    /// How a surface should report it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

/// A statement's error as gRPC has it.
pub(crate) fn status(error: &SqlError) -> Status {
    let text = match error {
        SqlError::Statement { message, position: Some((line, column)) } => {
            format!("{message} (line {line}, column {column})")
        }
        other => other.to_string(),
    };
    match error.kind() {
        ErrorKind::NotFound => Status::not_found(text),
        ErrorKind::Limit => Status::resource_exhausted(text),
        ErrorKind::Busy => Status::unavailable(text),
        ErrorKind::Timeout => Status::deadline_exceeded(text),
        ErrorKind::Canceled => Status::cancelled(text),
        ErrorKind::Invalid => Status::invalid_argument(text),
        ErrorKind::Unsupported => Status::unimplemented(text),
        _ => Status::internal(text),
    }
}
