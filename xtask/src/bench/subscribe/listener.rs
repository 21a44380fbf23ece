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

/// A window that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Its end, milliseconds since the Unix epoch.
    pub(super) end_ms: i64,
    pub(super) at: Instant,
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
        if !status.starts_with("HTTP/1.1 200") {
            let mut rest = status;
            while let Some(line) = listening.line()? {
                rest.push_str(&line);
                if line.starts_with('{') {
                    break;
                }
            }
            bail!("{rest}");
        }
        loop {
            let line = listening.line()?.context("it ended before it began")?;
            if line.starts_with("{\"event\":\"begin\"") {
                return Ok(listening);
            }
        }
    }

    /// The next line of the body; lengths of chunks are among them.
    fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        Ok((self.lines.read_line(&mut line)? > 0).then_some(line))
    }

    /// The next window and its count, until the end of the stream.
    fn window(&mut self) -> Result<Option<(Arrival, u64)>> {
        while let Some(line) = self.line()? {
            if !line.starts_with('{') {
                continue;
            }
            let at = Instant::now();
            let event: Value = serde_json::from_str(&line).context("an event")?;
            match event["event"].as_str() {
                Some("window") => {}
                Some("error") => bail!("{line}"),
                _ => continue,
            }
            let rows = event["rows"].as_array().context("rows")?;
            let counts = rows.iter().map(|row| row["n"].as_u64().context("a count"));
            let count = counts.sum::<Result<u64>>()?;
            let end = event["end"].as_str().and_then(milliseconds).context("an end")?;
            return Ok(Some((Arrival { end_ms: end, at }, count)));
        }
        Ok(None)
    }
}

/// A thread that reads a subscription's windows, until they have as many samples as it was told.
pub(super) struct Listener {
    thread: JoinHandle<Result<Vec<Arrival>>>,
}

impl Listener {
    pub(super) fn start(mut listening: Listening, samples: u64) -> Result<Self> {
        let read = move || {
            let (mut arrivals, mut counted) = (Vec::new(), 0);
            while counted < samples {
                let (arrival, count) = listening.window()?.context("the stream has ended")?;
                arrivals.push(arrival);
                counted += count;
            }
            if counted > samples {
                bail!("{counted} samples in windows, of {samples} written");
            }
            Ok(arrivals)
        };
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(read)?;
        Ok(Self { thread })
    }

    /// Whether all samples are in windows that came, or the subscription has failed.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// The windows that came.
    pub(super) fn end(self) -> Result<Vec<Arrival>> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// A whole second in RFC 3339 and UTC, as milliseconds since the Unix epoch.
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
