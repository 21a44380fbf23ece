//! `/`, and everything that is not there.

use axum::{
    extract::Request,
    http::header,
    response::{IntoResponse, Response},
};
use timberline_model::ErrorKind;

use crate::error::{ApiError, Subject};

const TEXT: &str = "\
Timberline, a time series database.

Write:   POST /api/v1/write                Prometheus remote write 1.0 and 2.0, or JSON
Query:   GET|POST /api/v1/query            PromQL at an instant: query, time
         GET|POST /api/v1/query_range      PromQL over a range: query, start, end, step
         GET|POST /sql                     a statement in SQL
         GET|POST /api/v1/query_exemplars  exemplars of the series of a query
         GET|POST /api/v1/format_query     a query laid out for people
         GET|POST /api/v1/parse_query      the tree of a query
         POST /api/v1/read                 Prometheus remote read
         GET|POST /sql/subscribe           SUBSCRIBE TO SELECT ...: events as they happen
         GET /federate                     newest samples, for another Prometheus
Explore: GET|POST /api/v1/labels           names of labels
         GET /api/v1/label/NAME/values     values of a label
         GET|POST /api/v1/series           series by match[]
         GET /api/v1/metadata              types, units and helps of metrics
         /db/NAME before any of these     the database NAME instead of default
Operate: GET /-/healthy, /-/ready          is it well, is it ready
         GET /metrics                      the server's own metrics
         GET /version                      the version
         GET /api/v1/status/tsdb           what is stored, and what takes most of it
         GET /api/v1/status/tsdb/blocks    the blocks
         GET /api/v1/status/buildinfo      the version
         GET /api/v1/status/config         the configuration as YAML
         GET /api/v1/status/flags          the configuration by its flags
         GET /api/v1/status/runtimeinfo    the process
         GET /api/v1/status/walreplay      is the log still being read back
         GET /api/v1/features              what this server can do
         GET /api/v1/openapi.yaml          this interface for programs
         POST /-/reload                    read the configuration again
         POST /api/v1/admin/tsdb/flush     move what is in memory into blocks
         POST /api/v1/admin/tsdb/delete_series     delete the samples of series
         POST /api/v1/admin/tsdb/clean_tombstones  take what was deleted off the disk
         POST /api/v1/admin/tsdb/snapshot  make a copy of this moment beside the database
Empty:   what Prometheus has and this server has not:
         GET /api/v1/alertmanagers /api/v1/alerts /api/v1/notifications /api/v1/rules
             /api/v1/scrape_pools /api/v1/targets

On the command line: timberline help
";

/// `GET /`.
pub(super) async fn index() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], TEXT).into_response()
}

/// A path that no route has.
pub(super) async fn not_found(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    let message = format!("no such path: {path} (GET / lists what there is)");
    ApiError::new(Subject::Request, ErrorKind::NotFound, message).into_response()
}

/// A route that exists, with a method that it does not have.
pub(super) async fn method_not_allowed(request: Request) -> Response {
    let message =
        format!("method {} is not allowed for {}", request.method(), request.uri().path());
    ApiError::method_not_allowed(message).into_response()
}
