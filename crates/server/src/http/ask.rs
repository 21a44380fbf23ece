//! Runs questions to the database on blocking threads.
//!
//! Invariant: whoever asks holds a place among the queries until the database has let go of the
//! question, also when the asker went away before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use timberline::{Database, Limits};

use super::state::App;
use crate::{error::ApiError, net::Client};

/// An answer as JSON, and what it cost.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) series: u64,
    pub(super) samples: u64,
}

/// Runs a question on a blocking thread: admitted, timed, counted, and canceled when the asker goes
/// away.
pub(super) async fn run(
    app: &App,
    client: Client,
    timeout: Duration,
    ask: impl FnOnce(&Database, &Limits) -> Result<Answer, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    run_after(app, client, timeout, |database, limits, _| ask(database, limits)).await
}

/// As [`run`], for a question that wants to know how long it waited for its turn.
pub(super) async fn run_after(
    app: &App,
    client: Client,
    timeout: Duration,
    ask: impl FnOnce(&Database, &Limits, Duration) -> Result<Answer, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let database = app.database()?;
    let asked = Instant::now();
    let place = app.admit_query(client).await?;
    let waited = asked.elapsed();
    let canceled = Arc::new(AtomicBool::new(false));
    let mut guard = CancelOnDrop::new(app, &canceled);
    let config = app.config();
    let settings = &config.query;
    let limits = Limits {
        samples_max: settings.samples_max.get(),
        series_max: settings.series_max.get(),
        // The range was checked: it has so many steps between its points, and one point more.
        steps_max: settings.steps_max.get().saturating_add(1),
        deadline: Instant::now().checked_add(timeout),
        canceled,
        partitions: settings.threads_max,
    };
    let metrics = Arc::clone(app.metrics());
    let task = tokio::task::spawn_blocking(move || {
        let _place = place;
        let _under_way = metrics.query();
        let begun = Instant::now();
        let outcome = ask(&database, &limits, waited);
        metrics.query_durations.observe(begun.elapsed());
        metrics.queries.add(1);
        match &outcome {
            Ok(answer) => {
                metrics.query_samples.add(answer.samples);
                metrics.query_series.add(answer.series);
            }
            Err(_) => metrics.query_failures.add(1),
        }
        outcome
    });
    let outcome = task.await;
    guard.disarm();
    match outcome {
        Ok(answer) => Ok(json(answer?.body)),
        Err(_) => {
            app.metrics().panics.add(1);
            Err(ApiError::internal("the query failed by a fault of the server; see its log"))
        }
    }
}

/// A body of JSON.
pub(super) fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

/// Tells the query to stop when the request's future is dropped, as it is when the client goes away.
pub(super) struct CancelOnDrop {
    app: App,
    canceled: Arc<AtomicBool>,
    armed: bool,
}

impl CancelOnDrop {
    /// A guard that sets the flag.
    pub(super) fn new(app: &App, canceled: &Arc<AtomicBool>) -> Self {
        Self { app: app.clone(), canceled: Arc::clone(canceled), armed: true }
    }

    /// The answer is there: dropping cancels nothing any more.
    pub(super) fn disarm(&mut self) {
        self.armed = false;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.armed {
            self.canceled.store(true, Ordering::Relaxed);
            self.app.metrics().queries_canceled.add(1);
        }
    }
}

#[cfg(test)]
mod tests;
