//! `/metrics`: the server, its databases and its process in the Prometheus text format.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use timberline::{DEFAULT_DATABASE, EngineStats};
use timberline_model::NANOS_PER_SECOND;

use super::state::App;
use crate::telemetry::{Exposition, describe_process};

/// `GET /metrics`.
pub(super) async fn metrics(app: App) -> Response {
    let mut page = Exposition::default();
    app.metrics().describe(&mut page);
    if let Ok(databases) = app.databases() {
        let stats: Vec<(String, EngineStats)> = databases
            .list()
            .into_iter()
            .filter_map(|info| Some((info.name, info.database?.stats())))
            .collect();
        describe_databases(&stats, &mut page);
        let unopened = databases.list().iter().filter(|info| info.error.is_some()).count();
        let help = "Databases that could not be opened.";
        page.gauge("timberline_databases_unopened", help, unopened);
    }
    describe_process(&mut page);
    ([(header::CONTENT_TYPE, Exposition::CONTENT_TYPE)], page.into_text()).into_response()
}

/// A family of storage: name, kind, help, and its value of a database, if it has one.
type Family = (&'static str, &'static str, &'static str, fn(&EngineStats) -> Option<f64>);

/// Of `default`, series have no label of the database, as when it was the only one.
fn describe_databases(all: &[(String, EngineStats)], page: &mut Exposition) {
    for (name, kind, help, value) in STORAGE.iter().chain(LOG) {
        let values: Vec<_> =
            all.iter().filter_map(|(database, of)| Some((database, value(of)?))).collect();
        if values.is_empty() {
            continue;
        }
        page.family(name, kind, help);
        for (database, value) in values {
            let labels = [("database", database.as_str())];
            let named = database != DEFAULT_DATABASE;
            page.sample(name, if named { &labels } else { &[] }, value);
        }
    }
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / NANOS_PER_SECOND as f64
}

/// What a database holds and does.
static STORAGE: &[Family] = &[
    ("timberline_series", "gauge", "Series known.", |of| Some(of.series as f64)),
    ("timberline_head_samples", "gauge", "Samples in memory that are not in blocks yet.", |of| {
        Some(of.head_samples as f64)
    }),
    ("timberline_head_chunks", "gauge", "Chunks in memory.", |of| Some(of.head_chunks as f64)),
    ("timberline_head_sample_bytes", "gauge", "Bytes of samples in memory, about.", |of| {
        Some(of.head_sample_bytes as f64)
    }),
    ("timberline_head_label_bytes", "gauge", "Bytes of labels in memory, about.", |of| {
        Some(of.head_label_bytes as f64)
    }),
    ("timberline_blocks", "gauge", "Blocks that can be read.", |of| Some(of.blocks as f64)),
    ("timberline_blocks_set_aside", "gauge", "Blocks that cannot be read.", |of| {
        Some(of.blocks_set_aside as f64)
    }),
    ("timberline_block_samples", "gauge", "Samples in blocks.", |of| Some(of.block_samples as f64)),
    ("timberline_block_bytes", "gauge", "Bytes of all blocks.", |of| Some(of.block_bytes as f64)),
    ("timberline_oldest_sample_timestamp_seconds", "gauge", "Time of the oldest sample.", |of| {
        of.min_ts.map(seconds)
    }),
    ("timberline_newest_sample_timestamp_seconds", "gauge", "Time of the newest sample.", |of| {
        of.max_ts.map(seconds)
    }),
    ("timberline_last_flush_timestamp_seconds", "gauge", "When the last flush ended.", |of| {
        of.last_flush.map(seconds)
    }),
    ("timberline_flushes_total", "counter", "Flushes that ended well.", |of| {
        Some(of.flushes as f64)
    }),
    ("timberline_flush_failures_total", "counter", "Flushes that failed.", |of| {
        Some(of.flush_failures as f64)
    }),
    ("timberline_compactions_total", "counter", "Compactions that ended well.", |of| {
        Some(of.compactions as f64)
    }),
    (
        "timberline_maintenance_failed",
        "gauge",
        "1 if the last compaction, or removal of old blocks, failed.",
        |of| Some(f64::from(u8::from(of.last_maintenance_error.is_some()))),
    ),
    (
        "timberline_write_failures_total",
        "counter",
        "Batches refused as a whole by the database.",
        |of| Some(of.writes_failed as f64),
    ),
    (
        "timberline_damaged",
        "gauge",
        "Things found unreadable when the database was opened.",
        |of| Some(of.damaged as f64),
    ),
];

/// What a database's log holds and does.
static LOG: &[Family] = &[
    (
        "timberline_log_bytes",
        "gauge",
        "Bytes of all log segments, allocated space included.",
        |of| Some(of.log.bytes as f64),
    ),
    ("timberline_log_segments", "gauge", "Segments of the log.", |of| Some(of.log.segments as f64)),
    ("timberline_log_frames_total", "counter", "Frames appended.", |of| {
        Some(of.log.appended_frames as f64)
    }),
    ("timberline_log_appended_bytes_total", "counter", "Bytes appended.", |of| {
        Some(of.log.appended_bytes as f64)
    }),
    ("timberline_log_writes_total", "counter", "Times frames were written.", |of| {
        Some(of.log.writes as f64)
    }),
    ("timberline_log_syncs_total", "counter", "Times the log was made durable.", |of| {
        Some(of.log.syncs as f64)
    }),
    (
        "timberline_log_sync_seconds_total",
        "counter",
        "Time that making the log durable took.",
        |of| Some(of.log.sync_nanos_total as f64 / NANOS_PER_SECOND as f64),
    ),
    (
        "timberline_log_spare_failures_total",
        "counter",
        "Times that preparing a segment ahead of need failed.",
        |of| Some(of.log.spare_failures as f64),
    ),
    (
        "timberline_log_storage_full",
        "gauge",
        "1 while writes are refused because the disk is full.",
        |of| Some(f64::from(u8::from(of.log.storage_full))),
    ),
    (
        "timberline_log_poisoned",
        "gauge",
        "1 once the log takes no more writes because a write or sync failed.",
        |of| Some(f64::from(u8::from(of.log.poisoned.is_some()))),
    ),
];
