//! Targets, rules, alerts, alertmanagers and notifications: Prometheus has them, this server has none. It
//! says so truthfully: the lists are empty, and what would narrow them is checked as ever.

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use timberline_model::ErrorKind;
use timberline_protocol::prom_api::parse_limit;

use super::{
    params::Params,
    selector::{parse_match, parse_matches},
    state::App,
};
use crate::error::{ApiError, Subject};

/// `GET /api/v1/targets`.
pub(super) async fn targets(app: App, request: Request) -> Response {
    let data = json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}});
    checked(&app, request, data, |params| match params.get("state") {
        None | Some("any" | "active" | "dropped") => Ok(()),
        Some(other) => Err(invalid("state", &format!("{other:?} is none of active, dropped, any"))),
    })
    .await
}

/// `GET /api/v1/targets/metadata`: not found, as Prometheus has it where no target is.
pub(super) async fn target_metadata(app: App, request: Request) -> Response {
    checked(&app, request, Value::Null, |params| {
        if let Some(text) = params.get("limit")
            && text.parse::<i64>().is_err()
        {
            return Err(ApiError::invalid("limit must be a number"));
        }
        if let Some(text) = params.get("match_target") {
            parse_match("match_target", text)?;
        }
        let message = "specified metadata not found: this server scrapes no targets";
        Err(ApiError::new(Subject::Request, ErrorKind::NotFound, message))
    })
    .await
}

/// `GET /api/v1/scrape_pools`.
pub(super) async fn scrape_pools() -> Response {
    success(&json!({"scrapePools": []}))
}

/// `GET /api/v1/alertmanagers`.
pub(super) async fn alertmanagers() -> Response {
    success(&json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}))
}

/// `GET /api/v1/alerts`.
pub(super) async fn alerts() -> Response {
    success(&json!({"alerts": []}))
}

/// `GET /api/v1/notifications`.
pub(super) async fn notifications() -> Response {
    success(&json!([]))
}

/// `GET /api/v1/rules`.
pub(super) async fn rules(app: App, request: Request) -> Response {
    checked(&app, request, json!({"groups": []}), check_rules).await
}

fn check_rules(params: &Params) -> Result<(), ApiError> {
    match params.get("type").map(str::to_ascii_lowercase).as_deref() {
        None | Some("alert" | "record") => {}
        Some(other) => return Err(invalid("type", &format!("not supported value {other:?}"))),
    }
    if let Some(text) = params.get("exclude_alerts") {
        let known = ["1", "t", "true", "0", "f", "false"];
        if !known.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(invalid("exclude_alerts", &format!("{text:?} is no boolean")));
        }
    }
    let selectors: Vec<String> = params.all("match[]").map(str::to_owned).collect();
    parse_matches(&selectors)?;
    let limit = params.get("group_limit");
    if let Some(text) = limit {
        parse_limit("group_limit", text).map_err(ApiError::invalid)?;
    }
    match (params.get("group_next_token"), limit) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(invalid(
            "group_limit",
            "group_limit needs to be set in order to read the next groups",
        )),
        // There are no groups, so no token can be one of theirs.
        (Some(token), Some(_)) => Err(ApiError::invalid(format!(
            "invalid group_next_token {token:?}. were rule groups changed?"
        ))),
    }
}

fn invalid(parameter: &str, reason: &str) -> ApiError {
    ApiError::invalid(format!("invalid parameter {parameter:?}: {reason}"))
}

/// Answers data when the parameters are right.
async fn checked(
    app: &App,
    request: Request,
    data: Value,
    check: impl FnOnce(&Params) -> Result<(), ApiError>,
) -> Response {
    let checked = Params::read(app, request).await.and_then(|params| check(&params));
    match checked {
        Ok(()) => success(&data),
        Err(error) => error.into_response(),
    }
}

fn success(data: &Value) -> Response {
    Json(json!({"status": "success", "data": data})).into_response()
}
