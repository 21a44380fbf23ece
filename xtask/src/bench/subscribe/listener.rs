//! A subscription over HTTP, and when each of its windows came.

use std::{
    io::{BufRead, BufReader, Write as _},
    net::TcpStream,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The server sends something more often than that.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// A thread that waits for lines needs little.
const STACK_BYTES: usize = 256 << 10;
const BUFFER_BYTES: usize = 16 << 10;
/// What kind of event it is stands before its rows.
const HEAD_BYTES: usize = 256;

/// A window that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Its end, milliseconds since the Unix epoch.
    pub(super) end_ms: i64,
    /// When its first bytes were there.
    pub(super) first: Instant,
    /// When all of its rows were there.
    pub(super) last: Instant,
}

/// A line and when it came: nothing of it is looked at while others are still to come, for the server has the
/// same cores.
struct Line {
    text: String,
    first: Instant,
    last: Instant,
}

/// A subscription that has begun.
pub(super) struct Listening {
    lines: BufReader<TcpStream>,
}

impl Listening {
    /// Subscribes, and waits for the first event.
    pub(super) fn begin(port: u16, statement: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        let head = format!(
            "POST /sql/subscribe HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/x-ndjson\r\n\
             Content-Length: {}\r\n\r\n{statement}",
            statement.len()
        );
        stream.write_all(head.as_bytes())?;
        let mut listening = Self { lines: BufReader::with_capacity(BUFFER_BYTES, stream) };
        let status = listening.line()?.context("no answer")?;
        if !status.text.starts_with("HTTP/1.1 200") {
            let mut rest = status.text;
            while let Some(line) = listening.line()? {
                rest.push_str(&line.text);
                if line.text.starts_with('{') {
                    break;
                }
            }
            bail!("{rest}");
        }
        loop {
            let line = listening.line()?.context("it ended before it began")?;
            if line.text.starts_with("{\"event\":\"begin\"") {
                return Ok(listening);
            }
        }
    }

    /// The next line of the body; lengths of chunks are among them.
    fn line(&mut self) -> Result<Option<Line>> {
        self.lines.fill_buf()?;
        let first = Instant::now();
        let mut text = String::new();
        let read = self.lines.read_line(&mut text)?;
        Ok((read > 0).then(|| Line { text, first, last: Instant::now() }))
    }

    /// The next event that is a window.
    fn window(&mut self) -> Result<Line> {
        loop {
            let line = self.line()?.context("the stream has ended")?;
            let head = line.text.as_bytes().iter().take(HEAD_BYTES).copied().collect::<Vec<u8>>();
            let head = String::from_utf8_lossy(&head);
            if head.contains("\"event\":\"window\"") {
                return Ok(line);
            }
            if head.contains("\"event\":\"error\"") {
                bail!("{}", line.text);
            }
        }
    }
}

impl Line {
    /// When the window ends, found without reading all of it.
    fn end_ms(&self) -> Result<i64> {
        let (_, rest) = self.text.split_once("\"end\":\"").context("an end")?;
        milliseconds(rest).context("an end in whole seconds")
    }

    /// How many samples the window has.
    fn count(&self) -> Result<u64> {
        let event: Value = serde_json::from_str(&self.text).context("an event")?;
        let rows = event["rows"].as_array().context("rows")?;
        rows.iter().map(|row| row["n"].as_u64().context("a count")).sum()
    }
}

/// A thread that reads a subscription's windows, up to the one with an instant.
pub(super) struct Listener {
    thread: JoinHandle<Result<Vec<Line>>>,
}

impl Listener {
    pub(super) fn start(mut listening: Listening, last_ms: i64) -> Result<Self> {
        let read = move || {
            let mut lines = Vec::new();
            loop {
                let line = listening.window()?;
                let is_last = line.end_ms()? > last_ms;
                lines.push(line);
                if is_last {
                    return Ok(lines);
                }
            }
        };
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(read)?;
        Ok(Self { thread })
    }

    /// Whether the last window came, or the subscription has failed.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// The windows that came, which have so many samples in all.
    pub(super) fn end(self, samples: u64) -> Result<Vec<Arrival>> {
        let lines = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let counted = lines.iter().map(Line::count).sum::<Result<u64>>()?;
        if counted != samples {
            bail!("{counted} samples in windows, of {samples} written");
        }
        let arrival = |line: &Line| {
            Ok(Arrival { end_ms: line.end_ms()?, first: line.first, last: line.last })
        };
        lines.iter().map(arrival).collect()
    }
}

/// A whole second in RFC 3339 and UTC at the beginning of a text, as milliseconds since the Unix epoch.
fn milliseconds(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days since 1970-03-01 in years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let seconds = number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(((days - 719_468) * 86_400 + seconds) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read() {
        assert_eq!(milliseconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(milliseconds("2023-11-14T22:13:20Z"), Some(1_700_000_000_000));
        assert_eq!(milliseconds("soon"), None);
    }
}
