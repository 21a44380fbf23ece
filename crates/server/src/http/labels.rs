//! `labels`, `label/<name>/values` and `series`: what there is to ask for.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use std::collections::HashMap;

use axum::{
    extract::{Path, Request, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use timberline::{Database, LabelQuery, Limits, ScanError, SeriesSource as _, TimeRange};
use timberline_model::{ErrorKind, Stop};
use timberline_protocol::prom_api::{self, parse_limit, parse_time};

use super::{
    ask::{Answer, run},
    params::Params,
    query::truncation,
    selector::parse_matches,
    state::App,
};
use crate::{
    error::{ApiError, Subject},
    net::Client,
};

/// `GET|POST /api/v1/labels`.
pub(super) async fn names(app: App, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        answer(&app, question(&app, &params)?, Database::label_names, |out, names| {
            prom_api::strings(out, names.iter().map(String::as_str));
        })
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// `GET /api/v1/label/<name>/values`.
pub(super) async fn values(
    app: App,
    path: Result<Path<HashMap<String, String>>, PathRejection>,
    request: Request,
) -> Response {
    let ask = async {
        let Path(mut path) =
            path.map_err(|_| ApiError::invalid("the label's name is not UTF-8"))?;
        let name = path.remove("name").unwrap_or_default();
        let name = unescape(&name).unwrap_or(name);
        let params = Params::read(&app, request).await?;
        answer(
            &app,
            question(&app, &params)?,
            move |database, query| database.label_values(&name, query),
            |out, values| prom_api::strings(out, values.iter().map(String::as_str)),
        )
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// `GET|POST /api/v1/series`.
pub(super) async fn series(app: App, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let question = question(&app, &params)?;
        if question.selectors.is_empty() {
            return Err(ApiError::invalid("no match[] parameter provided"));
        }
        answer(&app, question, Database::series, |out, sets| prom_api::label_sets(out, sets)).await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// What the three take. The selectors are parsed where they are used, as queries are.
struct Question {
    selectors: Vec<String>,
    range: TimeRange,
    limit: Option<usize>,
    /// Names, values or series that one answer may have.
    answers_max: usize,
    client: Client,
}

fn question(app: &App, params: &Params) -> Result<Question, ApiError> {
    let range = range_of(params)?;
    let limit = params.get("limit").map(|text| parse_limit("limit", text)).transpose();
    Ok(Question {
        selectors: params.all("match[]").map(str::to_owned).collect(),
        range,
        limit: limit.map_err(ApiError::invalid)?.flatten(),
        answers_max: usize::try_from(app.config().query.series_max.get()).unwrap_or(usize::MAX),
        client: params.client(),
    })
}

/// The range of time from `start` to `end`; all of time where they are left out.
pub(super) fn range_of(params: &Params) -> Result<TimeRange, ApiError> {
    let time = |name, default| match params.get(name) {
        Some(text) => parse_time(name, text).map(|time| time.ts).map_err(ApiError::invalid),
        None => Ok(default),
    };
    let range = TimeRange::new(time("start", i64::MIN)?, time("end", i64::MAX)?);
    if range.is_empty() {
        return Err(ApiError::invalid("invalid parameter \"end\": end is before start"));
    }
    Ok(range)
}

/// Stops a question at its deadline, and when the client has gone.
pub(super) fn stop_of(limits: &Limits) -> Stop {
    let (deadline, canceled) = (limits.deadline, Arc::clone(&limits.canceled));
    Stop::new(move || {
        if canceled.load(Ordering::Relaxed) {
            return Some(ErrorKind::Canceled);
        }
        deadline.filter(|at| Instant::now() >= *at).map(|_| ErrorKind::Timeout)
    })
}

async fn answer<T: Send + 'static>(
    app: &App,
    question: Question,
    ask: impl FnOnce(&Database, &LabelQuery) -> Result<Vec<T>, ScanError> + Send + 'static,
    encode: impl FnOnce(&mut Vec<u8>, &[T]) + Send + 'static,
) -> Result<Response, ApiError> {
    let timeout = app.config().query.timeout.as_std();
    run(app, question.client, timeout, move |database, limits| {
        let Question { selectors, range, limit, answers_max, .. } = question;
        let selectors = parse_matches(&selectors)?;
        let most = limit.unwrap_or(usize::MAX).min(answers_max);
        // One more than may be answered, to tell a cut answer from a whole one.
        let one_more = most.saturating_add(1);
        let query = LabelQuery { selectors, range, limit: one_more, stop: stop_of(limits) };
        let found = ask(database, &query)
            .map_err(|error| ApiError::new(Subject::Evaluation, error.kind(), &error))?;
        if found.len() > answers_max && limit.is_none_or(|limit| limit > answers_max) {
            let message = format!(
                "the answer has more than {answers_max} entries (query.series_max): name what is \
                 wanted by match[], or ask for fewer by limit"
            );
            return Err(ApiError::new(Subject::Evaluation, ErrorKind::Limit, message));
        }
        let kept = found.len().min(most);
        let mut body = Vec::new();
        prom_api::success(&mut body, &truncation(kept < found.len()), &[], |out| {
            encode(out, &found[..kept]);
        });
        Ok(Answer { body, series: 0, samples: 0 })
    })
    .await
}

/// The label name that an escaped one stands for: `U__a_2e_b` is `a.b`, a doubled underscore is one
/// underscore. `None` when the name is not escaped, or escaped wrongly.
fn unescape(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("U__")?;
    let mut text = String::new();
    while let Some(at) = rest.find('_') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('_') {
            text.push('_');
            rest = tail;
            continue;
        }
        let (code, tail) = rest.split_once('_')?;
        text.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?);
        rest = tail;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read() {
        assert_eq!(unescape("U__a_2e_b__c").as_deref(), Some("a.b_c"));
        assert_eq!(unescape("U__plain").as_deref(), Some("plain"));
        for name in ["plain", "U__a_2e", "U__a_zz_b", "U__a_d800_b"] {
            assert_eq!(unescape(name), None, "{name}");
        }
    }
}
