//! Events as bytes.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};
use timberline_sql::{Cell, Event};

/// How events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Server-sent events.
    Events,
    /// A line of JSON for each event.
    Lines,
}

impl Form {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }

    /// What tells a client that the server is there, and the server that the client is.
    pub(super) const fn heartbeat(self) -> &'static [u8] {
        match self {
            Self::Events => b": still here\n\n",
            Self::Lines => b"\n",
        }
    }

    pub(super) fn event(self, columns: &[String], event: &Event) -> Bytes {
        let rows: Vec<Value> = event
            .rows
            .iter()
            .map(|row| {
                let cells = columns.iter().cloned().zip(row.iter().map(cell));
                Value::Object(cells.collect::<Map<String, Value>>())
            })
            .collect();
        let mut body = json!({ "event": event.kind.name(), "id": event.id });
        if let Some((start, end)) = event.window {
            body["start"] = time(start);
            body["end"] = time(end);
            body["late"] = event.late.into();
        }
        body["rows"] = rows.into();
        self.frame(event.kind.name(), Some(&event.id), &body)
    }

    /// The last words: why the subscription has ended, and how to go on.
    pub(super) fn end(self, error: &str, last_id: Option<&str>) -> Bytes {
        let how = match last_id {
            Some(_) => {
                "subscribe again with this id as Last-Event-ID or ?resume= to go on behind it"
            }
            None => "nothing was sent yet: subscribe again",
        };
        let body = json!({ "event": "error", "error": error, "resume": last_id, "hint": how });
        self.frame("error", None, &body)
    }

    fn frame(self, kind: &str, id: Option<&str>, body: &Value) -> Bytes {
        match (self, id) {
            (Self::Lines, _) => format!("{body}\n").into(),
            (Self::Events, Some(id)) => format!("id: {id}\nevent: {kind}\ndata: {body}\n\n").into(),
            (Self::Events, None) => format!("event: {kind}\ndata: {body}\n\n").into(),
        }
    }
}

fn time(nanos: i64) -> Value {
    DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
}

/// Floats that JSON has no number for are texts, as in the answers of `/sql`.
fn cell(cell: &Cell) -> Value {
    match cell {
        Cell::Time(nanos) => time(*nanos),
        Cell::Text(text) => text.as_str().into(),
        Cell::Count(count) => (*count).into(),
        Cell::Float(value) if value.is_nan() => "NaN".into(),
        Cell::Float(value) if value.is_infinite() => {
            if *value > 0.0 {
                "Infinity".into()
            } else {
                "-Infinity".into()
            }
        }
        Cell::Float(value) => (*value).into(),
        Cell::Tags(tags) => {
            let tags = tags.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
            Value::Object(tags.collect())
        }
        _ => Value::Null,
    }
}
