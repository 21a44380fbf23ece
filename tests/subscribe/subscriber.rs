//! `timberline subscribe` as a process that may be killed, and listeners over plain HTTP.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;
use timberline_tests::{Server, wait_until};

/// A window as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// Whether it is open still: these are the groups that have changed.
    pub(crate) is_open: bool,
    /// Nanoseconds.
    pub(crate) start: i64,
    pub(crate) late: u64,
    /// Host, total and count.
    pub(crate) rows: Vec<(String, f64, u64)>,
}

#[derive(Default)]
struct Seen {
    windows: Vec<Window>,
    id: Option<String>,
}

pub(crate) struct Subscriber {
    child: Child,
    reader: Option<JoinHandle<()>>,
    seen: Arc<Mutex<Seen>>,
}

impl Subscriber {
    pub(crate) fn start(address: &str, sql: &str, id: Option<String>) -> Self {
        Self::start_after(address, sql, Vec::new(), id)
    }

    /// Starts one that goes on behind an event.
    pub(crate) fn start_after(
        address: &str,
        sql: &str,
        windows: Vec<Window>,
        id: Option<String>,
    ) -> Self {
        let mut command = Command::new(Server::binary());
        command.args(["subscribe", sql, "--addr", address]);
        if let Some(id) = &id {
            command.args(["--resume", id]);
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let seen = Arc::new(Mutex::new(Seen { windows, id }));
        let shared = Arc::clone(&seen);
        let reader = Some(thread::spawn(move || read(output, &shared)));
        Self { child, reader, seen }
    }

    pub(crate) fn wait_for_begin(&self) {
        wait_until("it has begun", Duration::from_secs(60), || {
            self.seen.lock().unwrap().id.is_some()
        });
    }

    /// All windows and changes that came.
    pub(crate) fn windows(&self) -> Vec<Window> {
        self.seen.lock().unwrap().windows.clone()
    }

    /// How many windows and changes came.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().windows.len()
    }

    /// Start of the last window that came, nanoseconds.
    pub(crate) fn last_start(&self) -> Option<i64> {
        self.seen.lock().unwrap().windows.last().map(|window| window.start)
    }

    /// Kills it as `kill -9` does; returns the windows that it has printed, and the id of its last event.
    pub(crate) fn kill(mut self) -> (Vec<Window>, Option<String>) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
        self.reader.take().expect("it has one").join().expect("the reader does not panic");
        let mut seen = self.seen.lock().unwrap();
        (std::mem::take(&mut seen.windows), seen.id.take())
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut output: impl BufRead, seen: &Mutex<Seen>) {
    let mut line = String::new();
    // A line that broke off was not received.
    while output.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with('\n') {
        let event: Value = serde_json::from_str(&line).expect("a line is an event");
        let mut seen = seen.lock().unwrap();
        seen.id = event["id"].as_str().map(ToOwned::to_owned);
        if event["event"] == "window" || event["event"] == "change" {
            seen.windows.push(window(&event));
        }
        line.clear();
    }
}

fn window(event: &Value) -> Window {
    let row = |row: &Value| {
        let host = row["host"].as_str().unwrap().to_owned();
        (host, row["total"].as_f64().unwrap(), row["n"].as_u64().unwrap())
    };
    Window {
        is_open: event["event"] == "change",
        start: nanos(event["start"].as_str().unwrap()),
        late: event["late"].as_u64().unwrap(),
        rows: event["rows"].as_array().unwrap().iter().map(row).collect(),
    }
}

/// A whole second in RFC 3339 and UTC.
fn nanos(text: &str) -> i64 {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Days since 1970-03-01 in years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let seconds = number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    ((days - 719_468) * 86_400 + seconds) * 1_000_000_000
}

/// Listens to server-sent events of windows of a second, until the server says that it stops. Returns how many
/// windows came.
pub(crate) fn listen(
    address: &str,
    begun: Arc<AtomicU64>,
    windows: Arc<AtomicU64>,
) -> JoinHandle<u64> {
    let url = format!("http://{address}/sql/subscribe");
    thread::spawn(move || {
        let sql = "SUBSCRIBE TO SELECT time_bucket('1s', time), count(*) FROM load GROUP BY 1 \
                   WITH (lateness = '0s', idle = 'off')";
        let answer = ureq::post(&url).send(sql).expect("the server answers");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut own = 0;
        for line in BufReader::new(answer.into_body().into_reader()).lines() {
            match line.expect("it is text").as_str() {
                "event: begin" => drop(begun.fetch_add(1, Ordering::SeqCst)),
                "event: window" => {
                    own += 1;
                    windows.fetch_add(1, Ordering::SeqCst);
                }
                "event: error" => return own,
                _ => {}
            }
        }
        panic!("the body ended without a last word");
    })
}
