//! `timberline subscribe`: a continuous query's events on standard output, through the server's restarts.

use std::{
    io::{BufRead, BufReader, Write as _},
    thread,
    time::Duration,
};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::{
    Failure,
    args::ServerArgs,
    client::{Client, Stream},
};

const HELP: &str = "\
Examples:
  timberline subscribe \"SUBSCRIBE TO SELECT time_bucket('1m', time), avg(value) FROM cpu GROUP BY 1\"
  timberline subscribe \"SELECT time, host, value FROM cpu WHERE value > 0.9\" --format table

It connects again by itself and goes on behind the last event. To go on after it was ended, give the `id` of
the last line as --resume. The first words, SUBSCRIBE TO, may be left out.";

/// The first pause before connecting again, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// `timberline subscribe`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct SubscribeArgs {
    /// The statement.
    #[arg(value_name = "SQL")]
    sql: String,
    /// Go on behind the event with this id.
    #[arg(long, value_name = "ID")]
    resume: Option<String>,
    /// End after so many events with rows.
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// How to show events.
    #[arg(long, value_enum, default_value = "ndjson")]
    format: EventFormat,
    /// Where the server is.
    #[command(flatten)]
    server: ServerArgs,
}

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EventFormat {
    /// A line of JSON for each event, as the server sends them.
    Ndjson,
    /// A line for each row, for people.
    Table,
}

/// Shows events until there were enough, or the server refuses.
pub(super) fn subscribe(args: &SubscribeArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let first = args.sql.split_whitespace().next().unwrap_or_default();
    let sql = if first.eq_ignore_ascii_case("subscribe") {
        args.sql.clone()
    } else {
        format!("SUBSCRIBE TO {}", args.sql)
    };
    let mut reading =
        Reading { format: args.format, resume: args.resume.clone(), left: args.limit, head: false };
    let mut pause = PAUSE_MIN;
    loop {
        let params = reading.resume.iter().map(|id| ("resume", id.as_str()));
        match client.stream("/sql/subscribe", params, "application/x-ndjson", &sql)? {
            Stream::Begun(body) => {
                if reading.read(BufReader::new(body))? {
                    return Ok(());
                }
                pause = PAUSE_MIN;
                eprintln!("the connection ended; connecting again");
            }
            Stream::Unreachable(reason) => {
                eprintln!("{reason}; trying again in {pause:?}");
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        thread::sleep(pause);
    }
}

/// What an event says, as far as anyone here wants to know.
#[derive(Deserialize)]
struct Event {
    id: Option<String>,
    error: Option<String>,
    #[serde(default)]
    rows: Vec<Row>,
}

/// A row's cells by their names, in the order in which they were sent.
struct Row(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;
        impl<'de> de::Visitor<'de> for Cells {
            type Value = Row;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut cells = Vec::new();
                while let Some(cell) = map.next_entry()? {
                    cells.push(cell);
                }
                Ok(Row(cells))
            }
        }
        deserializer.deserialize_map(Cells)
    }
}

/// What has been read so far.
struct Reading {
    format: EventFormat,
    resume: Option<String>,
    /// Events with rows that are still wanted.
    left: Option<u64>,
    head: bool,
}

impl Reading {
    /// Shows what one connection brings; says whether that was enough. A line that broke off is left out: it
    /// comes again.
    fn read(&mut self, mut lines: impl BufRead) -> Result<bool, Failure> {
        let mut line = String::new();
        loop {
            line.clear();
            let read = lines.read_line(&mut line);
            if !matches!(read, Ok(bytes) if bytes > 0) || !line.ends_with('\n') {
                return Ok(false);
            }
            if line.trim().is_empty() {
                continue;
            }
            let event: Event = serde_json::from_str(&line)
                .map_err(|error| Failure::new(format!("the server sent no event: {error}")))?;
            if let Some(error) = &event.error {
                eprintln!("the server ended the subscription: {error}");
                return Ok(false);
            }
            self.show(&line, &event)?;
            self.resume = event.id.or(self.resume.take());
            if let Some(left) = self.left.as_mut().filter(|_| !event.rows.is_empty()) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    return Ok(true);
                }
            }
        }
    }

    fn show(&mut self, line: &str, event: &Event) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let written = match self.format {
            EventFormat::Ndjson => out.write_all(line.as_bytes()),
            EventFormat::Table => out.write_all(self.table(event).as_bytes()),
        };
        written
            .and_then(|()| out.flush())
            .map_err(|error| Failure::new(format!("cannot write to standard output: {error}")))
    }

    fn table(&mut self, event: &Event) -> String {
        let mut text = String::new();
        for Row(row) in &event.rows {
            if !std::mem::replace(&mut self.head, true) {
                let names: Vec<String> =
                    row.iter().map(|(name, _)| format!("{name:<24}")).collect();
                text.push_str(names.join("  ").trim_end());
                text.push('\n');
            }
            let cells = row.iter().map(|(_, cell)| match cell {
                Value::String(text) => format!("{text:<24}"),
                Value::Null => format!("{:<24}", ""),
                other => format!("{:<24}", other.to_string()),
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_columns_in_the_order_of_the_statement() {
        let line = r#"{"event":"window","id":"x","rows":[{"t":"now","a":1,"B":null},{"t":"then","a":2,"B":"x"}]}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        let mut reading =
            Reading { format: EventFormat::Table, resume: None, left: None, head: false };
        let table = reading.table(&event);
        let words: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words, [vec!["t", "a", "B"], vec!["now", "1"], vec!["then", "2", "x"]]);
        let last: Event = serde_json::from_str(r#"{"event":"error","error":"no"}"#).unwrap();
        assert!(last.rows.is_empty() && last.error.as_deref() == Some("no"));
    }
}
