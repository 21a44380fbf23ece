//! Queries take turns by the addresses of their clients.

use std::{
    io::Write as _,
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::harness::{PATIENCE, Server};

/// Hours of work, until the connection is dropped.
fn ask_for_much(server: &Server) -> TcpStream {
    let query = "quantile_over_time(0.5,(vector(time()))[300000s:1s])&start=0&end=9000&step=1";
    let request = format!("GET /api/v1/query_range?query={query} HTTP/1.1\r\nHost: t\r\n\r\n");
    let mut asker = server.connect();
    asker.write_all(request.as_bytes()).unwrap();
    asker
}

/// Waits until a query runs and so many wait.
fn wait_for_queue(server: &Server, waiting: usize) {
    let begun = Instant::now();
    let waiting = format!("\ntimberline_queries_waiting {waiting}\n");
    loop {
        let page = server.get("/metrics").body;
        if page.contains("\ntimberline_queries_in_flight 1\n") && page.contains(&waiting) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "never{waiting}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn one_that_asks_for_much_waits_for_itself_and_not_others_for_it() {
    let server =
        Server::start_with(&["--query-concurrent-max", "1", "--query-queue-timeout", "60s"]);
    let running = ask_for_much(&server);
    wait_for_queue(&server, 0);
    let next = ask_for_much(&server);
    let last = ask_for_much(&server);
    wait_for_queue(&server, 2);
    // Another client comes last, from an address of its own.
    let url = format!("http://{}/api/v1/query?query=1", server.address());
    let mut other = Command::new("curl");
    other.args(["-s", "--interface", "127.0.0.2", "-w", "%{http_code}", &url]);
    let other = other.stdout(Stdio::piped()).spawn().unwrap();
    wait_for_queue(&server, 3);
    drop(running);
    wait_for_queue(&server, 2);
    // First come, first served, `last` would have the place for hours now.
    drop(next);
    let answered = other.wait_with_output().unwrap();
    let answered = String::from_utf8(answered.stdout).unwrap();
    assert!(answered.ends_with("200"), "{answered}");
    drop(last);
}

#[test]
fn more_that_wait_than_allowed_are_refused_at_once() {
    let server = Server::start_with(&[
        "--query-concurrent-max",
        "1",
        "--query-waiting-max",
        "1",
        "--query-queue-timeout",
        "60s",
    ]);
    let running = ask_for_much(&server);
    wait_for_queue(&server, 0);
    let waiting = ask_for_much(&server);
    wait_for_queue(&server, 1);
    let refused = server.get("/api/v1/query?query=1");
    assert!(refused.error(503, "unavailable").contains("query.waiting_max"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop((running, waiting));
}
