//! Errors as HTTP has them: the one place where a kind becomes a status.
//!
//! The body is always the error JSON of the Prometheus API: `status`, `errorType`, `error`.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use timberline_model::ErrorKind;
use timberline_protocol::prom_api::{self, ApiErrorType};

/// The client went away; the status nginx made known. Nobody is left to read it.
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// When a client that found the server busy should come back.
const RETRY_BUSY: Duration = Duration::from_secs(1);
/// When a writer that found the disk full should come back.
const RETRY_STORAGE_FULL: Duration = Duration::from_secs(5);

/// What a failed request was about: the same kind of error has another status for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The request itself: its parameters, its form, its target.
    Request,
    /// A body that was to be written.
    Write,
    /// The evaluation of a query that parses.
    Evaluation,
}

/// An error on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: u16,
    error_type: ApiErrorType,
    message: String,
    retry_after: Option<Duration>,
    /// Line and column of a statement, both from 1.
    position: Option<(u64, u64)>,
}

impl ApiError {
    /// The error of a kind.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "errors and texts alike are handed over, as map_err does"
    )]
    pub(crate) fn new(subject: Subject, kind: ErrorKind, message: impl ToString) -> Self {
        let (status, error_type) = status(subject, kind);
        let retry_after = match kind {
            ErrorKind::Busy => Some(RETRY_BUSY),
            ErrorKind::StorageFull => Some(RETRY_STORAGE_FULL),
            _ => None,
        };
        Self { status, error_type, message: message.to_string(), retry_after, position: None }
    }

    /// The same error, at a line and a column of a statement.
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "only statements have places"))]
    pub(crate) const fn at(mut self, position: Option<(u64, u64)>) -> Self {
        self.position = position;
        self
    }

    /// A request that is wrong as it stands.
    pub(crate) fn invalid(message: impl ToString) -> Self {
        Self::new(Subject::Request, ErrorKind::Invalid, message)
    }

    /// A server with too much to do, or not ready: the same request may succeed in a moment.
    pub(crate) fn busy(message: impl ToString) -> Self {
        Self::new(Subject::Request, ErrorKind::Busy, message)
    }

    /// A body or head larger than allowed.
    pub(crate) fn too_large(message: impl ToString) -> Self {
        Self::new(Subject::Request, ErrorKind::Limit, message)
    }

    /// A fault of ours.
    pub(crate) fn internal(message: impl ToString) -> Self {
        Self::new(Subject::Request, ErrorKind::Internal, message)
    }

    /// A route that exists, with a method that it does not have.
    pub(crate) fn method_not_allowed(message: impl ToString) -> Self {
        Self { status: 405, ..Self::invalid(message) }
    }

    /// A body that came too slowly. Not 408: senders of samples take any 4xx for "never again", and
    /// would drop what a slow network has held up.
    pub(crate) fn body_timeout(message: impl ToString) -> Self {
        Self::new(Subject::Request, ErrorKind::Timeout, message)
    }

    /// The message, for where no response can carry it any more.
    pub(crate) fn text(&self) -> &str {
        &self.message
    }

    /// The status.
    #[cfg(test)]
    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// The message.
    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

/// Status and `errorType` of a kind. Types are those of Prometheus, so that its clients know them.
const fn status(subject: Subject, kind: ErrorKind) -> (u16, ApiErrorType) {
    use ApiErrorType as Type;
    match (kind, subject) {
        (ErrorKind::Invalid | ErrorKind::Unsupported | ErrorKind::Limit, Subject::Evaluation) => {
            (422, Type::Execution)
        }
        (ErrorKind::Invalid, _) => (400, Type::BadData),
        (ErrorKind::Unsupported, _) => (415, Type::BadData),
        (ErrorKind::Limit, _) => (413, Type::BadData),
        (ErrorKind::NotFound, _) => (404, Type::NotFound),
        (ErrorKind::Busy | ErrorKind::Conflict, _) => (503, Type::Unavailable),
        (ErrorKind::Timeout, _) => (503, Type::Timeout),
        (ErrorKind::Canceled, _) => (CLIENT_CLOSED_REQUEST, Type::Canceled),
        (ErrorKind::StorageFull, _) => (507, Type::Unavailable),
        // A disk that fails, bytes that are not what was written, and our own faults: the operator
        // must act, and senders keep trying meanwhile. Kinds that do not exist yet count as ours.
        _ => (500, Type::Internal),
    }
}

impl ApiError {
    /// The error as JSON: an object.
    pub(crate) fn json(&self) -> Vec<u8> {
        let mut body = Vec::new();
        prom_api::error(&mut body, self.error_type, &self.message);
        if let Some((line, column)) = self.position {
            body.pop();
            let place = format!(",\"position\":{{\"line\":{line},\"column\":{column}}}}}");
            body.extend_from_slice(place.as_bytes());
        }
        body
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = self.json();
        body.push(b'\n');
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(delay) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs()));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_statuses_that_clients_of_prometheus_expect() {
        for (subject, kind, expected) in [
            (Subject::Request, ErrorKind::Invalid, (400, "bad_data")),
            (Subject::Evaluation, ErrorKind::Invalid, (422, "execution")),
            (Subject::Evaluation, ErrorKind::Unsupported, (422, "execution")),
            (Subject::Evaluation, ErrorKind::Limit, (422, "execution")),
            (Subject::Evaluation, ErrorKind::Timeout, (503, "timeout")),
            (Subject::Evaluation, ErrorKind::Canceled, (499, "canceled")),
            (Subject::Write, ErrorKind::Unsupported, (415, "bad_data")),
            (Subject::Write, ErrorKind::Limit, (413, "bad_data")),
            (Subject::Write, ErrorKind::StorageFull, (507, "unavailable")),
            (Subject::Write, ErrorKind::Unavailable, (500, "internal")),
            (Subject::Write, ErrorKind::Busy, (503, "unavailable")),
        ] {
            let (status, error_type) = status(subject, kind);
            assert_eq!((status, error_type.as_str()), expected, "{subject:?} {kind}");
        }
    }

    #[test]
    fn only_errors_that_pass_by_themselves_say_when_to_retry() {
        let retry = |kind| {
            let response = ApiError::new(Subject::Write, kind, "x").into_response();
            response.headers().get(header::RETRY_AFTER).map(|v| v.to_str().unwrap().to_owned())
        };
        assert_eq!(retry(ErrorKind::Busy).as_deref(), Some("1"));
        assert_eq!(retry(ErrorKind::StorageFull).as_deref(), Some("5"));
        assert_eq!(retry(ErrorKind::Invalid), None);
        assert_eq!(retry(ErrorKind::Unavailable), None);
    }
}
