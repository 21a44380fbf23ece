//! `/sql` of a server without SQL.

use axum::response::{IntoResponse, Response};

use crate::http::App;

/// `GET /sql`.
pub(in crate::http) async fn ask(app: App) -> Response {
    refuse(&app)
}

/// `POST /sql`.
pub(in crate::http) async fn run(app: App) -> Response {
    refuse(&app)
}

fn refuse(app: &App) -> Response {
    match app.sql() {
        Ok(sql) => match *sql {},
        Err(error) => error.into_response(),
    }
}
