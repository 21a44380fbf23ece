//! `/-/healthy` and `/-/ready`: for people, load balancers and supervisors.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use timberline::{DEFAULT_DATABASE, Database};

use super::state::App;

/// `GET /-/healthy`: whether the process does its work. What is wrong without being fatal is named,
/// and the status stays 200; a log that takes no more writes is 503, as only a restart cures it.
pub(super) async fn healthy(app: App) -> Response {
    let Ok(databases) = app.databases() else {
        return Json(json!({
            "status": "healthy",
            "message": "Timberline is opening its database",
            "problems": [],
        }))
        .into_response();
    };
    let mut problems = Vec::new();
    for info in databases.list() {
        let of = match info.name.as_str() {
            DEFAULT_DATABASE => String::new(),
            name => format!("database {name}: "),
        };
        problems.extend(info.error.map(|error| format!("{of}it could not be opened: {error}")));
        let Some(database) = info.database else { continue };
        if let Some(reason) = &database.stats().log.poisoned {
            let message = format!("{of}the log takes no more writes until a restart: {reason}");
            let body = json!({"status": "unhealthy", "message": message, "problems": [message]});
            return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
        }
        problems.extend(problems_of(&database).into_iter().map(|problem| format!("{of}{problem}")));
    }
    let (status, message) = match problems.len() {
        0 => ("healthy", "Timberline is operational".to_owned()),
        1 => ("degraded", "Timberline is operational, with 1 problem".to_owned()),
        count => ("degraded", format!("Timberline is operational, with {count} problems")),
    };
    Json(json!({"status": status, "message": message, "problems": problems})).into_response()
}

/// What is wrong with a database without being fatal.
fn problems_of(database: &Database) -> Vec<String> {
    let stats = database.stats();
    let mut problems = Vec::new();
    if stats.log.storage_full {
        problems.push(
            "the disk is full: writes are answered 507, reads go on, and writes do again once \
             space returns"
                .to_owned(),
        );
    }
    if let Some(reason) = &stats.last_flush_error {
        problems.push(format!("the last flush failed: {reason}"));
    }
    if let Some(reason) = &stats.last_maintenance_error {
        problems.push(format!("the last compaction or removal of old blocks failed: {reason}"));
    }
    for damage in database.damage() {
        problems.push(format!("damaged: {}: {}", damage.place, damage.reason));
    }
    problems
}

/// `GET /-/ready`: whether requests are served.
pub(super) async fn ready(app: App) -> Response {
    let not_ready = |message: &str| {
        let body = json!({"status": "not ready", "message": message});
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    };
    if app.is_stopping() {
        return not_ready("Timberline is stopping");
    }
    match app.database() {
        Ok(_) => Json(json!({
            "status": "ready",
            "message": "Timberline is ready to serve requests",
        }))
        .into_response(),
        Err(_) => not_ready("Timberline is opening its database"),
    }
}
