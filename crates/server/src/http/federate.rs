//! `/federate`: the newest samples of series, for another Prometheus to scrape.
//!
//! As Prometheus has it: samples keep their times, series that ended are left out, every series has an
//! `instance` label, if only an empty one, and native histograms are left out, as the text format has
//! none.

use std::{collections::BTreeMap, num::NonZeroUsize};

use axum::{
    extract::Request,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use timberline::{
    Database, Labels, Limits, Matcher, Selector, SeriesColumns, SeriesSource as _, TimeRange,
};
use timberline_model::{ErrorKind, is_stale};
use timberline_protocol::prom_text::{Escaping, push_family, push_sample};

use super::{
    ask::{Answer, run},
    labels::stop_of,
    params::Params,
    selector::parse_matches,
    state::App,
};
use crate::{
    clock,
    error::{ApiError, Subject},
};

/// Labels that every sample has.
const FURTHER: [(&str, &str); 1] = [("instance", "")];

/// By name and labels: when the newest sample was, and its value.
type Newest = BTreeMap<(String, Labels), (i64, f64)>;

/// `GET /federate`.
pub(super) async fn federate(app: App, request: Request) -> Response {
    let accept = request.headers().get(header::ACCEPT);
    let escaping = Escaping::of_accept(accept.and_then(|value| value.to_str().ok()));
    match answer(&app, request, escaping).await {
        Ok(mut response) => {
            let content_type =
                format!("text/plain; version=0.0.4; charset=utf-8; escaping={}", escaping.as_str());
            if let Ok(value) = HeaderValue::from_str(&content_type) {
                response.headers_mut().insert(header::CONTENT_TYPE, value);
            }
            response
        }
        Err(error) => error.into_response(),
    }
}

async fn answer(app: &App, request: Request, escaping: Escaping) -> Result<Response, ApiError> {
    let params = Params::read(app, request).await?;
    let texts: Vec<String> = params.all("match[]").map(str::to_owned).collect();
    let config = app.config();
    let now = clock::now_millis();
    let range = TimeRange::new(now.saturating_sub(config.query.lookback.as_nanos()), now);
    let timeout = config.query.timeout.as_std();
    run(app, params.client(), timeout, move |database, limits| {
        let mut newest = Newest::new();
        let mut samples = 0;
        for matchers in parse_matches(&texts)? {
            samples += find(database, matchers, range, limits, &mut newest)?;
        }
        let series = newest.len() as u64;
        Ok(Answer { body: page(&newest, escaping), series, samples })
    })
    .await
}

/// Adds the newest sample of each series that a selector picks. Returns how many were read.
fn find(
    database: &Database,
    matchers: Vec<Matcher>,
    range: TimeRange,
    limits: &Limits,
    newest: &mut Newest,
) -> Result<u64, ApiError> {
    let failed = |kind, message: String| ApiError::new(Subject::Evaluation, kind, message);
    let stop = stop_of(limits);
    let scans = database
        .scan(&Selector { matchers, range }, NonZeroUsize::MIN)
        .map_err(|error| failed(error.kind(), error.to_string()))?;
    let mut columns = SeriesColumns::default();
    let mut samples = 0;
    for mut scan in scans {
        while let Some(labels) =
            scan.next(&mut columns).map_err(|error| failed(error.kind(), error.to_string()))?
        {
            stop.check().map_err(|stopped| failed(stopped.kind, stopped.to_string()))?;
            samples += columns.len() as u64;
            let Some(sample) = last_of(&columns) else { continue };
            // A series without a name has no place in the format.
            let Some(name) = labels.metric_name().map(str::to_owned) else { continue };
            newest.insert((name, labels), sample);
            if newest.len() as u64 > limits.series_max {
                let max = limits.series_max;
                let message =
                    format!("the selectors pick more than {max} series (query.series_max)");
                return Err(failed(ErrorKind::Limit, message));
            }
        }
    }
    Ok(samples)
}

/// The newest sample, unless it is a stale marker or a native histogram.
fn last_of(columns: &SeriesColumns) -> Option<(i64, f64)> {
    let (ts, value) = (*columns.timestamps.last()?, *columns.values.last()?);
    let histogram_is_newer = columns.histograms.timestamps.last().is_some_and(|last| *last > ts);
    (!is_stale(value) && !histogram_is_newer).then_some((ts, value))
}

fn page(newest: &Newest, escaping: Escaping) -> Vec<u8> {
    let mut out = Vec::new();
    let mut family = None;
    for ((name, labels), (ts, value)) in newest {
        if family != Some(name) {
            push_family(&mut out, name, escaping);
            family = Some(name);
        }
        push_sample(&mut out, labels, &FURTHER, *value, *ts, escaping);
    }
    out
}
