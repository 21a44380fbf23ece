//! What an operator asks of the database.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::state::App;
use crate::error::{ApiError, Subject};

/// `POST /api/v1/admin/tsdb/flush`: moves what is in memory into blocks, and says what was moved.
pub(super) async fn flush(State(app): State<App>) -> Response {
    match flushed(&app).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn flushed(app: &App) -> Result<Response, ApiError> {
    let database = app.database()?.clone();
    let task = tokio::task::spawn_blocking(move || database.flush());
    let outcome = task.await.map_err(ApiError::internal)?;
    let flushed = outcome.map_err(|error| ApiError::new(Subject::Request, error.kind(), error))?;
    let data = json!({
        "blocks": flushed.blocks,
        "samples": flushed.samples,
        "logBytesFreed": flushed.log_bytes_freed,
    });
    Ok(Json(json!({"status": "success", "data": data})).into_response())
}
