//! Cross-origin requests: what a browser asks before it lets a page read an answer of the API.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::state::App;
use crate::config::CorsOrigin;

/// The paths that pages may read, as in Prometheus.
const PREFIX: &str = "/api/v1/";

/// Answers `OPTIONS` below `/api/v1/`, and tells browsers who may read the other answers there.
pub(super) async fn cors(State(app): State<App>, request: Request, next: Next) -> Response {
    if !is_readable(request.uri().path()) {
        return next.run(request).await;
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    if let Some(origin) = origin {
        allow(&app.config().http.cors_origin, origin, response.headers_mut());
    }
    response
}

/// Whether pages may read a path, of whichever database.
fn is_readable(path: &str) -> bool {
    let named = path.strip_prefix("/db/").and_then(|rest| rest.split_once('/'));
    let within = named.and_then(|(name, _)| path.get("/db/".len() + name.len()..));
    within.unwrap_or(path).starts_with(PREFIX)
}

fn allow(allowed: &CorsOrigin, origin: HeaderValue, headers: &mut HeaderMap) {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if allowed.is_any() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else if origin.to_str().is_ok_and(|text| allowed.allows(text)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}
