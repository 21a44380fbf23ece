//! Begins subscriptions.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use timberline_sql::{SqlError, Subscription};

use super::{render::Form, sending};
use crate::{
    error::{ApiError, Subject},
    http::{App, body::read_form, params::Params},
};

/// `GET|POST /sql/subscribe`: the statement is the body, or `q`; `Last-Event-ID` or `resume` names the event to
/// go on behind.
pub(in crate::http) async fn subscribe(app: App, request: Request) -> Response {
    asked(&app, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn asked(app: &App, request: Request) -> Result<Response, ApiError> {
    let (mut head, body) = request.into_parts();
    let mut sql = String::new();
    if head.method == Method::POST {
        let bytes = read_form(app, body).await?;
        let text = std::str::from_utf8(&bytes);
        text.map_err(|_| ApiError::invalid("the statement is not UTF-8"))?.clone_into(&mut sql);
        // What is left is a request with parameters in its path alone.
        head.method = Method::GET;
    }
    let headers = head.headers.clone();
    let params = Params::read(app, Request::from_parts(head, Body::empty())).await?;
    if sql.trim().is_empty() {
        params.get("q").unwrap_or_default().clone_into(&mut sql);
    }
    if sql.trim().is_empty() {
        return Err(ApiError::invalid("no statement: send it as the body, or as ?q="));
    }
    begin(app, &headers, &sql, params.get("resume"))
}

/// Begins a subscription: as a stream of events in the form that the request's head asks for. The head's
/// `Last-Event-ID` goes before `resume`, as a browser sends it when it connects again.
///
/// # Errors
/// A form that there is none of, a statement that no subscription can have, too many subscriptions.
pub(in crate::http) fn begin(
    app: &App,
    headers: &HeaderMap,
    sql: &str,
    resume: Option<&str>,
) -> Result<Response, ApiError> {
    let database = app.database()?;
    let form = form(headers)?;
    let resume = last_event_id(headers)?.or_else(|| resume.map(ToOwned::to_owned));
    let place = app.admit_subscription()?;
    let begun = Subscription::begin(&database, sql, resume.as_deref());
    let subscription = begun.map_err(|error| api_error(&error))?;
    let body = sending::send(app.clone(), subscription, form, place);
    let head = [
        (header::CONTENT_TYPE, form.content_type()),
        (header::CACHE_CONTROL, "no-store"),
        // Events go out one by one: they are not to wait in a compressor.
        (header::CONTENT_ENCODING, "identity"),
    ];
    Ok((head, body).into_response())
}

/// Server-sent events, unless lines of JSON are asked for.
fn form(headers: &HeaderMap) -> Result<Form, ApiError> {
    let accepted = headers.get(header::ACCEPT).map_or(Ok("*/*"), |value| value.to_str());
    let accepted = accepted.map_err(|_| ApiError::invalid("the header Accept is not text"))?;
    let mut forms = accepted.split(',').filter_map(|part| {
        match part.split(';').next().unwrap_or_default().trim() {
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
                Some(Form::Lines)
            }
            "text/event-stream" | "text/*" | "*/*" => Some(Form::Events),
            _ => None,
        }
    });
    forms.next().ok_or_else(|| {
        ApiError::invalid(
            "a subscription answers text/event-stream or application/x-ndjson; \
             `timberline subscribe` shows its events",
        )
    })
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(id) = headers.get("last-event-id") else { return Ok(None) };
    let id = id.to_str().map_err(|_| ApiError::invalid("the header Last-Event-ID is not text"))?;
    Ok(Some(id.to_owned()).filter(|id| !id.is_empty()))
}

fn api_error(error: &SqlError) -> ApiError {
    ApiError::new(Subject::Request, error.kind(), error)
}
