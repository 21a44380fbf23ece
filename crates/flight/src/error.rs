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

/// The bytes of a message that are sent, at most: it travels in a header, and clients take headers of 8 or 16 KiB, in
/// which a byte may take three.
const MESSAGE_BYTES_MAX: usize = 2_000;

fn shortened(mut text: String) -> String {
    if text.len() > MESSAGE_BYTES_MAX {
        let ends = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= MESSAGE_BYTES_MAX);
        text.truncate(ends.last().unwrap_or(0));
        text.push_str("...");
    }
    text
}

/// A statement's error as gRPC has it.
pub(crate) fn status(error: &SqlError) -> Status {
    let text = match error {
        SqlError::Statement { message, position: Some((line, column)) } => {
            format!("{message} (line {line}, column {column})")
        }
        other => other.to_string(),
    };
    let text = shortened(text);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_a_long_value_in_it_still_fits_into_a_header() {
        let status = status(&SqlError::Statement { message: "é".repeat(50_000), position: None });
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert_eq!(status.message().len(), MESSAGE_BYTES_MAX + 3);
        assert!(status.message().starts_with("éé") && status.message().ends_with("é..."));
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
