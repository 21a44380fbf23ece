//! Why a request cannot be read at all.

use timberline_model::ErrorKind;

/// Why a request's body cannot be read. What is wrong with a single series or sample is no error but a
/// rejection ([`Decoded::rejections`](crate::Decoded::rejections)).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// Not a snappy block.
    #[error("body is not a snappy block: {reason}")]
    Snappy {
        /// What is wrong with it.
        reason: String,
    },
    /// More bytes than allowed.
    #[error("{what} of {bytes} bytes exceeds the limit of {max} bytes")]
    TooLarge {
        /// What has the bytes.
        what: &'static str,
        /// Bytes given, or said to come.
        bytes: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// More pieces than allowed.
    #[error("request has more than {max} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        max: usize,
    },
    /// Not a protobuf message.
    #[error("malformed protobuf at byte {position} of the decompressed body: {reason}")]
    Protobuf {
        /// Bytes before the fault, counted in the decompressed body.
        position: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// A protobuf message, and not the one that the content type says.
    #[error(
        "body is not a {expected} message: it has field {field}, which only {other} has (check the Content-Type)"
    )]
    WrongMessage {
        /// The message that the content type names.
        expected: &'static str,
        /// The message that it seems to be.
        other: &'static str,
        /// The field that gives it away.
        field: u32,
    },
    /// Not JSON, or JSON of another shape.
    #[error("malformed JSON at line {line}, column {column}: {reason}")]
    Json {
        /// Line, from one.
        line: usize,
        /// Column, from one.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A matcher of a remote read request that is none.
    #[error("query {query}: {reason}")]
    Matcher {
        /// Which query of the request, from zero.
        query: usize,
        /// What is wrong with the matcher.
        reason: String,
    },
    /// A remote read request that takes no form of answer that exists.
    #[error(
        "none of the requested response types {requested:?} is supported; supported: SAMPLES (0), STREAMED_XOR_CHUNKS (1)"
    )]
    ResponseTypes {
        /// The numbers of the forms.
        requested: Vec<u64>,
    },
}

impl ProtocolError {
    /// What the caller should do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => ErrorKind::Limit,
            Self::WrongMessage { .. } => ErrorKind::Unsupported,
            Self::Snappy { .. }
            | Self::Protobuf { .. }
            | Self::Json { .. }
            | Self::Matcher { .. }
            | Self::ResponseTypes { .. } => ErrorKind::Invalid,
        }
    }
}
