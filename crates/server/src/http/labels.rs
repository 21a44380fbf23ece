//! `labels`, `label/<name>/values` and `series`: what there is to ask for.

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use timberline::{Database, LabelQuery, ScanError, SeriesSource as _, TimeRange};
use timberline_protocol::prom_api::{self, parse_limit, parse_time};

use super::{
    ask::{Answer, run},
    params::Params,
    query::truncation,
    selector::parse_match,
    state::App,
};
use crate::error::{ApiError, Subject};

/// `GET|POST /api/v1/labels`.
pub(super) async fn names(State(app): State<App>, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let (query, limit) = label_query(&params)?;
        answer(
            &app,
            limit,
            move |database| database.label_names(&query),
            |out, names| {
                prom_api::strings(out, names.iter().map(String::as_str));
            },
        )
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// `GET /api/v1/label/<name>/values`.
pub(super) async fn values(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let (query, limit) = label_query(&params)?;
        let name = unescape(&name).unwrap_or(name);
        answer(
            &app,
            limit,
            move |database| database.label_values(&name, &query),
            |out, values| {
                prom_api::strings(out, values.iter().map(String::as_str));
            },
        )
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// `GET|POST /api/v1/series`.
pub(super) async fn series(State(app): State<App>, request: Request) -> Response {
    let ask = async {
        let params = Params::read(&app, request).await?;
        let (query, limit) = label_query(&params)?;
        if query.selectors.is_empty() {
            return Err(ApiError::invalid("no match[] parameter provided"));
        }
        answer(
            &app,
            limit,
            move |database| database.series(&query),
            |out, sets| {
                prom_api::label_sets(out, sets);
            },
        )
        .await
    };
    ask.await.unwrap_or_else(IntoResponse::into_response)
}

/// What the three take: `match[]`, `start`, `end`, `limit`. One more answer than the limit is asked
/// for, to tell a cut answer from a whole one.
fn label_query(params: &Params) -> Result<(LabelQuery, Option<usize>), ApiError> {
    let time = |name, default| match params.get(name) {
        Some(text) => parse_time(name, text).map(|time| time.ts).map_err(ApiError::invalid),
        None => Ok(default),
    };
    let range = TimeRange::new(time("start", i64::MIN)?, time("end", i64::MAX)?);
    if range.is_empty() {
        return Err(ApiError::invalid("invalid parameter \"end\": end is before start"));
    }
    let selectors = params.all("match[]").map(parse_match).collect::<Result<_, _>>()?;
    let limit = params.get("limit").map(|text| parse_limit("limit", text)).transpose();
    let limit = limit.map_err(ApiError::invalid)?.flatten();
    let query =
        LabelQuery { selectors, range, limit: limit.map_or(0, |limit| limit.saturating_add(1)) };
    Ok((query, limit))
}

async fn answer<T: Send + 'static>(
    app: &App,
    limit: Option<usize>,
    ask: impl FnOnce(&Database) -> Result<Vec<T>, ScanError> + Send + 'static,
    encode: impl FnOnce(&mut Vec<u8>, &[T]) + Send + 'static,
) -> Result<Response, ApiError> {
    let timeout = app.config().query.timeout.as_std();
    run(app, timeout, move |database, _| {
        let found = ask(database)
            .map_err(|error| ApiError::new(Subject::Evaluation, error.kind(), &error))?;
        let kept = limit.map_or(found.len(), |limit| limit.min(found.len()));
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
