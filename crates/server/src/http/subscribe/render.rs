//! Events as bytes. A row's cells come in the order of the columns, and look as in the answers of `/sql`.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use timberline_sql::{
    Cell, Event,
    render::{write_float, write_string},
};

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
        let kind = event.kind.name();
        let mut out = self.begun(kind, Some(&event.id));
        out.extend_from_slice(format!("{{\"event\":\"{kind}\",\"id\":\"{}\"", event.id).as_bytes());
        if let Some((start, end)) = event.window {
            out.extend_from_slice(b",\"start\":");
            write_time(&mut out, start);
            out.extend_from_slice(b",\"end\":");
            write_time(&mut out, end);
            out.extend_from_slice(format!(",\"late\":{}", event.late).as_bytes());
        }
        out.extend_from_slice(b",\"rows\":[");
        for (index, row) in event.rows.iter().enumerate() {
            separate(&mut out, index);
            write_object(&mut out, columns.iter().zip(row), write_cell);
        }
        out.extend_from_slice(b"]}");
        self.ended(out)
    }

    /// The last words: why the subscription has ended, and how to go on.
    pub(super) fn end(self, error: &str, last_id: Option<&str>) -> Bytes {
        let how = match last_id {
            Some(_) => {
                "subscribe again with this id as Last-Event-ID or ?resume= to go on behind it"
            }
            None => "nothing was sent yet: subscribe again",
        };
        let mut out = self.begun("error", None);
        out.extend_from_slice(b"{\"event\":\"error\",\"error\":");
        write_string(&mut out, error);
        out.extend_from_slice(b",\"resume\":");
        match last_id {
            Some(id) => write_string(&mut out, id),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"hint\":");
        write_string(&mut out, how);
        out.push(b'}');
        self.ended(out)
    }

    /// What comes before an event's JSON.
    fn begun(self, kind: &str, id: Option<&str>) -> Vec<u8> {
        match (self, id) {
            (Self::Lines, _) => Vec::new(),
            (Self::Events, Some(id)) => format!("id: {id}\nevent: {kind}\ndata: ").into_bytes(),
            (Self::Events, None) => format!("event: {kind}\ndata: ").into_bytes(),
        }
    }

    fn ended(self, mut out: Vec<u8>) -> Bytes {
        let end: &[u8] = match self {
            Self::Lines => b"\n",
            Self::Events => b"\n\n",
        };
        out.extend_from_slice(end);
        out.into()
    }
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn write_object<'a, T: 'a>(
    out: &mut Vec<u8>,
    fields: impl Iterator<Item = (&'a String, &'a T)>,
    write: impl Fn(&mut Vec<u8>, &T),
) {
    out.push(b'{');
    for (index, (name, value)) in fields.enumerate() {
        separate(out, index);
        write_string(out, name);
        out.push(b':');
        write(out, value);
    }
    out.push(b'}');
}

fn write_time(out: &mut Vec<u8>, nanos: i64) {
    let time = DateTime::from_timestamp_nanos(nanos);
    write_string(out, &time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
}

fn write_cell(out: &mut Vec<u8>, cell: &Cell) {
    match cell {
        Cell::Time(nanos) => write_time(out, *nanos),
        Cell::Text(text) => write_string(out, text),
        Cell::Count(count) => out.extend_from_slice(count.to_string().as_bytes()),
        Cell::Float(value) => write_float(out, *value),
        Cell::Tags(tags) => {
            let tags = tags.iter().map(|(name, value)| (name, value));
            write_object(out, tags, |out, value| write_string(out, value));
        }
        _ => out.extend_from_slice(b"null"),
    }
}
