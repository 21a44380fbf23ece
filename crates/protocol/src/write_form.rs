//! What form a write request has, by its headers.

use timberline_model::ErrorKind;

use crate::prom_remote::{self, RemoteWriteVersion};

/// The forms in which samples may be posted to the write path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteForm {
    /// Prometheus remote write.
    RemoteWrite(RemoteWriteVersion),
    /// JSON, not compressed.
    Json,
}

/// Why no form fits the headers. Answered with "unsupported media type".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// A content type that is none of those known.
    #[error("unsupported content type {given:?}: expected {expected}")]
    ContentType {
        /// As given.
        given: String,
        /// Those known.
        expected: &'static str,
    },
    /// A protobuf message that is none of those known.
    #[error(
        "unsupported protobuf message {given:?}: expected prometheus.WriteRequest or io.prometheus.write.v2.Request"
    )]
    Message {
        /// As given.
        given: String,
    },
    /// A content encoding that does not go with the content type.
    #[error("unsupported content encoding {given:?}: expected {expected}")]
    ContentEncoding {
        /// As given.
        given: String,
        /// What goes with the content type.
        expected: &'static str,
    },
}

impl NegotiationError {
    /// What the caller should do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Unsupported
    }
}

/// The form of a write request by its `Content-Type` and `Content-Encoding`: JSON for
/// `application/json` without an encoding, else as [`prom_remote::negotiate`] says.
///
/// # Errors
/// A content type or encoding that is not supported, or the two do not go together.
pub fn negotiate_write(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
) -> Result<WriteForm, NegotiationError> {
    let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let version = prom_remote::negotiate(content_type, content_encoding)?;
        return Ok(WriteForm::RemoteWrite(version));
    }
    let encoding = content_encoding.unwrap_or("").trim();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
        Ok(WriteForm::Json)
    } else {
        let expected = "none with application/json";
        Err(NegotiationError::ContentEncoding { given: encoding.to_owned(), expected })
    }
}
