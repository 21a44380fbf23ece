//! Stopping, dying and starting again.

use std::io::Write as _;

use crate::harness::{Server, now_ms, read_reply};

#[test]
fn what_was_acknowledged_is_there_after_a_stop_and_after_a_kill() {
    let now = now_ms();
    let mut server = Server::start();
    for (round, signal) in ["TERM", "INT", "KILL", "KILL"].into_iter().enumerate() {
        server.store(&[("__name__", "m"), ("round", &round.to_string())], &[(now, round as f64)]);
        if round == 2 {
            server.request("POST", "/api/v1/admin/tsdb/flush", &[], b"").data();
        }
        let (status, home) = server.stop(signal);
        assert_eq!(status.success(), signal != "KILL", "{signal}: {status}");
        server = Server::start_in(home, &[]);
        let found = server.get(&format!("/api/v1/query?query=sort(m)&time={now}")).values();
        let expected: Vec<String> = (0..=round).map(|round| round.to_string()).collect();
        assert_eq!(found, expected, "after {signal}");
    }
}

#[test]
fn a_stop_lets_requests_under_way_end_and_removes_the_ready_file() {
    let mut server = Server::start();
    let body = r#"{"timeseries":[{"labels":[{"name":"__name__","value":"late"}],"samples":[{"timestamp":1640000000000,"value":1}]}]}"#;
    let mut slow = server.connect();
    let head = format!(
        "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    // The server asks for the body, so the request is under way.
    let mut interim = [0; 25];
    std::io::Read::read_exact(&mut slow, &mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));
    let idle = server.connect();
    server.signal("TERM");
    while !server.log().contains("stopping") {
        std::thread::yield_now();
    }
    slow.write_all(body.as_bytes()).unwrap();
    assert_eq!(read_reply(&mut slow).status, 204);
    assert!(server.wait().success());
    assert!(!server.ready_file().exists());
    assert!(server.log().contains("stopped"));
    drop(idle);
}

#[test]
fn a_signal_that_comes_twice_at_once_is_one_and_another_ends_the_server() {
    for (second, code) in [("TERM", 0), ("INT", 130)] {
        let mut server = Server::start();
        let mut slow = server.connect();
        let head = "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\
                    Expect: 100-continue\r\nContent-Length: 17\r\n\r\n";
        slow.write_all(head.as_bytes()).unwrap();
        let mut interim = [0; 25];
        std::io::Read::read_exact(&mut slow, &mut interim).unwrap();
        // As from `timeout`, which signals the process and then its group.
        server.signal("TERM");
        while !server.log().contains("stopping") {
            std::thread::yield_now();
        }
        server.signal(second);
        if code == 0 {
            slow.write_all(br#"{"timeseries":[]}"#).unwrap();
            assert_eq!(read_reply(&mut slow).status, 204);
        }
        assert_eq!(server.wait().code(), Some(code), "{second}: {}", server.log());
    }
}

#[test]
fn a_request_that_does_not_end_is_cut_at_the_deadline() {
    let mut server = Server::start_with(&["--shutdown-timeout", "50ms"]);
    let mut slow = server.connect();
    let head = "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n\
                Expect: 100-continue\r\nContent-Length: 10\r\n\r\n";
    slow.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    std::io::Read::read_exact(&mut slow, &mut interim).unwrap();
    server.signal("INT");
    assert!(server.wait().success());
    assert!(server.log().contains("cut"), "{}", server.log());
}

#[test]
fn a_second_server_on_the_same_directory_says_so() {
    let server = Server::start();
    let data = server.home().join("data");
    let output = crate::harness::timberline()
        .args(["start", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    let (code, message) = crate::harness::stderr(&output);
    assert_eq!(code, 1);
    assert!(message.contains("cannot open the database in"), "{message}");
    assert!(message.contains("another process"), "{message}");
}

#[test]
fn a_taken_port_is_named_with_what_to_do() {
    let server = Server::start();
    let output = crate::harness::timberline()
        .args(["start", "--listen", server.address(), "--data-dir"])
        .arg(server.home().join("data2"))
        .output()
        .unwrap();
    let (code, message) = crate::harness::stderr(&output);
    assert_eq!(code, 1);
    assert!(message.contains(server.address()) && message.contains("--listen"), "{message}");
}
