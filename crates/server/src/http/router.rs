//! The table of routes. Removing a protocol is deleting its folder and its line here.

use std::{any::Any, sync::Arc};

use axum::{
    Router, middleware as layers,
    routing::{get, post},
};
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate as _},
    },
};

use super::{
    admin, described, health, index, labels, metrics_page, middleware, query, read, state::App,
    status, write,
};

/// Streams of chunks are as small as they get, and go out frame by frame.
const STREAMED: &str = "application/x-streamed-protobuf";

/// All routes.
pub(crate) fn router(app: App) -> Router {
    let metrics = Arc::clone(app.metrics());
    let catch = CatchPanicLayer::custom(move |panic: Box<dyn Any + Send>| {
        middleware::panicked(&metrics, &*panic)
    });
    Router::new()
        .route("/", get(index::index))
        .route("/metrics", get(metrics_page::metrics))
        .route("/-/healthy", get(health::healthy))
        .route("/-/ready", get(health::ready))
        .route("/-/reload", post(admin::reload).put(admin::reload))
        .route("/api/v1/write", post(write::write))
        .route("/api/v1/read", post(read::read))
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/query_exemplars", get(described::exemplars).post(described::exemplars))
        .route("/api/v1/metadata", get(described::metadata))
        .route("/api/v1/labels", get(labels::names).post(labels::names))
        .route("/api/v1/label/{name}/values", get(labels::values))
        .route("/api/v1/series", get(labels::series).post(labels::series))
        .route("/api/v1/status/buildinfo", get(status::build_info))
        .route("/api/v1/status/flags", get(status::flags))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/admin/tsdb/flush", post(admin::flush))
        .route(
            "/api/v1/admin/tsdb/delete_series",
            post(admin::delete_series).put(admin::delete_series),
        )
        .route(
            "/api/v1/admin/tsdb/clean_tombstones",
            post(admin::clean_tombstones).put(admin::clean_tombstones),
        )
        .route("/api/v1/admin/tsdb/snapshot", post(admin::snapshot).put(admin::snapshot))
        .fallback(index::not_found)
        .method_not_allowed_fallback(index::method_not_allowed)
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(DefaultPredicate::new().and(NotForContentType::const_new(STREAMED))),
        )
        .layer(catch)
        .layer(layers::from_fn_with_state(app.clone(), middleware::observe))
        .with_state(app)
}
