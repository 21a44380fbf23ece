//! `status/buildinfo`, `status/flags`, `status/tsdb` and its blocks.

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use timberline::BlockSummary;
use timberline_model::{NANOS_PER_MILLI, NANOS_PER_SECOND};
use timberline_protocol::prom_api::parse_limit;

use super::{params::Params, state::App};
use crate::{
    config::{Field, fields},
    error::ApiError,
};

/// Entries of each list of `status/tsdb` when the request names no `limit`.
const TOP_DEFAULT: usize = 10;
/// Entries of each list at most.
const TOP_MAX: usize = 10_000;

/// `GET /api/v1/status/buildinfo`.
pub(super) async fn build_info() -> Response {
    success(&build())
}

/// `GET /version`: the same without an envelope.
pub(super) async fn version() -> Response {
    Json(build()).into_response()
}

fn build() -> Value {
    json!({
        "application": "timberline",
        "version": env!("CARGO_PKG_VERSION"),
        "revision": option_env!("TIMBERLINE_REVISION").unwrap_or(""),
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
        "features": {},
    })
}

/// `GET /api/v1/status/flags`: every key of the configuration by the name of its flag, with the value
/// that holds at the moment.
pub(super) async fn flags(app: App) -> Response {
    let config = app.config();
    let flag = |field: &Field| (field.flag.clone(), json!(config.get(field.key)));
    success(&Value::Object(fields().iter().map(flag).collect()))
}

/// `GET /api/v1/status/tsdb`.
pub(super) async fn tsdb(app: App, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let limit = params.get("limit").map(|text| parse_limit("limit", text)).transpose();
        let limit = limit.map_err(ApiError::invalid)?.flatten().unwrap_or(TOP_DEFAULT);
        if limit > TOP_MAX {
            return Err(ApiError::invalid(format!(
                "invalid parameter \"limit\": {limit} exceeds the limit of {TOP_MAX}"
            )));
        }
        let database = app.database()?;
        // It walks all label pairs, so it takes its turn among the queries.
        let place = app.admit_query(params.client()).await?;
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            describe(&database, limit)
        });
        let body = task.await.map_err(ApiError::internal)?;
        Ok(success(&body))
    };
    ask.await.unwrap_or_else(|error: ApiError| error.into_response())
}

/// `GET /api/v1/status/tsdb/blocks`.
pub(super) async fn blocks(app: App) -> Response {
    let database = match app.database() {
        Ok(database) => database,
        Err(error) => return error.into_response(),
    };
    let blocks: Vec<Value> = database.blocks().iter().map(block).collect();
    success(&json!({"blocks": blocks}))
}

/// A block as Prometheus describes one: times in milliseconds, the last one excluded, levels from 1 on.
fn block(block: &BlockSummary) -> Value {
    let mut stats = json!({"numSamples": block.samples, "numSeries": block.series});
    if let Some(details) = block.details {
        stats["numChunks"] = json!(details.pages);
        stats["numFloatSamples"] = json!(block.samples.saturating_sub(details.histograms));
        stats["numHistogramSamples"] = json!(details.histograms);
    }
    json!({
        "ulid": block.ulid,
        "minTime": block.min_ts.div_euclid(NANOS_PER_MILLI),
        "maxTime": block.max_ts.div_euclid(NANOS_PER_MILLI) + 1,
        "stats": stats,
        "compaction": {"level": u32::from(block.level) + 1, "failed": block.details.is_none()},
        "version": block.details.map_or(0, |details| details.version),
        "bytes": block.bytes,
    })
}

/// The answer: the fields of Prometheus, those of the first seed, and what else is known.
fn describe(database: &timberline::Database, limit: usize) -> Value {
    let stats = database.stats();
    let top = database.cardinality(limit);
    let millis = |ts: Option<i64>| ts.map(|ts| ts.div_euclid(NANOS_PER_MILLI));
    json!({
        "headStats": {
            "numSeries": stats.series,
            "numLabelPairs": top.label_pairs,
            "chunkCount": stats.head_chunks,
            "minTime": millis(stats.min_ts),
            "maxTime": millis(stats.max_ts),
        },
        "seriesCountByMetricName": entries(&top.series_by_metric),
        "labelValueCountByLabelName": entries(&top.values_by_name),
        "memoryInBytesByLabelName": entries(&top.bytes_by_name),
        "seriesCountByLabelValuePair": entries(&top.series_by_pair),
        "totalSeries": stats.series,
        "totalSamples": stats.head_samples + stats.block_samples,
        "flushCount": stats.flushes,
        "flushFailures": stats.flush_failures,
        "lastFlushTime": millis(stats.last_flush),
        "lastFlushError": stats.last_flush_error,
        "compactionCount": stats.compactions,
        "lastMaintenanceError": stats.last_maintenance_error,
        "writeFailures": stats.writes_failed,
        "walSize": stats.log.bytes,
        "walSegments": stats.log.segments,
        "walSyncs": stats.log.syncs,
        "walSyncSeconds": stats.log.sync_nanos_total as f64 / NANOS_PER_SECOND as f64,
        "activeMemTableSize": stats.head_sample_bytes + stats.head_label_bytes,
        "headSamples": stats.head_samples,
        "blockCount": stats.blocks,
        "blockSamples": stats.block_samples,
        "blockBytes": stats.block_bytes,
        "blocksSetAside": stats.blocks_set_aside,
        "storageFull": stats.log.storage_full,
        "damaged": stats.damaged,
    })
}

fn entries(pairs: &[(String, u64)]) -> Value {
    pairs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn success(data: &Value) -> Response {
    Json(json!({"status": "success", "data": data})).into_response()
}
