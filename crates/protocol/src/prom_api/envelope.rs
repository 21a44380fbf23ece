//! The envelope around every answer.

use super::{data::strings, text::push_string};

/// What an error answer says the matter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiErrorType {
    /// The request is wrong.
    BadData,
    /// The query is right and failed while it was evaluated.
    Execution,
    /// The query took too long.
    Timeout,
    /// The caller went away.
    Canceled,
    /// The server cannot serve now.
    Unavailable,
    /// What was named does not exist.
    NotFound,
    /// No form of the answer is acceptable.
    NotAcceptable,
    /// A fault of the server.
    Internal,
}

impl ApiErrorType {
    /// As the answer spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not_found",
            Self::NotAcceptable => "not_acceptable",
            Self::Internal => "internal",
        }
    }
}

/// Appends a successful answer. `data` appends one JSON value, as the functions beside do.
pub fn success(
    out: &mut Vec<u8>,
    warnings: &[String],
    infos: &[String],
    data: impl FnOnce(&mut Vec<u8>),
) {
    out.extend_from_slice(b"{\"status\":\"success\",\"data\":");
    data(out);
    for (name, texts) in [("warnings", warnings), ("infos", infos)] {
        if !texts.is_empty() {
            out.push(b',');
            push_string(out, name);
            out.push(b':');
            strings(out, texts.iter().map(String::as_str));
        }
    }
    out.push(b'}');
}

/// Appends an error answer: `{"status":"error","errorType":..,"error":..}`.
pub fn error(out: &mut Vec<u8>, error_type: ApiErrorType, message: &str) {
    out.extend_from_slice(b"{\"status\":\"error\",\"errorType\":");
    push_string(out, error_type.as_str());
    out.extend_from_slice(b",\"error\":");
    push_string(out, message);
    out.push(b'}');
}
