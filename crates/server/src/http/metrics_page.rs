//! `/metrics`: the server, its database and its process in the Prometheus text format.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use timberline::{Database, EngineStats};
use timberline_model::NANOS_PER_SECOND;

use super::state::App;
use crate::telemetry::{Exposition, describe_process};

/// `GET /metrics`.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let mut page = Exposition::default();
    app.metrics().describe(&mut page);
    if let Ok(database) = app.database() {
        describe_database(database, &mut page);
    }
    describe_process(&mut page);
    ([(header::CONTENT_TYPE, Exposition::CONTENT_TYPE)], page.into_text()).into_response()
}

fn describe_database(database: &Database, page: &mut Exposition) {
    let stats = database.stats();
    page.gauge("timberline_series", "Series known.", stats.series);
    page.gauge(
        "timberline_head_samples",
        "Samples in memory that are not in blocks yet.",
        stats.head_samples,
    );
    page.gauge("timberline_head_chunks", "Chunks in memory.", stats.head_chunks);
    page.gauge(
        "timberline_head_sample_bytes",
        "Bytes of samples in memory, about.",
        stats.head_sample_bytes,
    );
    page.gauge(
        "timberline_head_label_bytes",
        "Bytes of labels in memory, about.",
        stats.head_label_bytes,
    );
    page.gauge("timberline_blocks", "Blocks that can be read.", stats.blocks);
    page.gauge(
        "timberline_blocks_set_aside",
        "Blocks that cannot be read.",
        stats.blocks_set_aside,
    );
    page.gauge("timberline_block_samples", "Samples in blocks.", stats.block_samples);
    page.gauge("timberline_block_bytes", "Bytes of all blocks.", stats.block_bytes);
    for (name, help, ts) in [
        ("timberline_oldest_sample_timestamp_seconds", "Time of the oldest sample.", stats.min_ts),
        ("timberline_newest_sample_timestamp_seconds", "Time of the newest sample.", stats.max_ts),
        ("timberline_last_flush_timestamp_seconds", "When the last flush ended.", stats.last_flush),
    ] {
        if let Some(ts) = ts {
            page.gauge(name, help, ts as f64 / NANOS_PER_SECOND as f64);
        }
    }
    page.counter("timberline_flushes_total", "Flushes that ended well.", stats.flushes);
    page.counter("timberline_flush_failures_total", "Flushes that failed.", stats.flush_failures);
    page.counter("timberline_compactions_total", "Compactions that ended well.", stats.compactions);
    page.gauge(
        "timberline_maintenance_failed",
        "1 if the last compaction, or removal of old blocks, failed.",
        u8::from(stats.last_maintenance_error.is_some()),
    );
    page.counter(
        "timberline_write_failures_total",
        "Batches refused as a whole by the database.",
        stats.writes_failed,
    );
    page.gauge(
        "timberline_damaged",
        "Things found unreadable when the database was opened.",
        stats.damaged,
    );
    describe_log(&stats, page);
}

fn describe_log(stats: &EngineStats, page: &mut Exposition) {
    let log = &stats.log;
    page.gauge(
        "timberline_log_bytes",
        "Bytes of all log segments, allocated space included.",
        log.bytes,
    );
    page.gauge("timberline_log_segments", "Segments of the log.", log.segments);
    page.counter("timberline_log_frames_total", "Frames appended.", log.appended_frames);
    page.counter("timberline_log_appended_bytes_total", "Bytes appended.", log.appended_bytes);
    page.counter("timberline_log_writes_total", "Times frames were written.", log.writes);
    page.counter("timberline_log_syncs_total", "Times the log was made durable.", log.syncs);
    page.counter(
        "timberline_log_sync_seconds_total",
        "Time that making the log durable took.",
        log.sync_nanos_total as f64 / NANOS_PER_SECOND as f64,
    );
    page.counter(
        "timberline_log_spare_failures_total",
        "Times that preparing a segment ahead of need failed.",
        log.spare_failures,
    );
    page.gauge(
        "timberline_log_storage_full",
        "1 while writes are refused because the disk is full.",
        u8::from(log.storage_full),
    );
    page.gauge(
        "timberline_log_poisoned",
        "1 once the log takes no more writes because a write or sync failed.",
        u8::from(log.poisoned.is_some()),
    );
}
