//! Clients of SQL as they are: psql, psycopg, asyncpg, ADBC and pyarrow, as `scripts/setup test` installs
//! them; and who is let in.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::harness::{PATIENCE, Server, stdout, timberline};

const POSTGRES: &str = include_str!("sql_clients/postgres.py");
const JDBC: &str = include_str!("sql_clients/Jdbc.java");
const SHELL: &str = include_str!("sql_clients/shell.py");
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
pub(crate) fn address(server: &Server, scheme: &str) -> String {
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

/// What Grafana's PostgreSQL source sends when a panel is built: its macros for time are expanded by Grafana.
const GRAFANAS: [(&str, &str); 7] = [
    ("SELECT 1", "1"),
    ("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'", ""),
    (
        "SELECT quote_ident(column_name) AS \"column\", data_type AS \"type\" \
         FROM information_schema.columns \
         WHERE quote_ident(table_name) = 'cpu_usage' AND column_name = 'value'",
        "value|",
    ),
    (
        "SELECT floor(extract(epoch from time)/60)*60 AS \"time\", avg(value) AS \"value\" \
         FROM cpu_usage WHERE time BETWEEN '2025-12-31T23:00:00Z' AND '2026-01-01T01:00:00Z' \
         GROUP BY 1 ORDER BY 1",
        "1767225600|1.75",
    ),
    (
        "SELECT time AS \"time\", host AS metric, value FROM cpu_usage \
         WHERE time >= '2025-12-31T23:00:00Z' AND time <= '2026-01-01T01:00:00Z' ORDER BY 3",
        "2026-01-01 00:00:00+00|a|1\n2026-01-01 00:00:00+00|b|2.5",
    ),
    (
        "SELECT (extract(epoch from time)/300)::bigint*300 AS time, host, max(value) \
         FROM cpu_usage GROUP BY 1, 2 ORDER BY 2",
        "1767225600|a|1\n1767225600|b|2.5",
    ),
    (
        "SELECT value FROM cpu_usage WHERE extract(epoch from time) >= 1767225600 \
         AND extract(epoch from time) <= 1767229200 ORDER BY 1",
        "1\n2.5",
    ),
];

#[test]
fn grafanas_statements_are_answered() {
    let server = with_samples(&["--postgres-listen", ANY_PORT]);
    let address = address(&server, "postgres");
    for (sql, wanted) in GRAFANAS {
        let Some(ran) = psql(&address, &["-At", "-c", sql], &[]) else { return };
        assert!(ran.status.success(), "{sql}: {}", said(&ran));
        let found = stdout(&ran);
        let starts = wanted.ends_with('|') && found.starts_with(wanted);
        assert!(starts || found.trim_end() == wanted, "{sql}: {found}");
    }
}

/// How Grafana asks which schemas are in the search path, within other questions.
const SEARCH_PATH: &str = "SELECT CASE WHEN trim(s[i]) = '\"$user\"' THEN user ELSE trim(s[i]) END \
    FROM generate_series( array_lower(string_to_array(current_setting('search_path'),','),1), \
    array_upper(string_to_array(current_setting('search_path'),','),1) ) as i, \
    string_to_array(current_setting('search_path'),',') s";

#[test]
fn grafana_finds_tables_and_columns() {
    let server = with_samples(&["--postgres-listen", ANY_PORT]);
    let address = address(&server, "postgres");
    let within = format!("quote_ident(table_schema) IN ( {SEARCH_PATH} )");
    let older = format!(
        "SELECT quote_ident(table_name) FROM information_schema.tables WHERE {within} ORDER BY table_name"
    );
    let newer = format!(
        "SELECT CASE WHEN {within} THEN quote_ident(table_name) \
         ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS \"table\" \
         FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN \
         ('information_schema', 'pg_catalog', 'timescaledb_information') \
         ORDER BY CASE WHEN {within} THEN 0 ELSE 1 END, 1"
    );
    let columns = format!(
        "SELECT quote_ident(column_name) AS \"column\", data_type AS \"type\" \
         FROM information_schema.columns WHERE \
         CASE WHEN array_length(parse_ident('cpu_usage'),1) = 2 \
         THEN quote_ident(table_schema) = (parse_ident('cpu_usage'))[1] \
         AND quote_ident(table_name) = (parse_ident('cpu_usage'))[2] \
         ELSE quote_ident(table_name) = 'cpu_usage' AND {within} END"
    );
    for (sql, wanted) in [
        (older.as_str(), ["cpu_usage\n", "metrics\n"]),
        (newer.as_str(), ["cpu_usage\n", "metrics\n"]),
        (columns.as_str(), ["host|", "value|"]),
        ("SELECT current_setting('server_version_num')::int/100 as version", ["1600", "1600"]),
        ("SELECT current_setting('nothing', true) IS NULL", ["t", "t"]),
    ] {
        let Some(ran) = psql(&address, &["-At", "-c", sql], &[]) else { return };
        assert!(ran.status.success(), "{sql}: {}", said(&ran));
        let found = stdout(&ran);
        assert!(wanted.iter().all(|wanted| found.contains(wanted)), "{sql}: {found}");
    }
    let ask = |sql: &str| psql(&address, &["-At", "-c", sql], &[]).unwrap();
    let set = ask("SET application_name = 'g'; SELECT current_setting('application_name')");
    assert_eq!(stdout(&set), "SET\ng\n", "{}", said(&set));
    assert!(said(&ask("SELECT current_setting('nothing')")).contains("unrecognized"));
}

/// What DBeaver asks when it connects and opens its tree, as its logs in public have it.
const DBEAVERS: [&str; 14] = [
    "SET extra_float_digits = 3",
    "SET application_name = 'DBeaver 25.1.5 - Main <default>'",
    "SELECT current_schema(),session_user",
    "SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN \
     pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND \
     d.classoid='pg_namespace'::regclass ORDER BY nspname",
    "SHOW search_path",
    "SELECT reset_val FROM pg_settings WHERE name = 'search_path'",
    "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datname='default'",
    "SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'",
    "SELECT version()",
    "SELECT * FROM pg_catalog.pg_enum WHERE 1<>1 LIMIT 1",
    "SELECT reltype FROM pg_catalog.pg_class WHERE 1<>1 LIMIT 1",
    "SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, \
     pg_catalog.pg_get_partkeydef(c.oid) as partition_key FROM pg_catalog.pg_class c \
     LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND \
     d.classoid='pg_class'::regclass WHERE c.relnamespace=11 AND c.relkind not in ('i','I','c')",
    "SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,\
     dsc.description,pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,\
     pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr,\
     pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size,\
     pg_catalog.pg_stat_get_numscans(i.indexrelid) as index_num_scans FROM pg_catalog.pg_index i \
     INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid \
     INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid \
     LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid \
     WHERE i.indrelid=1 ORDER BY tabrelname, c.relname",
    "SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description, \
     case when c.contype='c' then \"substring\"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy \
     FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid \
     LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid \
     LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND \
     d.classoid='pg_constraint'::regclass WHERE c.conrelid=1 ORDER BY c.oid",
];

#[test]
fn dbeavers_statements_are_answered() {
    let server = with_samples(&["--postgres-listen", ANY_PORT]);
    let address = address(&server, "postgres");
    let mut wrong = Vec::new();
    for sql in DBEAVERS {
        let Some(ran) = psql(&address, &["-At", "-c", sql], &[]) else { return };
        if !ran.status.success() {
            wrong.push(format!("{sql}: {}", said(&ran)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where Debian puts PostgreSQL's driver for Java.
const JDBC_DRIVER: &str = "/usr/share/java/postgresql.jar";

#[test]
fn jdbc_works_as_it_is() {
    if !std::path::Path::new(JDBC_DRIVER).exists() {
        return eprintln!("skipped: {JDBC_DRIVER} is not there (libpostgresql-jdbc-java)");
    }
    let server = with_samples(&["--postgres-listen", ANY_PORT]);
    let source = tempfile::tempdir().unwrap();
    let source = source.path().join("Jdbc.java");
    fs::write(&source, JDBC).unwrap();
    let url = format!("jdbc:postgresql://{}/default", address(&server, "postgres"));
    let ran = Command::new("java").args(["-cp", JDBC_DRIVER]).arg(&source).arg(url).output();
    let Ok(ran) = ran else { return eprintln!("skipped: java is not installed") };
    assert!(stdout(&ran).contains("all is well"), "{}{}", stdout(&ran), said(&ran));
}

#[test]
fn the_shell_works_at_a_terminal() {
    let server = with_samples(&[]);
    let home = tempfile::tempdir().unwrap();
    let binary = timberline().get_program().to_owned();
    let ran = Command::new("python3")
        .args(["-c", SHELL])
        .arg(binary)
        .args([server.address(), home.path().to_str().unwrap(), &server.id().to_string()])
        .output();
    let Ok(ran) = ran else { return eprintln!("skipped: python3 is not installed") };
    assert!(stdout(&ran).contains("all is well"), "{}{}", stdout(&ran), said(&ran));
}

/// Processor time that the server has used, in ticks of the kernel.
pub(crate) fn ticks(server: &Server) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Waits until the server does nothing.
fn wait_for_rest(server: &Server) {
    let begun = Instant::now();
    loop {
        let before = ticks(server);
        thread::sleep(Duration::from_millis(300));
        if ticks(server) - before < 6 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "it still works on what nobody waits for");
    }
}

/// Takes minutes.
const LONG_PROMQL: &str = "SELECT count(*) FROM promql('quantile_over_time(0.9, vector(time())[1d:1s])', \
                           '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '10s')";

#[test]
fn promql_ends_when_it_is_canceled_or_its_client_leaves() {
    let limits = ["--query-samples-max", "100000000000", "--query-timeout", "10m"];
    let server = Server::start_with(&[&["--postgres-listen", ANY_PORT], &limits[..]].concat());
    wait_for_rest(&server);
    let busy = |begun: u64| {
        let since = Instant::now();
        while ticks(&server) < begun + 30 {
            assert!(since.elapsed() < PATIENCE, "it has not begun: {}", server.log());
            thread::sleep(Duration::from_millis(10));
        }
    };
    let begun = ticks(&server);
    let mut stream = server.connect();
    let length = LONG_PROMQL.len();
    let request =
        format!("POST /sql HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n{LONG_PROMQL}");
    stream.write_all(request.as_bytes()).unwrap();
    busy(begun);
    drop(stream);
    wait_for_rest(&server);
    let (host, port) = address(&server, "postgres")
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .unwrap();
    let begun = ticks(&server);
    let psql = Command::new("psql")
        .args(["-X", "-h", &host, "-p", &port, "-U", "ada", "-d", "default", "-c", LONG_PROMQL])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let Ok(psql) = psql else { return eprintln!("skipped: psql is not installed") };
    busy(begun);
    let killed = Command::new("kill").args(["-INT", &psql.id().to_string()]).status();
    assert!(killed.unwrap().success());
    let ran = psql.wait_with_output().unwrap();
    assert!(said(&ran).contains("canceling statement due to user request"), "{}", said(&ran));
    wait_for_rest(&server);
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
