//! What happens around every request: counting, and catching panics.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::state::App;
use crate::{error::ApiError, telemetry::Metrics};

/// Counts a request by its route (never by what a client made up) and status, and logs it.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let metrics = Arc::clone(app.metrics());
    let begun = Instant::now();
    let under_way = metrics.request();
    let response = next.run(request).await;
    drop(under_way);
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    let (status, duration) = (response.status().as_u16(), begun.elapsed());
    app.metrics().request_ended(route, status, duration);
    tracing::debug!(%method, route, status, ?duration, "request");
    response
}

/// Answers a request whose handler panicked. The panic's own message went to standard error; clients
/// are not told it.
pub(super) fn panicked(metrics: &Metrics, _: &(dyn Any + Send)) -> Response {
    metrics.panics.add(1);
    tracing::error!("a handler panicked");
    ApiError::internal("the request failed by a fault of the server; see its log").into_response()
}
