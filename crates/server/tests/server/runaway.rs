//! Statements that would take everything: the server refuses or bounds them, and goes on answering others.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use crate::harness::{PATIENCE, Reply, Server};

fn ask(server: &Server, sql: &str) -> Reply {
    server.request("POST", "/sql", &[], sql.as_bytes())
}

#[test]
fn long_chains_of_operators_are_refused_and_the_server_lives() {
    let server = Server::start();
    server.store(&[("__name__", "cpu"), ("host", "h7")], &[(crate::harness::now_ms(), 1.0)]);
    let chain = |terms: usize| {
        let terms: Vec<String> = (0..terms).map(|n| format!("host = 'h{n}'")).collect();
        format!("SELECT count(*) AS n FROM cpu WHERE {}", terms.join(" OR "))
    };
    let reply = ask(&server, &chain(1_000));
    assert_eq!(reply.status, 200, "{}", reply.json());
    assert_eq!(reply.json()["rows"][0][0], 1);
    for sql in [
        chain(20_000),
        format!("SELECT 1{}", "+1".repeat(100_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(3_000)),
    ] {
        let message = ask(&server, &sql).error(400, "bad_data");
        assert!(message.contains("at most 2000 operators"), "{message}");
    }
    assert_eq!(server.get("/-/healthy").status, 200);
}

#[test]
fn a_join_without_end_holds_up_nobody_and_ends_with_its_client() {
    let server = Server::start_with(&["--storage-retention", "0s"]);
    let rows = "INSERT INTO cj(time, host, value) SELECT \
                arrow_cast(1704067200000000000 + v.value * 1000000000, 'Timestamp(Nanosecond, Some(\"UTC\"))'), \
                'h' || (v.value % 10), v.value FROM generate_series(1, 60000) v";
    assert_eq!(ask(&server, rows).status, 200);
    let runaway = "SELECT a.host, b.host, sum(a.value * b.value) FROM cj a, cj b GROUP BY 1, 2";
    let mut connection = server.connect();
    let length = runaway.len();
    let request =
        format!("POST /sql HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n{runaway}");
    connection.write_all(request.as_bytes()).unwrap();
    let running = || {
        let sql = "SELECT count(*) AS n FROM system.queries WHERE text LIKE 'SELECT a.host%'";
        ask(&server, sql).json()["rows"][0][0].as_u64().unwrap()
    };
    wait_until(|| running() == 1);
    // Others are answered while it computes.
    for _ in 0..20 {
        assert_eq!(ask(&server, "SELECT 1").status, 200);
    }
    assert_eq!(running(), 1, "it takes much longer than that");
    drop(connection);
    wait_until(|| running() == 0);
}

fn wait_until(happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "it does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}
