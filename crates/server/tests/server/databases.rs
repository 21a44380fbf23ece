//! Several databases in one server: by path, by statement, on every wire, and across its deaths.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{PATIENCE, Server, now_ms, remote_write, stderr, stdout};

const DAY_MS: i64 = 24 * 3_600 * 1_000;
const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

/// Runs a statement that succeeds in a database.
#[track_caller]
fn run(server: &Server, database: &str, sql: &str) -> Value {
    let body = json!({"sql": sql, "database": database}).to_string();
    let reply = server.request("POST", "/sql", &JSON, body.as_bytes());
    assert_eq!(reply.status, 200, "{sql}: {reply:?}");
    reply.json()
}

/// The first column of an answer.
#[track_caller]
fn column(server: &Server, database: &str, sql: &str) -> Vec<Value> {
    let answer = run(server, database, sql);
    let rows = answer["data"]["rows"].as_array().or_else(|| answer["rows"].as_array());
    rows.unwrap_or_else(|| panic!("{answer}")).iter().map(|row| row[0].clone()).collect()
}

/// Writes one sample below a path; says whether it was taken.
fn write(server: &Server, prefix: &str, ts_ms: i64, value: f64) -> bool {
    let body = json!({"timeseries": [{
        "labels": [{"name": "__name__", "value": "m"}, {"name": "host", "value": "a"}],
        "samples": [{"timestamp": ts_ms, "value": value}],
    }]});
    let target = format!("{prefix}/api/v1/write");
    let reply = server.request("POST", &target, &JSON, body.to_string().as_bytes());
    assert!(reply.status == 204 || reply.body.contains("retention"), "{reply:?}");
    reply.status == 204
}

fn value(server: &Server, prefix: &str) -> Vec<String> {
    server.get(&format!("{prefix}/api/v1/query?query=m")).values()
}

fn names(server: &Server) -> Vec<Value> {
    column(server, "default", "SHOW DATABASES")
}

#[test]
fn every_path_of_a_database_is_there_for_each() {
    let server = Server::start();
    run(&server, "default", "CREATE DATABASE metrics WITH (retention = 'unlimited')");
    let now = now_ms();
    assert!(write(&server, "", now, 1.0) && write(&server, "/db/metrics", now, 2.0));
    let headers = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy")];
    let body = remote_write(&[(&[("__name__", "only_here"), ("host", "b")], &[(now, 3.0)])]);
    let wrote = server.request("POST", "/db/metrics/api/v1/write", &headers, &body);
    assert_eq!(wrote.status, 204, "{wrote:?}");

    assert_eq!(value(&server, ""), ["1"]);
    assert_eq!(value(&server, "/db/default"), ["1"]);
    assert_eq!(value(&server, "/db/metrics"), ["2"]);
    for (path, of_default, of_metrics) in [
        ("/api/v1/label/host/values", json!(["a"]), json!(["a", "b"])),
        ("/api/v1/label/__name__/values", json!(["m"]), json!(["m", "only_here"])),
        ("/api/v1/labels", json!(["__name__", "host"]), json!(["__name__", "host"])),
    ] {
        assert_eq!(server.get(path).data(), of_default, "{path}");
        assert_eq!(server.get(&format!("/db/metrics{path}")).data(), of_metrics, "{path}");
    }
    let federated = server.get("/db/metrics/federate?match[]=m").body;
    assert!(federated.contains("m{host=\"a\"") && federated.contains(" 2 "), "{federated}");
    let flushed = server.request("POST", "/db/metrics/api/v1/admin/tsdb/flush", &[], b"").data();
    assert_eq!(flushed["samples"], 2);
    let blocks = |prefix: &str| {
        server.get(&format!("{prefix}/api/v1/status/tsdb")).data()["blockCount"].clone()
    };
    assert_eq!((blocks(""), blocks("/db/metrics")), (json!(0), json!(1)));
    let kept = server.get("/db/metrics/api/v1/status/runtimeinfo").data();
    assert_eq!(kept["storageRetention"], "0s");

    // By SQL: by path, by parameter, by body, and across.
    let sum = "SELECT sum(value) FROM metrics";
    let by_path = server.request("POST", "/db/metrics/sql", &[], sum.as_bytes());
    assert!(by_path.body.contains("5.0") || by_path.body.contains("[5"), "{by_path:?}");
    assert_eq!(column(&server, "metrics", sum), [json!(5)]);
    assert_eq!(column(&server, "default", sum), [json!(1)]);
    let by_param = server.get("/sql?database=metrics&q=SELECT%20sum(value)%20FROM%20metrics");
    assert_eq!(by_param.body.contains('5'), by_param.status == 200, "{by_param:?}");
    let across = "SELECT there.value - here.value FROM m AS here JOIN metrics.public.m AS there \
                  ON here.host = there.host";
    assert_eq!(column(&server, "default", across), [json!(1)]);

    let page = server.get("/metrics").body;
    for line in ["timberline_series 1", "timberline_series{database=\"metrics\"} 2"] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    assert!(
        page.contains("path=\"/db/{database}/api/v1/write\"") || page.contains("/db/{database}"),
        "{page}"
    );
}

#[test]
fn a_database_that_is_not_there_is_404() {
    let server = Server::start();
    for target in [
        "/db/none/api/v1/query?query=1",
        "/db/none/sql?q=SELECT%201",
        "/sql?database=none&q=SELECT%201",
    ] {
        let message = server.get(target).error(404, "not_found");
        assert!(message.contains("\"none\" does not exist"), "{target}: {message}");
    }
    let body = br#"{"timeseries":[]}"#;
    server.request("POST", "/db/none/api/v1/write", &JSON, body).error(404, "not_found");
    let subscribe = b"SUBSCRIBE TO SELECT time, value FROM m";
    server.request("POST", "/db/none/sql/subscribe", &[], subscribe).error(404, "not_found");
    assert_eq!(server.get("/db/default/nonsense").status, 404);
    assert_eq!(server.get("/db/default/metrics").status, 404, "the server has one page for all");
    let refused = server.get("/sql?q=CREATE%20DATABASE%20x").error(400, "bad_data");
    assert!(refused.contains("POST"), "{refused}");
}

#[test]
fn statements_that_are_wrong_say_where() {
    let server = Server::start();
    let sql = "CREATE DATABASE x WITH (retention = '1d',\n  engine = 'ring')";
    let reply = server.request("POST", "/sql", &[], sql.as_bytes());
    let message = reply.error(400, "bad_data");
    assert!(message.contains("not offered yet"), "{message}");
    assert_eq!(reply.json()["position"], json!({"line": 2, "column": 3}));
    assert_eq!(names(&server), ["default"]);
}

#[test]
fn a_restart_finds_databases_and_a_drop_removes_their_files() {
    let server = Server::start();
    run(&server, "default", "CREATE DATABASE kept WITH (duplicates = 'first')");
    run(&server, "default", "CREATE DATABASE gone");
    let now = now_ms();
    assert!(write(&server, "/db/kept", now, 1.0) && write(&server, "/db/kept", now, 2.0));
    assert!(write(&server, "/db/gone", now, 3.0));
    server.request("POST", "/db/gone/api/v1/admin/tsdb/flush", &[], b"").data();
    let dropped = run(&server, "default", "DROP DATABASE gone");
    assert!(dropped.to_string().contains("DROP DATABASE"), "{dropped}");
    server.get("/db/gone/api/v1/query?query=m").error(404, "not_found");
    let dirs = |home: &std::path::Path| -> Vec<String> {
        let entries = fs::read_dir(home.join("data/databases")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(dirs(server.home()), ["kept"]);
    let (status, home) = server.stop("TERM");
    assert!(status.success());

    let server = Server::start_in(home, &[]);
    assert_eq!(names(&server), ["default", "kept"]);
    assert_eq!(value(&server, "/db/kept"), ["1"], "the first one stays");
    assert_eq!(value(&server, ""), Vec::<String>::new());
}

#[test]
fn deaths_in_the_midst_leave_a_database_whole_or_not_there() {
    for (point, sql, after) in [
        ("database.described", "CREATE DATABASE new", ["default", "old"].as_slice()),
        ("database.named", "CREATE DATABASE new", &["default", "new", "old"]),
        ("database.created", "CREATE DATABASE new", &["default", "new", "old"]),
        ("settings.renamed", "ALTER DATABASE old SET retention = '1d'", &["default", "old"]),
        ("database.set_aside", "DROP DATABASE old", &["default"]),
        ("database.dropped", "DROP DATABASE old", &["default"]),
        ("database.removed", "DROP DATABASE old", &["default"]),
    ] {
        let server = Server::start();
        run(&server, "default", "CREATE DATABASE old WITH (retention = '90d')");
        assert!(write(&server, "/db/old", now_ms(), 1.0) && write(&server, "", now_ms(), 5.0));
        let (status, home) = server.stop("TERM");
        assert!(status.success());
        let server = Server::start_dying_at(home, point);
        let mut connection = server.connect();
        let head =
            format!("POST /sql HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n{sql}", sql.len());
        connection.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{point}: {}", String::from_utf8_lossy(&answer));
        let server = Server::start_in(server.ended(), &[]);
        assert_eq!(names(&server), after, "{point}");
        assert_eq!(value(&server, ""), ["5"], "{point}");
        if after.contains(&"old") {
            assert_eq!(value(&server, "/db/old"), ["1"], "{point}");
        }
        let litter = fs::read_dir(server.home().join("data/databases")).unwrap();
        assert_eq!(litter.count(), after.len() - 1, "{point}");
    }
}

#[test]
fn a_damaged_database_does_not_keep_the_others_from_being_served() {
    let server = Server::start();
    run(&server, "default", "CREATE DATABASE broken");
    run(&server, "default", "CREATE DATABASE sound");
    assert!(write(&server, "/db/sound", now_ms(), 1.0));
    let (_, home) = server.stop("TERM");
    let file = home.path().join("data/databases/broken/DATABASE");
    fs::write(&file, "timberline database 9\n").unwrap();
    let server = Server::start_in(home, &[]);
    assert_eq!(value(&server, "/db/sound"), ["1"]);
    let message = server.get("/db/broken/api/v1/query?query=m").error(500, "internal");
    assert!(message.contains("could not be opened"), "{message}");
    let errors = column(&server, "default", "SELECT error FROM databases WHERE name = 'broken'");
    assert!(errors[0].as_str().unwrap().contains("DATABASE"), "{errors:?}");
    let health = server.get("/-/healthy").json();
    assert_eq!(health["status"], "degraded", "{health}");
    assert!(health["problems"][0].as_str().unwrap().starts_with("database broken: "), "{health}");
    assert!(server.get("/metrics").body.contains("\ntimberline_databases_unopened 1\n"));
    run(&server, "default", "DROP DATABASE broken");
    assert_eq!(server.get("/-/healthy").json()["status"], "healthy");
}

#[test]
fn a_reload_reaches_the_databases_that_follow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.toml");
    fs::write(&path, "[storage]\nretention = \"10d\"").unwrap();
    let server = Server::start_by_file(&["--config", path.to_str().unwrap()]);
    run(&server, "default", "CREATE DATABASE follows");
    run(&server, "default", "CREATE DATABASE own WITH (retention = '50d')");
    let takes = |prefix: &str, days: i64| write(&server, prefix, now_ms() - days * DAY_MS, 1.0);
    assert!(!takes("", 40) && !takes("/db/follows", 40) && takes("/db/own", 40));
    fs::write(&path, "[storage]\nretention = \"45d\"").unwrap();
    server.request("POST", "/-/reload", &[], b"").data();
    assert!(takes("", 40) && takes("/db/follows", 40) && takes("/db/own", 49));
    run(&server, "default", "ALTER DATABASE own SET retention = '5d'");
    assert!(!takes("/db/own", 40));
    server.request("POST", "/db/own/api/v1/admin/tsdb/flush", &[], b"").data();
    let begun = Instant::now();
    let blocks = || server.get("/db/own/api/v1/status/tsdb").data()["blockCount"].clone();
    while blocks() != 0 {
        assert!(begun.elapsed() < PATIENCE, "old blocks stay: {}", server.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_statement_under_way_ends_well_or_with_an_error_when_its_database_is_dropped() {
    let server = Server::start();
    run(&server, "default", "CREATE DATABASE busy");
    for index in 0..50 {
        assert!(write(&server, "/db/busy", now_ms() - index * 1_000, 1.0));
    }
    // A subscription is the longest statement there is.
    let mut events = server.connect();
    let sql = "SUBSCRIBE TO SELECT time, value FROM m";
    let head = format!(
        "POST /db/busy/sql/subscribe HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{sql}",
        sql.len()
    );
    events.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 12];
    events.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let asking = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut last;
                    loop {
                        last = server.get("/db/busy/api/v1/query?query=sum(sum_over_time(m[1h]))");
                        if last.status != 200 {
                            return last;
                        }
                        assert_eq!(last.values(), ["50"]);
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(100));
        run(&server, "default", "DROP DATABASE busy");
        askers.into_iter().map(|asker| asker.join().unwrap()).collect::<Vec<_>>()
    });
    for last in asking {
        assert!(matches!(last.status, 404 | 422 | 500), "{last:?}");
    }
    let mut rest = Vec::new();
    events.read_to_end(&mut rest).unwrap();
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("error"), "the subscription ends with an error: {rest}");
    assert_eq!(server.get("/-/healthy").json()["status"], "healthy");
}

#[test]
fn the_command_line_names_databases() {
    let server = Server::start();
    stdout(&server.client(&["sql", "-c", "CREATE DATABASE site; SHOW DATABASES"]));
    stdout(&server.client(&["write", "m", "7", "--database", "site"]));
    let asked = |args: &[&str]| stdout(&server.client(args));
    assert!(asked(&["query", "m", "--database", "site"]).contains('7'));
    assert!(asked(&["query", "m"]).contains("no results"));
    assert!(asked(&["query", "SELECT value FROM m", "--database", "site"]).contains('7'));
    assert!(asked(&["sql", "-c", "SELECT value FROM m", "--database", "site"]).contains('7'));
    assert!(asked(&["inspect", "health", "--database", "site"]).contains("healthy"));
    let args = ["subscribe", "SELECT time, value FROM m", "--limit", "0", "--database", "none"];
    let (_, said) = stderr(&server.client(&args));
    assert!(said.contains("\"none\" does not exist"), "{said}");
    let (code, said) = stderr(&server.client(&["query", "m", "--database", "../x"]));
    assert!(code == 2 && said.contains("not a name of a database"), "{said}");

    // A backup of one database is put where a database of the name belongs.
    let place = tempfile::tempdir().unwrap();
    let place = place.path().join("backups");
    let place = place.to_str().unwrap();
    asked(&["backup", place, "--database", "site"]);
    let other = format!("{place}-default");
    let said = server.client(&["backup", &other]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("not in this backup: site"), "{said}");
    let to = server.home().join("data/databases/copy");
    let restored = asked(&["restore", place, "--data-dir", to.to_str().unwrap()]);
    assert!(!restored.is_empty());
    let (_, home) = server.stop("TERM");
    let server = Server::start_in(home, &[]);
    assert_eq!(names(&server), ["copy", "default", "site"]);
    assert_eq!(value(&server, "/db/copy"), ["7"]);
}

/// The wire of PostgreSQL by hand: start-up, one statement after the other, and the codes of errors.
struct Postgres(TcpStream);

impl Postgres {
    /// Connects, and gives back what the start-up answered.
    fn connect(server: &Server, database: &str) -> (Self, String) {
        let urls = fs::read_to_string(server.ready_file()).unwrap();
        let url = urls.lines().find_map(|line| line.strip_prefix("postgres://")).unwrap();
        let stream = TcpStream::connect(url.split('/').next().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut wire = Self(stream);
        let text = format!("user\0ada\0database\0{database}\0\0");
        let mut message = (u32::try_from(text.len() + 8).unwrap()).to_be_bytes().to_vec();
        message.extend(196_608_u32.to_be_bytes());
        message.extend(text.as_bytes());
        wire.0.write_all(&message).unwrap();
        let answered = wire.answers();
        (wire, answered)
    }

    fn ask(&mut self, sql: &str) -> String {
        let mut message = vec![b'Q'];
        message.extend((u32::try_from(sql.len() + 5).unwrap()).to_be_bytes());
        message.extend(sql.as_bytes());
        message.push(0);
        self.0.write_all(&message).unwrap();
        self.answers()
    }

    /// All messages up to the next that says "ready", or to the end, as text.
    fn answers(&mut self) -> String {
        let mut text = String::new();
        let mut head = [0; 5];
        while self.0.read_exact(&mut head).is_ok() {
            let length = u32::from_be_bytes(head[1..].try_into().unwrap());
            let mut body = vec![0; length as usize - 4];
            self.0.read_exact(&mut body).unwrap();
            text.push_str(&String::from_utf8_lossy(&body).replace('\0', " "));
            text.push('\n');
            if head[0] == b'Z' {
                break;
            }
        }
        text
    }
}

#[test]
fn the_database_of_a_postgres_connection_is_one_of_ours() {
    let server = Server::start_with(&["--postgres-listen", "127.0.0.1:0"]);
    let (_, refused) = Postgres::connect(&server, "site");
    assert!(refused.contains("C3D000") && refused.contains("\"site\" does not exist"), "{refused}");
    let (mut first, _) = Postgres::connect(&server, "default");
    assert!(first.ask("CREATE DATABASE site").contains("CREATE DATABASE"));
    assert!(first.ask("CREATE DATABASE site").contains("C42P04"));
    let (mut second, _) = Postgres::connect(&server, "site");
    assert!(
        second
            .ask("INSERT INTO m(time, host, value) VALUES (now(), 'a', 7.5)")
            .contains("INSERT 0 1")
    );
    assert!(second.ask("SELECT value FROM m").contains("7.5"));
    assert!(second.ask("SELECT current_database()").contains("site"));
    assert!(first.ask("SELECT value FROM m").contains("C42P01"));
    assert!(first.ask("SELECT value FROM site.public.m").contains("7.5"));
    let listed = first.ask("SELECT datname FROM pg_database ORDER BY 1");
    assert!(listed.contains("default") && listed.contains("site"), "{listed}");
    assert!(first.ask("SHOW DATABASES").contains("site"));
    assert!(first.ask("ALTER DATABASE site SET retention = '90d'").contains("ALTER DATABASE"));
    let refused = second.ask("DROP DATABASE site");
    assert!(refused.contains("C55006"), "{refused}");
    assert!(first.ask("DROP DATABASE site").contains("DROP DATABASE"));
    let gone = second.ask("SELECT 1");
    assert!(gone.contains("C3D000"), "{gone}");
    assert!(first.ask("DROP DATABASE site").contains("C3D000"));
}
