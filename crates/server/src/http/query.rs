//! `query` and `query_range`: PromQL at an instant and over a range.

use std::time::{Duration, Instant};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use timberline::{
    Database, Error, Features, Limits, Query, QueryResult, QueryStats, RangeSeries, SampleValue,
    Value,
};
use timberline_model::ErrorKind;
use timberline_protocol::{
    TimeForm,
    prom_api::{
        self, MatrixRow, ParsedTime, QueryCost, ValueRef, add_stats, parse_duration_param,
        parse_limit, parse_range, parse_time,
    },
};

use super::{
    ask::{Answer, run, run_after},
    explain::add_plan,
    params::Params,
    samples_seen::samples_seen,
    selector::{parse_query, plain_selector},
    state::App,
    stored::stored_samples,
};
use crate::{
    clock,
    error::{ApiError, Subject},
    net::Client,
};

/// A query and how it is to be answered.
///
/// Its text is parsed where it is evaluated and not before: compiling regular expressions takes long
/// enough to count as work, and would hold up all connections of the thread that reads requests.
struct Question {
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
    features: Features,
    stats: Stats,
    /// Whether the answer tells what each part did.
    explain: bool,
    client: Client,
}

/// What an answer is to say of its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stats {
    Nothing,
    Totals,
    /// Samples of each step, too.
    EachStep,
}

/// `GET|POST /api/v1/query`.
pub(super) async fn instant(app: App, request: Request) -> Response {
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
    evaluate_for(app, question).await
}

/// `GET|POST /api/v1/query_range`.
pub(super) async fn range(app: App, request: Request) -> Response {
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
    let range =
        parse_range(Some(start), Some(end), params.get("step")).map_err(ApiError::invalid)?;
    let question = question(app, params, range.form)?;
    let question = Question { start: range.start, end: range.end, ..question };
    let Some(step) = range.step else {
        return run(app, question.client, question.timeout, move |database, limits| {
            stored(database, &question, limits)
        })
        .await;
    };
    check_points(app, range.start, range.end, step)?;
    let question = Question { step, ..question };
    evaluate_for(app, question).await
}

async fn evaluate_for(app: &App, question: Question) -> Result<Response, ApiError> {
    run_after(app, question.client, question.timeout, move |database, limits, waited| {
        evaluate(database, &question, limits, waited)
    })
    .await
}

/// As Prometheus has it: a range of `max` steps is allowed, though it has one point more.
fn check_points(app: &App, start: i64, end: i64, step: i64) -> Result<(), ApiError> {
    let max = app.config().query.steps_max.get();
    if end.abs_diff(start) / step.unsigned_abs().max(1) > max {
        return Err(ApiError::invalid(format!(
            "exceeded maximum resolution of {max} points per timeseries (query.steps_max). \
             Try decreasing the query resolution (?step=XX)"
        )));
    }
    Ok(())
}

/// A range query without a step: the samples of a plain selector as they are stored.
fn stored(database: &Database, question: &Question, limits: &Limits) -> Result<Answer, ApiError> {
    let (expr, _) = parse_query(&question.text, question.features)?;
    let Some(matchers) = plain_selector(&expr).map(<[_]>::to_vec) else {
        return Err(ApiError::invalid(
            "missing parameter \"step\": only a plain selector can be asked for without one, \
             which gives its samples as they are stored",
        ));
    };
    let Question { start, end, limit, form, .. } = *question;
    let (series, read) = stored_samples(database, matchers, start, end, limits)?;
    let cut = limit.map_or(series.len(), |limit| limit.min(series.len()));
    let warnings = truncation(cut < series.len());
    let mut body = Vec::new();
    prom_api::success(&mut body, &warnings, &[], |out| {
        prom_api::matrix(out, series[..cut].iter().map(row), form);
    });
    Ok(Answer { body, series: read.series, samples: read.samples })
}

/// What both kinds of queries take.
fn question(app: &App, params: &Params, form: TimeForm) -> Result<Question, ApiError> {
    let text = params.required("query")?.to_owned();
    let config = app.config();
    let settings = &config.query;
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
        text,
        start: 0,
        end: 0,
        step: 0,
        lookback,
        timeout: timeout.min(settings.timeout.as_std()),
        limit: limit.transpose().map_err(ApiError::invalid)?.flatten(),
        form,
        features: settings.features.0,
        stats: match params.get("stats") {
            None => Stats::Nothing,
            Some("all") => Stats::EachStep,
            Some(_) => Stats::Totals,
        },
        explain: match params.get("explain") {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "invalid parameter \"explain\": {other:?} is neither true nor false"
                )));
            }
        },
        client: params.client(),
    })
}

fn positive(name: &'static str, text: &str) -> Result<i64, ApiError> {
    match parse_duration_param(name, text).map_err(ApiError::invalid)? {
        nanos if nanos > 0 => Ok(nanos),
        _ => Err(ApiError::invalid(format!("invalid parameter {name:?}: not more than zero"))),
    }
}

fn evaluate(
    database: &Database,
    question: &Question,
    limits: &Limits,
    waited: Duration,
) -> Result<Answer, ApiError> {
    let begun = Instant::now();
    let (expr, text) = parse_query(&question.text, question.features)?;
    let query = Query {
        text: Some(&text),
        lookback: question.lookback,
        features: question.features,
        explain: question.explain,
        ..Query::range(&expr, question.start, question.end, question.step)
    };
    let preparing = begun.elapsed();
    let result = database.query_with(&query, limits).map_err(|error| query_error(&error))?;
    let evaluating = begun.elapsed() - preparing;
    let QueryStats { series, samples, .. } = result.stats;
    let cost = match question.stats {
        Stats::Nothing => None,
        Stats::Totals | Stats::EachStep => Some(QueryCost {
            waited,
            preparing,
            evaluating,
            series_read: series,
            samples_read: samples,
            samples_per_step: samples_seen(database, &query, limits)?,
        }),
    };
    Ok(Answer { series, samples, body: encode(&result, question, cost.as_ref()) })
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

fn encode(result: &QueryResult, question: &Question, cost: Option<&QueryCost>) -> Vec<u8> {
    let Question { limit, form, stats, .. } = *question;
    let count = match &result.value {
        Value::Vector(samples) => samples.len(),
        Value::Matrix(series) => series.len(),
        Value::Scalar(_) | Value::String { .. } => 1,
    };
    let kept = limit.map_or(count, |limit| limit.min(count));
    let mut warnings = result.warnings.clone();
    warnings.extend(truncation(kept < count));
    let mut body = Vec::new();
    prom_api::success(&mut body, &warnings, &result.infos, |out| {
        match &result.value {
            Value::Scalar(sample) => prom_api::scalar(out, sample.ts, sample.value, form),
            Value::String { ts, text } => prom_api::string(out, *ts, text, form),
            Value::Vector(samples) => {
                let rows = samples[..kept].iter().map(|s| (&s.labels, s.ts, value_ref(&s.value)));
                prom_api::vector(out, rows, form);
            }
            Value::Matrix(series) => {
                prom_api::matrix(out, series[..kept].iter().map(row), form);
            }
        }
        if let Some(cost) = cost {
            add_stats(out, cost, stats == Stats::EachStep, form);
        }
        if let Some(plan) = &result.plan {
            add_plan(out, plan, form);
        }
    });
    body
}

fn row(series: &RangeSeries) -> MatrixRow<'_> {
    let RangeSeries { labels, timestamps, values, histograms } = series;
    MatrixRow { labels, timestamps, values, histograms }
}

fn value_ref(value: &SampleValue) -> ValueRef<'_> {
    match value {
        SampleValue::Float(value) => ValueRef::Float(*value),
        SampleValue::Histogram(histogram) => ValueRef::Histogram(histogram),
    }
}

/// The warning of an answer that was cut at its `limit`.
pub(super) fn truncation(cut: bool) -> Vec<String> {
    if cut { vec!["results truncated due to limit".to_owned()] } else { Vec::new() }
}
