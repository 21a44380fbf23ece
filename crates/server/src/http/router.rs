//! The table of routes. Removing a protocol is deleting its folder and its line here.

use std::{any::Any, sync::Arc};

use axum::{
    Router, middleware as layers,
    routing::{MethodRouter, get, post},
};
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{NotForContentType, Predicate as _, SizeAbove},
    },
};

use super::{
    admin, cors, described, features, federate, health, index, labels, metrics_page, middleware,
    monitoring, openapi, query, query_text, read, runtime, sql, state::App, status, subscribe,
    write,
};

/// Streams of chunks are as small as they get, and go out frame by frame.
const STREAMED: &str = "application/x-streamed-protobuf";

/// Answers of fewer bytes are not compressed: it would take longer than sending them.
const COMPRESSED_BYTES_MIN: u64 = 1_024;
/// How hard answers are compressed, by zstd as by gzip. For 10 MB of a range query's answer gzip takes 31 to 33 ms and
/// leaves 3.3 MB at level 1, which forgoes codes of the text's own; 44 to 50 ms and 2.4 MB at 2, 60 ms and 2.3 MB at 3,
/// 90 to 100 ms and 2.2 MB at 4. zstd takes 21 to 30 ms and leaves 1.5 to 2.0 MB at 1 and at 2.
const LEVEL: CompressionLevel = CompressionLevel::Precise(2);

/// Every path and what it does by method. `openapi.yaml` describes each of them, which a test checks.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<App>)> {
    let mut routes = vec![
        ("/", get(index::index)),
        ("/metrics", get(metrics_page::metrics)),
        ("/version", get(status::version)),
        ("/federate", get(federate::federate)),
        ("/-/healthy", get(health::healthy)),
        ("/-/ready", get(health::ready)),
        ("/-/reload", post(admin::reload).put(admin::reload)),
        ("/sql", get(sql::ask).post(sql::run)),
        ("/api/v1/write", post(write::write)),
        ("/api/v1/read", post(read::read)),
        ("/api/v1/openapi.yaml", get(openapi::document)),
        ("/sql/subscribe", get(subscribe::subscribe).post(subscribe::subscribe)),
        ("/api/v1/features", get(features::features)),
    ];
    routes.extend(queries());
    routes.extend(statuses());
    routes.extend(monitored());
    routes.extend(administration());
    routes
}

fn queries() -> [(&'static str, MethodRouter<App>); 9] {
    [
        ("/api/v1/query", get(query::instant).post(query::instant)),
        ("/api/v1/query_range", get(query::range).post(query::range)),
        ("/api/v1/query_exemplars", get(described::exemplars).post(described::exemplars)),
        ("/api/v1/format_query", get(query_text::format).post(query_text::format)),
        ("/api/v1/parse_query", get(query_text::parse).post(query_text::parse)),
        ("/api/v1/metadata", get(described::metadata)),
        ("/api/v1/labels", get(labels::names).post(labels::names)),
        ("/api/v1/label/{name}/values", get(labels::values)),
        ("/api/v1/series", get(labels::series).post(labels::series)),
    ]
}

fn statuses() -> [(&'static str, MethodRouter<App>); 7] {
    [
        ("/api/v1/status/buildinfo", get(status::build_info)),
        ("/api/v1/status/config", get(runtime::config)),
        ("/api/v1/status/flags", get(status::flags)),
        ("/api/v1/status/runtimeinfo", get(runtime::runtime_info)),
        ("/api/v1/status/tsdb", get(status::tsdb)),
        ("/api/v1/status/tsdb/blocks", get(status::blocks)),
        ("/api/v1/status/walreplay", get(runtime::wal_replay)),
    ]
}

fn monitored() -> [(&'static str, MethodRouter<App>); 7] {
    [
        ("/api/v1/alertmanagers", get(monitoring::alertmanagers)),
        ("/api/v1/alerts", get(monitoring::alerts)),
        ("/api/v1/notifications", get(monitoring::notifications)),
        ("/api/v1/rules", get(monitoring::rules)),
        ("/api/v1/scrape_pools", get(monitoring::scrape_pools)),
        ("/api/v1/targets", get(monitoring::targets)),
        ("/api/v1/targets/metadata", get(monitoring::target_metadata)),
    ]
}

fn administration() -> [(&'static str, MethodRouter<App>); 4] {
    [
        ("/api/v1/admin/tsdb/flush", post(admin::flush)),
        ("/api/v1/admin/tsdb/delete_series", post(admin::delete_series).put(admin::delete_series)),
        (
            "/api/v1/admin/tsdb/clean_tombstones",
            post(admin::clean_tombstones).put(admin::clean_tombstones),
        ),
        ("/api/v1/admin/tsdb/snapshot", post(admin::snapshot).put(admin::snapshot)),
    ]
}

/// The paths that are about one database. Each is there below `/db/NAME`, too, for the database of that name.
fn is_of_database(path: &str) -> bool {
    path.starts_with("/api/v1/") || path.starts_with("/sql") || path == "/federate"
}

/// All routes, twice where they are about a database.
fn all_routes() -> impl Iterator<Item = (String, MethodRouter<App>)> {
    let named = routes().into_iter().filter(|(path, _)| is_of_database(path));
    let named = named.map(|(path, methods)| (format!("/db/{{database}}{path}"), methods));
    routes().into_iter().map(|(path, methods)| (path.to_owned(), methods)).chain(named)
}

/// The server as a service.
pub(crate) fn router(app: App) -> Router {
    let metrics = Arc::clone(app.metrics());
    let catch = CatchPanicLayer::custom(move |panic: Box<dyn Any + Send>| {
        middleware::panicked(&metrics, &*panic)
    });
    let add = |router: Router<App>, (path, methods): (String, _)| router.route(&path, methods);
    all_routes()
        .fold(Router::new(), add)
        .fallback(index::not_found)
        .method_not_allowed_fallback(index::method_not_allowed)
        .layer(layers::from_fn_with_state(app.clone(), cors::cors))
        .layer(CompressionLayer::new().quality(LEVEL).compress_when(
            SizeAbove::new(COMPRESSED_BYTES_MIN).and(NotForContentType::const_new(STREAMED)),
        ))
        .layer(catch)
        .layer(layers::from_fn_with_state(app.clone(), middleware::observe))
        .with_state(app)
}
