//! `/sql` of a server without SQL.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use crate::http::App;

/// `GET /sql`.
pub(in crate::http) async fn ask(State(app): State<App>) -> Response {
    refuse(&app)
}

/// `POST /sql`.
pub(in crate::http) async fn run(State(app): State<App>) -> Response {
    refuse(&app)
}

fn refuse(app: &App) -> Response {
    match app.sql() {
        Ok(sql) => match *sql {},
        Err(error) => error.into_response(),
    }
}
