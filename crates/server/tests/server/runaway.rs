//! Statements that would take everything: the server refuses or bounds them, and goes on answering others.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use crate::{
    harness::{PATIENCE, Reply, Server},
    sql_clients::ticks,
};

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

/// Statements over a table of 60,000 rows, `cj`, that would compute for a long time.
fn with_rows() -> Server {
    let server = Server::start_with(&["--storage-retention", "0s"]);
    let rows = "INSERT INTO cj(time, host, value) SELECT \
                arrow_cast(1704067200000000000 + v.value * 1000000000, 'Timestamp(Nanosecond, Some(\"UTC\"))'), \
                'h' || (v.value % 10), v.value FROM generate_series(1, 60000) v";
    assert_eq!(ask(&server, rows).status, 200);
    server
}

/// Asks without waiting for the answer.
fn begin(server: &Server, sql: &str) -> std::net::TcpStream {
    let mut connection = server.connect();
    let length = sql.len();
    let request = format!("POST /sql HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n{sql}");
    connection.write_all(request.as_bytes()).unwrap();
    connection
}

/// Statements that run, but for this question.
fn running(server: &Server) -> u64 {
    let sql = "SELECT count(*) AS n FROM system.queries WHERE text LIKE '%cj a%' AND text NOT LIKE '%queries%'";
    ask(server, sql).json()["rows"][0][0].as_u64().unwrap()
}

#[test]
fn a_join_without_end_holds_up_nobody_and_ends_with_its_client() {
    let server = with_rows();
    let runaway = "SELECT a.host, b.host, sum(a.value * b.value) FROM cj a, cj b GROUP BY 1, 2";
    let connection = begin(&server, runaway);
    wait_until(|| running(&server) == 1);
    // Others are answered while it computes.
    for _ in 0..20 {
        assert_eq!(ask(&server, "SELECT 1").status, 200);
    }
    assert_eq!(running(&server), 1, "it takes much longer than that");
    drop(connection);
    wait_until(|| running(&server) == 0);
}

/// They make no batch, and would not pause by themselves: as many as there are threads, and more.
#[test]
fn joins_whose_condition_refuses_all_pairs_hold_up_nobody_and_end_with_their_clients() {
    let server = with_rows();
    let refusing = [
        "SELECT count(*) FROM cj a JOIN cj b ON a.value < b.value - 1000000",
        "SELECT count(*) FROM cj a JOIN cj b ON a.host = b.host AND a.value < b.value - 1000000",
        "SELECT count(*) FROM cj a LEFT JOIN cj b ON a.value + b.value < -1",
    ];
    let connections: Vec<_> =
        refusing.iter().chain(&refusing).map(|sql| begin(&server, sql)).collect();
    wait_until(|| running(&server) > 1);
    let before = ticks(&server);
    for _ in 0..20 {
        assert_eq!(ask(&server, "SELECT 1").status, 200);
    }
    assert!(running(&server) > 0, "they take much longer than that");
    drop(connections);
    wait_until(|| running(&server) == 0);
    assert!(ticks(&server) > before);
    // Nothing computes any more.
    wait_until(|| {
        let before = ticks(&server);
        std::thread::sleep(Duration::from_millis(300));
        ticks(&server) - before < 6
    });
}

#[test]
fn constants_do_not_take_the_memory_of_the_server() {
    let server = Server::start();
    for sql in [
        "SELECT repeat('a', 1000000000)",
        "SELECT length(lpad(repeat('a', 1000), 2000000000))",
        "SELECT array_repeat(1, 1000000000)",
        "SELECT 1 WHERE cardinality(range(1, 1000000000)) > 1",
    ] {
        let message = ask(&server, sql).error(422, "execution");
        assert!(message.contains("it would make more than 64 MiB"), "{sql}: {message}");
    }
    assert_eq!(ask(&server, "SELECT length(repeat('a', 1000))").json()["rows"][0][0], 1000);
}

fn wait_until(happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "it does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}
