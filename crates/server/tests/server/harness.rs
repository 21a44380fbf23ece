//! Starts the binary, talks to it byte by byte, and cleans up.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use timberline_model::{Labels, Sample};
use timberline_protocol::prom_remote::{compress, encode_v1};

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, without what the environment would configure.
pub(crate) fn timberline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_timberline"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIMBERLINE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A running server and its directory.
pub(crate) struct Server {
    child: Child,
    address: String,
    home: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// The body as it came.
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Checks that it is an error of the API, and returns its message.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, error_type: &str) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], "error", "{self:?}");
        assert_eq!(json["errorType"], error_type, "{self:?}");
        json["error"].as_str().unwrap().to_owned()
    }

    /// Checks that it is a success, and returns its data.
    #[track_caller]
    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], "success", "{self:?}");
        json["data"].clone()
    }

    /// The first `metric`-less value list or value of a result: `["1.5", ...]`.
    #[track_caller]
    pub(crate) fn values(&self) -> Vec<String> {
        let data = self.data();
        let series = data["result"].as_array().unwrap();
        let pairs = series.iter().flat_map(|series| match series["values"].as_array() {
            Some(values) => values.clone(),
            None => vec![series["value"].clone()],
        });
        pairs.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(flags: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), flags)
    }

    /// A server that keeps what its configuration says, not everything.
    pub(crate) fn start_by_file(flags: &[&str]) -> Self {
        Self::spawn(tempfile::tempdir().unwrap(), flags, |command| {
            command.env_remove("TIMBERLINE_STORAGE_RETENTION");
        })
    }

    pub(crate) fn start_in(home: tempfile::TempDir, flags: &[&str]) -> Self {
        Self::spawn(home, flags, |_| {})
    }

    /// A server that dies, as by `kill -9`, when it comes to a fail point.
    #[cfg_attr(
        not(feature = "sql"),
        expect(dead_code, reason = "only statements change databases")
    )]
    pub(crate) fn start_dying_at(home: tempfile::TempDir, point: &str) -> Self {
        Self::spawn(home, &[], |command| {
            command.env("TIMBERLINE_FAIL_POINT", point);
        })
    }

    fn spawn(home: tempfile::TempDir, flags: &[&str], adapt: impl FnOnce(&mut Command)) -> Self {
        let ready = home.path().join("url");
        let _ = fs::remove_file(&ready);
        let mut command = Self::command(home.path(), &ready, flags);
        adapt(&mut command);
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        let url = loop {
            if let Ok(url) = fs::read_to_string(&ready) {
                break url;
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended with {status}: {}", read_log(home.path()));
            }
            assert!(begun.elapsed() < PATIENCE, "not ready: {}", read_log(home.path()));
            std::thread::sleep(Duration::from_millis(5));
        };
        let first = url.lines().next().unwrap_or_default();
        let address = first.strip_prefix("http://").unwrap().to_owned();
        Self { child, address, home }
    }

    pub(crate) fn command(home: &Path, ready: &Path, flags: &[&str]) -> Command {
        let log = fs::File::create(home.join("log")).unwrap();
        let mut command = timberline();
        command
            .args(["start", "--listen", "127.0.0.1:0", "--storage-segment-size", "1MiB"])
            .arg("--data-dir")
            .arg(home.join("data"))
            .arg("--ready-file")
            .arg(ready)
            .args(flags)
            // Tests write samples of any time; a flag still wins over this.
            .env("TIMBERLINE_STORAGE_RETENTION", "0s")
            .stdout(Stdio::null())
            .stderr(log);
        command
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The id of its process.
    #[cfg(feature = "sql")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its memory, bytes.
    #[cfg(feature = "sql")]
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1_024
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn log(&self) -> String {
        read_log(self.home.path())
    }

    pub(crate) fn ready_file(&self) -> PathBuf {
        self.home.path().join("url")
    }

    /// Runs a command of the client against this server.
    pub(crate) fn client(&self, args: &[&str]) -> Output {
        timberline().args(args).env("TIMBERLINE_ADDR", &self.address).output().unwrap()
    }

    /// The body that curl gets of a path, with further arguments.
    pub(crate) fn client_curl(&self, args: &[&str], target: &str) -> String {
        let url = format!("http://{}{target}", self.address);
        stdout(&Command::new("curl").args(["-sgf", &url]).args(args).output().unwrap())
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, tempfile::TempDir) {
        self.signal(signal);
        let status = self.wait();
        // The struct's own drop would kill again; take the directory out first.
        let home = std::mem::replace(&mut self.home, tempfile::tempdir().unwrap());
        (status, home)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Waits for a server that ends by itself, and gives back its directory.
    #[cfg_attr(
        not(feature = "sql"),
        expect(dead_code, reason = "only statements change databases")
    )]
    pub(crate) fn ended(mut self) -> tempfile::TempDir {
        self.wait();
        std::mem::replace(&mut self.home, tempfile::tempdir().unwrap())
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes as they are on a connection of their own, and reads to the end.
    pub(crate) fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect();
        // A server that has heard enough may close before all is sent.
        let _ = stream.write_all(request);
        read_reply(&mut stream)
    }

    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" || !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.raw(&bytes)
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.request("GET", target, &[], b"")
    }

    pub(crate) fn post_form(&self, target: &str, form: &str) -> Reply {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        self.request("POST", target, &headers, form.as_bytes())
    }

    pub(crate) fn write_json(&self, body: &str) -> Reply {
        let headers = [("Content-Type", "application/json")];
        self.request("POST", "/api/v1/write", &headers, body.as_bytes())
    }

    /// Posts a remote write 1.0 request, compressed.
    pub(crate) fn write_v1(&self, body: &[u8]) -> Reply {
        let headers = [
            ("Content-Type", "application/x-protobuf"),
            ("Content-Encoding", "snappy"),
            ("X-Prometheus-Remote-Write-Version", "0.1.0"),
        ];
        self.request("POST", "/api/v1/write", &headers, body)
    }

    /// Writes samples (milliseconds, value) of one series, and expects all to be written.
    #[track_caller]
    pub(crate) fn store(&self, labels: &[(&str, &str)], samples: &[(i64, f64)]) {
        let reply = self.write_v1(&remote_write(&[(labels, samples)]));
        assert_eq!(reply.status, 204, "{reply:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Labels and samples of one series.
pub(crate) type Series<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

/// A remote write 1.0 body, compressed.
pub(crate) fn remote_write(series: &[Series<'_>]) -> Vec<u8> {
    let series: Vec<(Labels, Vec<Sample>)> = series
        .iter()
        .map(|(labels, samples)| {
            let samples =
                samples.iter().map(|(ms, value)| Sample { ts: ms * 1_000_000, value: *value });
            (Labels::from_pairs(labels.iter().copied()).unwrap(), samples.collect())
        })
        .collect();
    let body = encode_v1(series.iter().map(|(labels, samples)| (labels, samples.as_slice())));
    compress(&body).unwrap()
}

fn read_log(home: &Path) -> String {
    fs::read_to_string(home.join("log")).unwrap_or_default()
}

pub(crate) fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => bytes.extend_from_slice(&piece[..len]),
            Err(_) if !bytes.is_empty() => break,
            Err(error) => panic!("no reply: {error}"),
        }
    }
    parse_reply(&bytes)
}

fn parse_reply(bytes: &[u8]) -> Reply {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = bytes[end + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = dechunk(&body);
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    Reply { status, head, body: text, bytes: body }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    body
}

/// The current time in milliseconds.
pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a command that failed wrote, and its exit code.
pub(crate) fn stderr(output: &Output) -> (i32, String) {
    assert!(!output.status.success(), "{output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}
