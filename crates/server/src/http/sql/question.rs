//! What a request asks: a statement, its parameters, and how long it may take.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
};
use serde::Deserialize;
use serde_json::Value;
use timberline_protocol::prom_api::parse_duration_param;
use timberline_sql::{ScalarValue, is_subscribe};

use super::{
    super::{body::read_form, params::Params},
    format::Format,
    statement::writes,
};
use crate::{error::ApiError, http::App, net::Client};

/// Parameters of one statement.
const PARAMS_MAX: usize = 1_000;

/// A statement that was sent, and how it is to be answered.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) sql: String,
    pub(super) params: Vec<ScalarValue>,
    /// The database, if it names one.
    pub(super) database: Option<String>,
    pub(super) format: Format,
    pub(super) timeout: Duration,
    pub(super) client: Client,
}

/// What a request asks for.
#[derive(Debug)]
pub(super) enum Asks {
    /// An answer.
    Once(Question),
    /// A continuous query, whose events come as the request's head says.
    Subscription {
        sql: String,
        database: Option<String>,
        resume: Option<String>,
        headers: HeaderMap,
    },
}

/// A body of JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sql: String,
    #[serde(default)]
    params: Vec<Value>,
    #[serde(default)]
    timeout: Option<String>,
    /// Of a subscription: the id of the event to go on behind.
    #[serde(default)]
    resume: Option<String>,
    #[serde(default)]
    database: Option<String>,
}

impl Asks {
    /// Reads a request: of `GET` the query string, of `POST` the body, too.
    ///
    /// # Errors
    /// A body that is too large or too slow, no statement, parameters that no statement takes; a `GET`
    /// of a statement that writes.
    pub(super) async fn read(app: &App, request: Request) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let client = Client::of(&head.extensions);
        let in_query = Params::of(client, &[head.uri.query().unwrap_or("").as_bytes()])?;
        let mut asked = Asked::of(&in_query)?;
        if head.method == Method::POST {
            let body = read_form(app, body).await?;
            let content_type = head.headers.get(header::CONTENT_TYPE);
            let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
            asked = asked.or(Asked::in_body(client, content_type, &body)?);
        }
        if asked.sql.trim().is_empty() {
            return Err(ApiError::invalid(
                "no statement: send it as the body, as \"sql\" in a body of JSON, or as ?q=",
            ));
        }
        if is_subscribe(&asked.sql) {
            return asked.subscription(head.headers);
        }
        let format = Format::accepted(&head.headers)?;
        if asked.resume.is_some() {
            return Err(ApiError::invalid("\"resume\" is for subscriptions: SUBSCRIBE TO ..."));
        }
        if head.method != Method::POST
            && let Some(word) = writes(&asked.sql)
        {
            return Err(ApiError::invalid(format!(
                "{word} changes what is stored: send it with POST"
            )));
        }
        let longest = app.config().query.timeout.as_std();
        let timeout = asked.timeout.as_deref().map(wanted_timeout).transpose()?;
        Ok(Self::Once(Question {
            params: parameters(&asked.params)?,
            sql: asked.sql,
            database: asked.database,
            format,
            timeout: timeout.map_or(longest, |wanted| wanted.min(longest)),
            client,
        }))
    }
}

impl Asked {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let sql = ["sql", "q", "query"].iter().find_map(|name| params.get(name));
        let given = params.get("params").map(serde_json::from_str).transpose();
        let given = given.map_err(|error| {
            ApiError::invalid(format!("invalid parameter \"params\": no array of JSON: {error}"))
        })?;
        Ok(Self {
            sql: sql.unwrap_or_default().to_owned(),
            params: given.unwrap_or_default(),
            timeout: params.get("timeout").map(str::to_owned),
            resume: params.get("resume").map(str::to_owned),
            database: params.get("database").map(str::to_owned),
        })
    }

    /// A subscription runs until its client leaves, and its statement says all.
    fn subscription(self, headers: HeaderMap) -> Result<Asks, ApiError> {
        if !self.params.is_empty() || self.timeout.is_some() {
            return Err(ApiError::invalid(
                "SUBSCRIBE takes no parameters and no timeout: it runs until its client leaves",
            ));
        }
        Ok(Asks::Subscription {
            sql: self.sql,
            database: self.database,
            resume: self.resume,
            headers,
        })
    }

    fn in_body(client: Client, content_type: &str, body: &[u8]) -> Result<Self, ApiError> {
        let media_type = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/json" => serde_json::from_slice(body).map_err(|error| {
                ApiError::invalid(format!(
                    "the body is no {{\"sql\": ..., \"params\": [...]}}: {error}"
                ))
            }),
            // What curl says of anything that it is given with -d.
            "application/x-www-form-urlencoded" if is_form(body) => {
                Self::of(&Params::of(client, &[body])?)
            }
            _ => match str::from_utf8(body) {
                Ok(sql) => Ok(Self { sql: sql.to_owned(), ..Self::default() }),
                Err(_) => Err(ApiError::invalid("the statement is not valid UTF-8")),
            },
        }
    }

    /// What this has, and of the rest what the other one has.
    fn or(self, other: Self) -> Self {
        Self {
            sql: if self.sql.is_empty() { other.sql } else { self.sql },
            params: if self.params.is_empty() { other.params } else { self.params },
            timeout: self.timeout.or(other.timeout),
            resume: self.resume.or(other.resume),
            database: self.database.or(other.database),
        }
    }
}

/// Whether a body begins as our form does, and not as a statement.
fn is_form(body: &[u8]) -> bool {
    ["sql=", "q=", "query=", "params=", "timeout=", "database=", "resume="]
        .iter()
        .any(|name| body.starts_with(name.as_bytes()))
}

fn wanted_timeout(text: &str) -> Result<Duration, ApiError> {
    match parse_duration_param("timeout", text).map_err(ApiError::invalid)? {
        nanos if nanos > 0 => Ok(Duration::from_nanos(nanos.unsigned_abs())),
        _ => Err(ApiError::invalid("invalid parameter \"timeout\": not more than zero")),
    }
}

fn parameters(given: &[Value]) -> Result<Vec<ScalarValue>, ApiError> {
    if given.len() > PARAMS_MAX {
        let count = given.len();
        return Err(ApiError::invalid(format!(
            "{count} parameters: a statement takes {PARAMS_MAX} at most"
        )));
    }
    let each = given.iter().enumerate().map(|(index, value)| match value {
        Value::Null => Ok(ScalarValue::Null),
        Value::Bool(truth) => Ok(ScalarValue::Boolean(Some(*truth))),
        Value::String(text) => Ok(ScalarValue::Utf8(Some(text.clone()))),
        Value::Number(number) => Ok(match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => ScalarValue::Int64(Some(number)),
            (None, Some(number)) => ScalarValue::UInt64(Some(number)),
            (None, None) => ScalarValue::Float64(number.as_f64()),
        }),
        Value::Array(_) | Value::Object(_) => Err(ApiError::invalid(format!(
            "parameter ${} is no single value: expected null, a truth value, a number or a text",
            index + 1
        ))),
    });
    each.collect()
}
