//! The document that describes the API to programs.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

/// OpenAPI 3.1, kept by hand; tests hold it against the routes and their answers.
pub(super) const DOCUMENT: &str = include_str!("../../openapi.yaml");

/// `GET /api/v1/openapi.yaml`.
pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/yaml; charset=utf-8")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests;
