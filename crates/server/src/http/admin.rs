//! What an operator asks of the database.

use axum::{
    Json,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use timberline::{Database, Error};

use super::{labels::range_of, params::Params, selector::parse_matches, state::App};
use crate::{
    config::Change,
    error::{ApiError, Subject},
};

/// `POST /api/v1/admin/tsdb/flush`: moves what is in memory into blocks, and says what was moved.
pub(super) async fn flush(app: App) -> Response {
    let done = on_database(&app, |database| {
        let flushed = database.flush().map_err(failed)?;
        let data = json!({
            "blocks": flushed.blocks,
            "samples": flushed.samples,
            "logBytesFreed": flushed.log_bytes_freed,
        });
        Ok(Json(json!({"status": "success", "data": data})).into_response())
    });
    done.await.unwrap_or_else(IntoResponse::into_response)
}

/// `POST|PUT /api/v1/admin/tsdb/delete_series`: deletes the samples of the series that `match[]` picks,
/// from `start` to `end`. Invisible when this answers, and off the disk after a compaction.
pub(super) async fn delete_series(app: App, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let range = range_of(&params)?;
        let selectors: Vec<String> = params.all("match[]").map(str::to_owned).collect();
        if selectors.is_empty() {
            return Err(ApiError::invalid("no match[] parameter provided"));
        }
        on_database(&app, move |database| {
            database.delete(&parse_matches(&selectors)?, range).map_err(failed)?;
            Ok(StatusCode::NO_CONTENT.into_response())
        })
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// `POST|PUT /api/v1/admin/tsdb/clean_tombstones`: compacts until nothing that was deleted is on the
/// disk any more.
pub(super) async fn clean_tombstones(app: App) -> Response {
    let done = on_database(&app, |database| {
        while database.compact().map_err(failed)?.is_some() {}
        Ok(StatusCode::NO_CONTENT.into_response())
    });
    done.await.unwrap_or_else(IntoResponse::into_response)
}

/// `POST|PUT /api/v1/admin/tsdb/snapshot`: makes a directory in `snapshots/` that is the database of
/// this moment, and says its name. With `skip_head=true`, without what is in memory only.
pub(super) async fn snapshot(app: App, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let skip_head = match params.get("skip_head") {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(other) => {
                let message = format!("invalid parameter \"skip_head\": {other:?} is no boolean");
                return Err(ApiError::invalid(message));
            }
        };
        on_database(&app, move |database| {
            let taken = database.snapshot(skip_head).map_err(failed)?;
            let dir = std::path::absolute(&taken.dir).unwrap_or(taken.dir);
            let data = json!({"name": taken.name, "dir": dir.to_string_lossy()});
            Ok(Json(json!({"status": "success", "data": data})).into_response())
        })
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// `POST|PUT /-/reload`: reads the configuration again. Answers which keys have changed, and which are
/// different now and wait for a restart.
pub(super) async fn reload(app: App) -> Response {
    let task = tokio::task::spawn_blocking(move || app.reload());
    let reloaded = match task.await {
        Ok(Ok(reloaded)) => reloaded,
        Ok(Err(error)) => return ApiError::internal(error).into_response(),
        Err(error) => return ApiError::internal(error).into_response(),
    };
    let list = |changes: &[Change]| -> Vec<Value> {
        let one = |c: &Change| json!({"key": c.key, "from": c.from, "to": c.to});
        changes.iter().map(one).collect()
    };
    let data = json!({
        "changed": list(&reloaded.changed),
        "needRestart": list(&reloaded.waiting),
    });
    Json(json!({"status": "success", "data": data})).into_response()
}

/// Works with the database on a thread that may block.
async fn on_database(
    app: &App,
    work: impl FnOnce(&Database) -> Result<Response, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let database = app.database()?;
    let task = tokio::task::spawn_blocking(move || work(&database));
    task.await.map_err(ApiError::internal)?
}

fn failed(error: Error) -> ApiError {
    ApiError::new(Subject::Request, error.kind(), error)
}
