//! Continuous queries over HTTP: the ways to ask for them, slow readers, quiet streams, very many at once.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::harness::{PATIENCE, Server, now_ms};

/// A subscription that is read line by line, as long as it lasts.
struct Stream {
    lines: BufReader<TcpStream>,
    head: String,
}

const LINES: &str = "application/x-ndjson";
const ROWS: &str = "SUBSCRIBE TO SELECT time, host, value, tags FROM wide";
const WINDOWS: &str = "SUBSCRIBE TO SELECT time_bucket('1s', time) AS t, count(*) AS n FROM load \
                       GROUP BY 1 WITH (lateness = '0s', idle = 'off')";

impl Stream {
    /// Sends a request and reads the head of its answer.
    fn open(server: &Server, target: &str, headers: &str, body: &str) -> Self {
        let mut stream = server.connect();
        let length = body.len();
        let method = if body.is_empty() { "GET" } else { "POST" };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: t\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::with_capacity(4_096, stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).unwrap() > 0, "{head}");
        }
        Self { lines, head: head.to_ascii_lowercase() }
    }

    fn lines(server: &Server, sql: &str, resume: Option<&str>) -> Self {
        let target = match resume {
            Some(id) => format!("/sql/subscribe?resume={id}"),
            None => "/sql/subscribe".to_owned(),
        };
        let stream = Self::open(server, &target, &format!("Accept: {LINES}\r\n"), sql);
        assert!(stream.head.contains(LINES), "{}", stream.head);
        stream
    }

    /// The next chunk of the body, which is what the server sent at once; `None` at the end.
    fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        if self.lines.read_line(&mut size).unwrap() == 0 {
            return None;
        }
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut bytes = vec![0; size + 2];
        self.lines.read_exact(&mut bytes).unwrap();
        bytes.truncate(size);
        (size > 0).then(|| String::from_utf8(bytes).unwrap())
    }

    /// The next server-sent event; heartbeats are left out.
    fn frame(&mut self) -> String {
        loop {
            let chunk = self.chunk().unwrap();
            if !chunk.starts_with(':') {
                return chunk;
            }
        }
    }

    /// The next event of lines; heartbeats are left out.
    fn event(&mut self) -> Option<Value> {
        loop {
            let chunk = self.chunk()?;
            if !chunk.trim().is_empty() {
                return Some(serde_json::from_str(&chunk).unwrap());
            }
        }
    }
}

fn id_of(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

#[test]
fn sql_takes_subscriptions_as_well() {
    let server = Server::start();
    let mut events = Stream::open(&server, "/sql", "", WINDOWS);
    assert!(events.head.contains("content-type: text/event-stream"), "{}", events.head);
    assert!(events.frame().contains("event: begin\n"));
    let json = format!("{{\"sql\":{}}}", Value::from(WINDOWS));
    let headers = format!("Accept: {LINES}\r\nContent-Type: application/json\r\n");
    let mut lines = Stream::open(&server, "/sql", &headers, &json);
    let begin = lines.event().unwrap();
    assert_eq!(begin["event"], "begin");
    for second in 0..3 {
        server.store(&[("__name__", "load")], &[((1_700_000_000 + second) * 1_000, 1.0)]);
    }
    assert!(events.frame().contains("event: window\n"));
    let first = lines.event().unwrap();
    assert_eq!((&first["event"], &first["rows"][0]["n"]), (&"window".into(), &1.into()));
    // GET, and an id in the query string.
    let query: String = WINDOWS.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let target = format!("/sql?q={query}&resume={}", id_of(&first));
    let mut resumed = Stream::open(&server, &target, &format!("Accept: {LINES}\r\n"), "");
    assert_eq!(resumed.event().unwrap()["start"], lines.event().unwrap()["start"]);
    // An id in the body, as a browser's header, and what no subscription has.
    let json = |more: &str| format!("{{\"sql\":{},{more}}}", Value::from(WINDOWS));
    let with_id = json(&format!("\"resume\":\"{}\"", id_of(&first)));
    assert_eq!(
        Stream::open(&server, "/sql", &headers, &with_id).event().unwrap()["event"],
        "window"
    );
    let content_type = ("Content-Type", "application/json");
    for (headers, body, says) in [
        (vec![content_type], json("\"params\":[1]"), "no parameters"),
        (vec![content_type], json("\"timeout\":\"1s\""), "no timeout"),
        (vec![("Accept", "application/json")], WINDOWS.to_owned(), "text/event-stream"),
        (vec![], "SUBSCRIBE TO nothing".to_owned(), "Column: 14"),
    ] {
        let refused = server.request("POST", "/sql", &headers, body.as_bytes());
        let said = refused.error(400, "bad_data");
        assert!(said.contains(says), "{said}");
    }
    let refused = server.request("POST", "/sql?resume=1", &[], b"SELECT 1").error(400, "bad_data");
    assert!(refused.contains("resume"), "{refused}");
}

/// What the rows of an event are of.
fn writes_and_hosts(event: &Value) -> Vec<(i64, usize)> {
    let of = |row: &Value| {
        let host = row["host"].as_str().unwrap().split('-').next().unwrap();
        (row["value"].as_f64().unwrap() as i64, host.parse().unwrap())
    };
    event["rows"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_slow_reader_is_cut_and_told_how_to_go_on() {
    // A reader may take nothing for half of this time.
    let server = Server::start_with(&["--http-stall-timeout", "16s"]);
    let mut slow = Stream::lines(&server, ROWS, None);
    let mut id = id_of(&slow.event().unwrap());
    // More than the buffers of a socket hold, in events of 1,000 rows.
    let (hosts, writes) = (1_000, 70);
    let padding = "x".repeat(60);
    let hosts: Vec<String> = (0..hosts).map(|host| format!("{host}-{padding}")).collect();
    let labels: Vec<[(&str, &str); 2]> =
        hosts.iter().map(|host| [("__name__", "wide"), ("host", host.as_str())]).collect();
    let start = now_ms();
    for write in 0..writes {
        let samples = [(start + write, write as f64)];
        let series: Vec<_> = labels.iter().map(|labels| (&labels[..], &samples[..])).collect();
        assert_eq!(server.write_v1(&crate::harness::remote_write(&series)).status, 204);
    }
    // It is cut on the server's side once all buffers are full.
    let cut = Instant::now();
    while !server.log().contains("took no event") {
        assert!(cut.elapsed() < PATIENCE, "{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut got = Vec::new();
    let last = loop {
        let event = slow.event().unwrap();
        if event["event"] == "error" {
            break event;
        }
        got.extend(writes_and_hosts(&event));
        id = id_of(&event);
    };
    assert!(slow.event().is_none(), "the last words are the last");
    assert!(last["error"].as_str().unwrap().contains("took no event for 8s"), "{last}");
    assert!(last["hint"].as_str().unwrap().contains("Last-Event-ID"), "{last}");
    assert_eq!(last["resume"], id.as_str(), "the id of the last event that was sent");
    let mut resumed = Stream::lines(&server, ROWS, Some(&id));
    let all = labels.len() * usize::try_from(writes).unwrap();
    while got.len() < all {
        got.extend(writes_and_hosts(&resumed.event().unwrap()));
    }
    got.sort_unstable();
    let wanted: Vec<(i64, usize)> =
        (0..writes).flat_map(|write| (0..labels.len()).map(move |host| (write, host))).collect();
    assert!(got == wanted, "nothing is lost and nothing comes twice");
}

#[test]
fn a_quiet_stream_says_that_it_is_there() {
    let server = Server::start_with(&["--http-stall-timeout", "1s"]);
    let mut events = Stream::open(&server, "/sql/subscribe", "", WINDOWS);
    let mut lines = Stream::lines(&server, WINDOWS, None);
    // The first comment may come before the storage was read.
    let quiet = |stream: &mut Stream, heartbeat: &str| {
        let chunks: Vec<String> = (0..8).map(|_| stream.chunk().unwrap()).collect();
        let begun: Vec<&String> = chunks.iter().filter(|chunk| *chunk != heartbeat).collect();
        assert!(begun.len() == 1 && begun[0].contains("begin"), "{begun:?}");
    };
    let begun = Instant::now();
    quiet(&mut events, ": still here\n\n");
    quiet(&mut lines, "\n");
    assert!(begun.elapsed() > Duration::from_secs(1), "the connection outlives its stall timeout");
}

#[test]
fn a_thousand_subscriptions_get_each_window_and_one_more_is_refused() {
    let server = Server::start();
    let before = server.memory();
    let mut all: Vec<Stream> = (0..1_000).map(|_| Stream::lines(&server, WINDOWS, None)).collect();
    for stream in &mut all {
        assert_eq!(stream.event().unwrap()["event"], "begin");
    }
    let each = server.memory().saturating_sub(before) / 1_000;
    println!("{each} bytes of memory for each subscription and its connection");
    let refused = server.request("POST", "/sql/subscribe", &[], WINDOWS.as_bytes());
    let said = refused.error(503, "unavailable");
    assert!(said.contains("1000 subscriptions"), "{said}");
    let written = Instant::now();
    for second in 0..4 {
        server.store(&[("__name__", "load")], &[((1_700_000_000 + second) * 1_000, 1.0)]);
    }
    for stream in &mut all {
        for window in 0..3 {
            let event = stream.event().unwrap();
            let start = format!("2023-11-14T22:13:2{window}Z");
            assert_eq!((&event["start"], &event["rows"][0]["n"]), (&start.into(), &1.into()));
        }
    }
    println!("3 windows for each of 1,000 took {:?}", written.elapsed());
    assert!(each < 256 << 10, "{each}");
    // A place becomes free when its client leaves.
    drop(all.pop());
    let begun = Instant::now();
    while !Stream::open(&server, "/sql", "", WINDOWS).head.starts_with("http/1.1 200 ok") {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
}
