//! `/sql/subscribe` of a server without SQL.

use timberline_model::ErrorKind;

use crate::error::{ApiError, Subject};

/// `GET|POST /sql/subscribe`.
pub(in crate::http) async fn subscribe() -> ApiError {
    let message = "this server was built without SQL";
    ApiError::new(Subject::Request, ErrorKind::Unsupported, message)
}
