//! What a caller should do about an error, told apart from what went wrong.

use std::fmt;

/// The kind of an error: it tells the caller whether to fix the request, retry, wait or give up.
///
/// Every error enum of the workspace has a `kind()`; only the server turns it into a status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong as it stands: fix it, do not retry it.
    Invalid,
    /// What was named does not exist.
    NotFound,
    /// The request is well formed and asks for what is not offered.
    Unsupported,
    /// The request exceeds a documented limit: ask for less.
    Limit,
    /// Another process or writer holds what is needed.
    Conflict,
    /// The server has too much to do: retry later.
    Busy,
    /// The time allowed ran out.
    Timeout,
    /// The caller went away.
    Canceled,
    /// No space is left for data; reads go on, and writes too once space returns.
    StorageFull,
    /// Bytes read back are not the bytes written.
    Corrupt,
    /// Storage failed (an I/O error); the same request may succeed after the operator acts.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not found",
            Self::Unsupported => "unsupported",
            Self::Limit => "limit",
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::StorageFull => "storage full",
            Self::Corrupt => "corrupt",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        })
    }
}
