//! `query` and `query_range`: PromQL at an instant and over a range.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use timberline::{Database, Error, Limits, Query, QueryResult, Value};
use timberline_model::ErrorKind;
use timberline_promql::Expr;
use timberline_protocol::{
    TimeForm,
    prom_api::{self, ParsedTime, parse_duration_param, parse_limit, parse_range, parse_time},
};

use super::{
    params::Params,
    selector::{parse_query, plain_selector},
    state::App,
    stored::stored_samples,
};
use crate::{
    clock,
    error::{ApiError, Subject},
};

/// A query and how it is to be answered.
struct Question {
    expr: Expr,
    text: String,
    start: i64,
    end: i64,
    /// 0 makes an instant query.
    step: i64,
    lookback: i64,
    timeout: Duration,
    /// At most so many series in the answer.
    limit: Option<usize>,
    form: TimeForm,
}

/// `GET|POST /api/v1/query`.
pub(super) async fn instant(State(app): State<App>, request: Request) -> Response {
    let params = match Params::read(&app, request).await {
        Ok(params) => params,
        Err(error) => return error.into_response(),
    };
    match ask_instant(&app, &params).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn ask_instant(app: &App, params: &Params) -> Result<Response, ApiError> {
    let at = match params.get("time") {
        Some(text) => parse_time("time", text).map_err(ApiError::invalid)?,
        None => ParsedTime { ts: clock::now_millis(), form: TimeForm::Seconds },
    };
    let question = question(app, params, at.form)?;
    let question = Question { start: at.ts, end: at.ts, ..question };
    run(app, question.timeout, move |database, limits| evaluate(database, &question, limits)).await
}

/// `GET|POST /api/v1/query_range`.
pub(super) async fn range(State(app): State<App>, request: Request) -> Response {
    let params = match Params::read(&app, request).await {
        Ok(params) => params,
        Err(error) => return error.into_response(),
    };
    match ask_range(&app, &params).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn ask_range(app: &App, params: &Params) -> Result<Response, ApiError> {
    let (start, end) = (params.required("start")?, params.required("end")?);
    let range = parse_range(Some(start), Some(end), params.get("step")).map_err(ApiError::invalid)?;
    let question = question(app, params, range.form)?;
    let question = Question { start: range.start, end: range.end, ..question };
    let Some(step) = range.step else {
        return ask_stored(app, question).await;
    };
    let question = Question { step, ..question };
    run(app, question.timeout, move |database, limits| evaluate(database, &question, limits)).await
}

/// A range query without a step: the samples of a plain selector as they are stored.
async fn ask_stored(app: &App, question: Question) -> Result<Response, ApiError> {
    let Some(matchers) = plain_selector(&question.expr).map(<[_]>::to_vec) else {
        return Err(ApiError::invalid(
            "missing parameter \"step\": only a plain selector can be asked for without one, \
             which gives its samples as they are stored",
        ));
    };
    let Question { start, end, limit, form, timeout, .. } = question;
    run(app, timeout, move |database, limits| {
        let (series, read) = stored_samples(database, matchers, start, end, limits)?;
        let cut = limit.map_or(series.len(), |limit| limit.min(series.len()));
        let warnings = truncation(cut < series.len());
        let mut body = Vec::new();
        prom_api::success(&mut body, &warnings, &[], |out| {
            let rows = series[..cut].iter().map(|s| (&s.labels, &s.timestamps[..], &s.values[..]));
            prom_api::matrix(out, rows, form);
        });
        Ok(Answer { body, series: read.series, samples: read.samples })
    })
    .await
}

/// What both kinds of queries take.
fn question(app: &App, params: &Params, form: TimeForm) -> Result<Question, ApiError> {
    let (expr, text) = parse_query(params.required("query")?)?;
    let settings = &app.config().query;
    let lookback = match params.get("lookback_delta") {
        Some(text) => positive("lookback_delta", text)?,
        None => settings.lookback.as_nanos(),
    };
    let timeout = match params.get("timeout") {
        Some(text) => Duration::from_nanos(positive("timeout", text)?.unsigned_abs()),
        None => settings.timeout.as_std(),
    };
    let limit = params.get("limit").map(|text| parse_limit("limit", text));
    Ok(Question {
        expr,
        text,
        start: 0,
        end: 0,
        step: 0,
        lookback,
        timeout: timeout.min(settings.timeout.as_std()),
        limit: limit.transpose().map_err(ApiError::invalid)?.flatten(),
        form,
    })
}

fn positive(name: &'static str, text: &str) -> Result<i64, ApiError> {
    match parse_duration_param(name, text).map_err(ApiError::invalid)? {
        nanos if nanos > 0 => Ok(nanos),
        _ => Err(ApiError::invalid(format!("invalid parameter {name:?}: not more than zero"))),
    }
}

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
    timeout: Duration,
    ask: impl FnOnce(&Database, &Limits) -> Result<Answer, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let database = app.database()?.clone();
    let place = app.admit_query().await?;
    let canceled = Arc::new(AtomicBool::new(false));
    let mut guard = CancelOnDrop { app: app.clone(), canceled: Arc::clone(&canceled), armed: true };
    let settings = &app.config().query;
    let limits = Limits {
        samples_max: settings.samples_max.get(),
        series_max: settings.series_max.get(),
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
        let outcome = ask(&database, &limits);
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
    guard.armed = false;
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
struct CancelOnDrop {
    app: App,
    canceled: Arc<AtomicBool>,
    armed: bool,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.armed {
            self.canceled.store(true, Ordering::Relaxed);
            self.app.metrics().queries_canceled.add(1);
        }
    }
}

fn evaluate(
    database: &Database,
    question: &Question,
    limits: &Limits,
) -> Result<Answer, ApiError> {
    let query = Query {
        text: Some(&question.text),
        lookback: question.lookback,
        ..Query::range(&question.expr, question.start, question.end, question.step)
    };
    let result = database.query_with(&query, limits).map_err(|error| query_error(&error))?;
    Ok(Answer {
        series: result.stats.series,
        samples: result.stats.samples,
        body: encode(&result, question.limit, question.form),
    })
}

/// A failed evaluation as HTTP has it.
pub(super) fn query_error(error: &Error) -> ApiError {
    let subject = match error {
        Error::Parse(_) => Subject::Request,
        _ => Subject::Evaluation,
    };
    if error.kind() == ErrorKind::Internal {
        tracing::error!(%error, "a query failed by a fault of the server");
    }
    ApiError::new(subject, error.kind(), error)
}

fn encode(result: &QueryResult, limit: Option<usize>, form: TimeForm) -> Vec<u8> {
    let count = match &result.value {
        Value::Vector(samples) => samples.len(),
        Value::Matrix(series) => series.len(),
        Value::Scalar(_) | Value::String { .. } => 1,
    };
    let kept = limit.map_or(count, |limit| limit.min(count));
    let mut warnings = result.warnings.clone();
    warnings.extend(truncation(kept < count));
    let mut body = Vec::new();
    prom_api::success(&mut body, &warnings, &result.infos, |out| match &result.value {
        Value::Scalar(sample) => prom_api::scalar(out, sample.ts, sample.value, form),
        Value::String { ts, text } => prom_api::string(out, *ts, text, form),
        Value::Vector(samples) => {
            let rows = samples[..kept].iter().map(|s| (&s.labels, s.ts, s.value));
            prom_api::vector(out, rows, form);
        }
        Value::Matrix(series) => {
            let rows = series[..kept].iter();
            let rows = rows.map(|s| (&s.labels, &s.timestamps[..], &s.values[..]));
            prom_api::matrix(out, rows, form);
        }
    });
    body
}

/// The warning of an answer that was cut at its `limit`.
pub(super) fn truncation(cut: bool) -> Vec<String> {
    if cut { vec!["results truncated due to limit".to_owned()] } else { Vec::new() }
}
