//! Clients of SQL as they are: psql, psycopg, asyncpg, ADBC and pyarrow, as `scripts/setup test` installs
//! them; and who is let in.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Command, Output},
};

use crate::harness::{Server, stdout, timberline};

const POSTGRES: &str = include_str!("sql_clients/postgres.py");
const FLIGHT: &str = include_str!("sql_clients/flight.py");
const ANY_PORT: &str = "127.0.0.1:0";

/// What a program said of errors.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A Python that has a library: that of `scripts/setup`, or the machine's own.
fn python(library: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let installed = home.join(".cache/timberline/clients/bin/python");
    let found = [installed, "python3".into()].into_iter().find(|python| {
        let import = format!("import {library}");
        Command::new(python).args(["-c", &import]).output().is_ok_and(|ran| ran.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: {library} is not installed (scripts/setup test does it)");
    }
    found
}

fn run_script(library: &str, script: &str, argument: &str) {
    let Some(python) = python(library) else { return };
    let ran = Command::new(python).args(["-c", script, argument]).output().unwrap();
    assert!(ran.status.success(), "{}{}", stdout(&ran), said(&ran));
    assert!(stdout(&ran).contains("all is well"), "{}", stdout(&ran));
}

/// The address of a listener, by the scheme of its URL.
fn address(server: &Server, scheme: &str) -> String {
    let urls = fs::read_to_string(server.home().join("url")).unwrap();
    let prefix = format!("{scheme}://");
    let url = urls.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap();
    url.split('/').next().unwrap().to_owned()
}

fn psql(address: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Option<Output> {
    let (host, port) = address.rsplit_once(':').unwrap();
    let mut command = Command::new("psql");
    command.args(["-X", "-h", host, "-p", port, "-U", "ada", "-d", "default"]).args(arguments);
    command.envs(environment.iter().copied());
    match command.output() {
        Ok(output) => Some(output),
        Err(_) => {
            eprintln!("skipped: psql is not installed (scripts/setup test does it)");
            None
        }
    }
}

fn with_samples(flags: &[&str]) -> Server {
    let server = Server::start_with(flags);
    for (labels, value) in [("host=\"a\"", "1"), ("host=\"b\"", "2.5")] {
        let series = format!("cpu_usage{{{labels}}}");
        let wrote = timberline()
            .args(["write", &series, value, "--time", "2026-01-01T00:00:00Z"])
            .args(["--addr", server.address()])
            .output()
            .unwrap();
        assert!(wrote.status.success(), "{}", said(&wrote));
    }
    server
}

#[test]
fn psql_shows_tables_and_rows() {
    let server = with_samples(&["--postgres-listen", ANY_PORT]);
    let address = address(&server, "postgres");
    let ask = |arguments: &[&str]| psql(&address, arguments, &[]);
    let Some(rows) = ask(&["-At", "-c", "SELECT host, value FROM cpu_usage ORDER BY host"]) else {
        return;
    };
    assert_eq!(stdout(&rows), "a|1\nb|2.5\n", "{}", said(&rows));
    let tags = ask(&["-At", "-c", "SELECT tags FROM metrics ORDER BY value LIMIT 1"]).unwrap();
    assert!(stdout(&tags).contains("\"host\":\"a\""), "{}{}", stdout(&tags), said(&tags));
    for (command, shown) in
        [("\\dt", "cpu_usage"), ("\\d", "metrics"), ("\\d cpu_usage", "host"), ("\\l", "default")]
    {
        let ran = ask(&["-c", command]).unwrap();
        assert!(ran.status.success(), "{command}: {}", said(&ran));
        assert!(stdout(&ran).contains(shown), "{command}: {}", stdout(&ran));
    }
    assert!(ask(&["-c", "\\df"]).unwrap().status.success());
    let script = "BEGIN; DECLARE c CURSOR FOR SELECT value FROM cpu_usage ORDER BY value; \
                  FETCH 1 FROM c; FETCH ALL FROM c; CLOSE c; COMMIT";
    let ran = ask(&["-At", "-c", script]).unwrap();
    assert_eq!(stdout(&ran).lines().filter(|line| ["1", "2.5"].contains(line)).count(), 2);
    let copy = "COPY (SELECT host, value FROM cpu_usage ORDER BY host) TO STDOUT WITH CSV HEADER";
    assert_eq!(stdout(&ask(&["-c", copy]).unwrap()), "host,value\na,1\nb,2.5\n");
    let wrong = ask(&["-c", "SELECT 1 +\n  ) FROM cpu_usage"]).unwrap();
    assert!(said(&wrong).contains("LINE 2"), "{}", said(&wrong));
}

#[test]
fn psycopg_and_asyncpg_work_as_they_are() {
    let files = tempfile::tempdir().unwrap();
    let files = files.path().to_str().unwrap();
    let server = Server::start_with(&["--postgres-listen", ANY_PORT, "--sql-files-dir", files]);
    run_script("psycopg, asyncpg", POSTGRES, &address(&server, "postgres"));
    let page = server.get("/metrics").body;
    assert!(
        page.contains("timberline_sql_statements_total{wire=\"postgres\",outcome=\"canceled\"}"),
        "{page}"
    );
}

#[test]
fn adbc_and_pyarrow_work_as_they_are() {
    let files = tempfile::tempdir().unwrap();
    let files = files.path().to_str().unwrap();
    let server = with_samples(&["--flight-listen", ANY_PORT, "--sql-files-dir", files]);
    let url = format!("grpc://{}", address(&server, "grpc"));
    run_script("adbc_driver_flightsql, pyarrow.flight", FLIGHT, &url);
}

/// A certificate of this machine for itself, by openssl.
fn certificate(dir: &std::path::Path) -> Option<(String, String)> {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-days", "2", "-keyout", &key, "-out", &certificate])
        .output();
    match made {
        Ok(made) if made.status.success() => Some((certificate, key)),
        _ => {
            eprintln!("skipped: openssl is not installed");
            None
        }
    }
}

#[test]
fn users_need_their_password_and_tls_encrypts() {
    let home = tempfile::tempdir().unwrap();
    let Some((certificate, key)) = certificate(home.path()) else { return };
    let password = home.path().join("ada");
    fs::write(&password, "s3cret\n").unwrap();
    let users = format!("ada={}", password.display());
    let server = Server::start_with(&[
        "--postgres-listen",
        ANY_PORT,
        "--flight-listen",
        ANY_PORT,
        "--sql-users",
        &users,
        "--sql-tls-cert",
        &certificate,
        "--sql-tls-key",
        &key,
    ]);
    let postgres = address(&server, "postgres");
    let ask = |environment: &[(&str, &str)]| {
        psql(&postgres, &["-At", "-w", "-c", "SELECT 7"], environment)
    };
    let right =
        [("PGPASSWORD", "s3cret"), ("PGSSLMODE", "verify-ca"), ("PGSSLROOTCERT", &certificate)];
    if let Some(ran) = ask(&right) {
        assert_eq!(stdout(&ran), "7\n", "{}", said(&ran));
        let ran = ask(&[("PGPASSWORD", "wrong")]).unwrap();
        assert!(said(&ran).contains("password authentication failed"), "{}", said(&ran));
        assert!(!ask(&[]).unwrap().status.success(), "without a password");
    }
    let flight = format!("grpc+tls://{}", address(&server, "grpc+tls"));
    let script = "import sys, adbc_driver_flightsql.dbapi as f\n\
        def connect(password):\n\
        \x20   options = {'username': 'ada', 'password': password,\n\
        \x20       'adbc.flight.sql.client_option.tls_root_certs': open(sys.argv[2]).read()}\n\
        \x20   with f.connect(sys.argv[1], db_kwargs=options) as c, c.cursor() as cursor:\n\
        \x20       cursor.execute('select 7')\n\
        \x20       return cursor.fetchall()\n\
        assert connect('s3cret') == [(7,)]\n\
        try:\n\
        \x20   connect('wrong')\n\
        except f.Error as error:\n\
        \x20   print('all is well' if 'password' in str(error) else error)";
    if let Some(python) = python("adbc_driver_flightsql") {
        let ran = Command::new(python)
            .args(["-W", "ignore", "-c", script, &flight, &certificate])
            .output();
        let ran = ran.unwrap();
        assert!(stdout(&ran).contains("all is well"), "{}{}", stdout(&ran), said(&ran));
    }
}

/// The bytes that a client sends, and what comes back before the connection ends.
fn raw(address: &str, messages: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(messages).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn startup() -> Vec<u8> {
    let body = b"\0\x03\0\0user\0ada\0database\0default\0\0";
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&length, &body[..]].concat()
}

fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[letter], &length[..], body].concat()
}

#[test]
fn nobody_gets_in_by_breaking_the_handshake() {
    let home = tempfile::tempdir().unwrap();
    let password = home.path().join("ada");
    fs::write(&password, "s3cret").unwrap();
    let users = format!("ada={}", password.display());
    let server = Server::start_with(&["--postgres-listen", ANY_PORT, "--sql-users", &users]);
    let address = address(&server, "postgres");
    let query = message(b'Q', b"SELECT 'got in'\0");
    let broken_scram = message(b'p', b"SCRAM-SHA-256\0\0\0\0\x03abc");
    let other_method = message(b'p', b"OAUTHBEARER\0\xff\xff\xff\xff");
    for first in [&[][..], &broken_scram, &other_method, &message(b'X', b""), &message(b'S', b"")] {
        let answer = raw(&address, &[startup(), first.to_vec(), query.clone()].concat());
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains("got in"), "{text}");
        let let_in = b"R\0\0\0\x08\0\0\0\0";
        assert!(!answer.windows(let_in.len()).any(|bytes| bytes == let_in), "{text}");
    }
    // A message that claims a gigabyte is refused before it arrives.
    let huge = [startup(), vec![b'p', 0x40, 0, 0, 0], vec![b'x'; 1_000]].concat();
    assert!(!String::from_utf8_lossy(&raw(&address, &huge)).contains("got in"));
}

#[test]
fn listeners_that_are_not_safe_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().to_str().unwrap();
    let password = home.path().join("ada");
    fs::write(&password, "x").unwrap();
    let users = format!("ada={}", password.display());
    let refused = |flags: &[&str]| {
        let ran = timberline()
            .args(["start", "--data-dir", dir, "--listen", ANY_PORT])
            .args(flags)
            .output()
            .unwrap();
        assert!(!ran.status.success(), "{flags:?}");
        said(&ran)
    };
    assert!(refused(&["--postgres-listen", "0.0.0.0:0"]).contains("no users are configured"));
    assert!(refused(&["--flight-listen", "0.0.0.0:0"]).contains("no users are configured"));
    assert!(
        refused(&["--postgres-listen", "0.0.0.0:0", "--sql-users", &users])
            .contains("not be encrypted")
    );
    assert!(refused(&["--sql-tls-cert", "x"]).contains("only go together"));
    let files =
        ["--postgres-listen", ANY_PORT, "--sql-tls-cert", "/nowhere", "--sql-tls-key", "/nowhere"];
    assert!(refused(&files).contains("/nowhere"));
    assert!(
        refused(&["--postgres-listen", ANY_PORT, "--sql-users", "ada=/nowhere"])
            .contains("/nowhere")
    );
}
