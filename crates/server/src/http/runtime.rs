//! `status/config`, `status/runtimeinfo`, `status/walreplay`: what the process runs with, and how it is.

use std::{fs, thread};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use timberline_model::{ByteSize, format_duration};

use super::state::{App, retention_of};
use crate::{
    clock,
    config::{Config, Field, fields},
};

/// `GET /api/v1/status/config`: the configuration that holds, as YAML.
pub(super) async fn config(app: App) -> Response {
    success(&json!({"yaml": yaml(&app.config())}))
}

/// Sections and keys in the order of the reference page. Texts are written as JSON writes them, which
/// YAML reads.
fn yaml(config: &Config) -> String {
    let mut text = String::new();
    let mut section = "";
    for field in fields() {
        if field.section != section {
            section = field.section;
            text.push_str(&format!("{section}:\n"));
        }
        let (indent, name) = match field.key.split_once('.') {
            Some((_, name)) => ("  ", name),
            None => ("", field.key),
        };
        text.push_str(&format!("{indent}{name}: {}\n", in_yaml(field, config)));
    }
    text
}

fn in_yaml(field: &Field, config: &Config) -> String {
    let value = config.get(field.key).unwrap_or_default();
    if field.bare { value } else { Value::from(value).to_string() }
}

/// `GET /api/v1/status/runtimeinfo`. What only Go programs have is zero or empty.
pub(super) async fn runtime_info(app: App) -> Response {
    let config = app.config();
    let damaged = app.database().map_or(0, |database| database.stats().damaged);
    let (configured, reloaded_well) = app.configured();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let dir = std::env::current_dir().unwrap_or_default();
    let kept = match app.database() {
        Ok(database) => database.retention(),
        Err(_) => retention_of(&config.storage),
    };
    let age = kept.age.unwrap_or_default();
    let mut retention = format_duration(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
    if let Some(bytes) = kept.bytes {
        retention.push_str(&format!(" or {}", ByteSize(bytes)));
    }
    success(&json!({
        "startTime": rfc3339(app.started()),
        "CWD": dir.to_string_lossy(),
        "hostname": host.trim(),
        "serverTime": rfc3339(clock::now_millis()),
        "reloadConfigSuccess": reloaded_well,
        "lastConfigTime": rfc3339(configured),
        "corruptionCount": damaged,
        "goroutineCount": 0,
        "GOMAXPROCS": thread::available_parallelism().map_or(1, usize::from),
        "GOMEMLIMIT": 0,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": retention,
    }))
}

/// `GET /api/v1/status/walreplay`: whether the log is still being read back. Answered before the
/// database is open, too. How far it has come is not known; once it is done, all of its segments are
/// said to be read.
pub(super) async fn wal_replay(app: App) -> Response {
    let (state, segments) = match app.database() {
        Ok(database) => ("done", database.stats().log.segments),
        Err(_) => ("in progress", 0),
    };
    success(&json!({"min": 0, "max": segments, "current": segments, "state": state}))
}

/// A time in nanoseconds as RFC 3339.
fn rfc3339(ts: i64) -> String {
    DateTime::from_timestamp_nanos(ts).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn success(data: &Value) -> Response {
    Json(json!({"status": "success", "data": data})).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_yaml_of_two_levels() {
        let text = yaml(&Config::default());
        assert!(text.starts_with("data_dir: \"./data\"\n"), "{text}");
        assert!(text.contains("\nhttp:\n  connections_max: 1024\n"), "{text}");
        assert_eq!(text.lines().filter(|line| *line == "storage:").count(), 1);
    }
}
