//! A real Prometheus and its promtool: what they wrote is imported, what is exported they read.
//!
//! They come from `PATH`; without them the tests say so and pass.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use timberline::{Labels, promql::parse_matchers};
use timberline_exchange::Format;
use timberline_model::NANOS_PER_MILLI;

use super::support::{Contents, contents, export_all, fill, import_from, open};

/// Samples by series, times in milliseconds, values as promtool prints them.
type Dump = BTreeMap<Labels, BTreeMap<i64, String>>;

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("{program} is not installed: nothing is compared with it");
    }
    found
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    output
}

/// What `promtool tsdb dump` prints of a directory.
fn dump(dir: &Path) -> Dump {
    let mut dump = Dump::new();
    let dir = dir.to_str().unwrap();
    let output = run("promtool", &["tsdb", "dump", dir]);
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (rest, ms) = line.rsplit_once(' ').unwrap();
        let end = rest.rfind("} ").unwrap() + 1;
        let (series, value) = (&rest[..end], rest[end..].trim());
        let matchers = parse_matchers(series).unwrap();
        let labels = Labels::from_pairs(matchers.iter().map(|m| (m.name(), m.value()))).unwrap();
        dump.entry(labels).or_default().insert(ms.parse().unwrap(), value.to_owned());
    }
    dump
}

/// A database's floats as promtool prints them: the value as Go's `%v`, and "NaN" for every NaN.
fn compare(found: &Contents, expected: &Dump) {
    assert_eq!(found.len(), expected.len(), "series");
    for (labels, samples) in found {
        let expected = &expected[labels];
        assert_eq!(samples.len(), expected.len(), "{labels}");
        for (ts, _, value) in samples {
            assert_eq!(ts % NANOS_PER_MILLI, 0);
            let text = &expected[&(ts / NANOS_PER_MILLI)];
            let Ok(bits) = value else { continue };
            let value = f64::from_bits(*bits);
            let read: f64 = text.replace("+Inf", "inf").parse().unwrap();
            let same = read.to_bits() == value.to_bits() || (read.is_nan() && value.is_nan());
            assert!(same, "{labels} at {ts}: {value} here, {text} there");
        }
    }
}

/// Kills what it holds.
struct Running(Child);

impl Running {
    /// Ends Prometheus as an operator does, so that it writes what it has.
    fn stop(mut self) {
        run("kill", &["-TERM", &self.0.id().to_string()]);
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start_prometheus(dir: &Path, port: u16) -> Running {
    let config = dir.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: self\n    \
         static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    );
    std::fs::write(&config, text).unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    wait_until("Prometheus is ready", || {
        get(port, "/-/ready").is_some_and(|answer| answer.contains("200 OK"))
    });
    running
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Blocks of promtool's making: two series over ten hours.
fn create_blocks(dir: &Path) {
    let text = dir.join("history.om");
    let mut lines = String::from("# TYPE m gauge\n");
    for series in 0..2 {
        for step in 0..2_400_i64 {
            let at = 1_700_000_000 + step * 15;
            let value = (step * 7 + series) % 1_000;
            lines.push_str(&format!("m{{series=\"{series}\"}} {value}.25 {at}\n"));
        }
    }
    lines.push_str("# EOF\n");
    std::fs::write(&text, lines).unwrap();
    let (text, data) = (text.to_str().unwrap().to_owned(), dir.join("data"));
    run("promtool", &["tsdb", "create-blocks-from", "openmetrics", &text, data.to_str().unwrap()]);
}

#[test]
fn a_prometheus_data_directory_is_imported_sample_for_sample() {
    if !is_installed("prometheus") || !is_installed("promtool") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    create_blocks(dir.path());
    let port = free_port();
    let running = start_prometheus(dir.path(), port);
    let scrapes = std::env::var("TIMBERLINE_PROMETHEUS_SCRAPES").unwrap_or_else(|_| "4".to_owned());
    let query = format!("/api/v1/query?query=count_over_time(up[1h])%3E={scrapes}");
    wait_until("Prometheus has scraped itself", || {
        get(port, &query).is_some_and(|answer| answer.contains("instance"))
    });
    running.stop();
    let expected = dump(&dir.path().join("data"));
    assert!(expected.len() > 300, "{} series", expected.len());
    let database = open(&dir.path().join("db"));
    let report = import_from(&database, Format::Prometheus, &dir.path().join("data"));
    let samples = expected.values().map(|samples| samples.len() as u64).sum::<u64>();
    assert_eq!((report.samples_written, report.samples_rejected), (samples, 0), "{report:?}");
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    compare(&contents(&database), &expected);
    // And out again, and into promtool.
    let exported = dir.path().join("exported");
    export_all(&database, Format::Prometheus, &exported);
    assert_eq!(dump(&exported), expected);
}

/// Floats over several windows, as a database of ours has them.
fn example() -> Contents {
    let mut contents = Contents::new();
    for series in 0..50_i64 {
        let host = format!("h{series}");
        let pairs = [("__name__", "m"), ("host", host.as_str()), ("Zone", "a")];
        let first = 1_700_000_000_000 * NANOS_PER_MILLI;
        let samples = (0..1_000).map(|n| {
            let ts = first + (n * 30_000 + series) * NANOS_PER_MILLI;
            (ts, 0, Ok(((n * series) as f64 / 8.0).to_bits()))
        });
        contents.insert(Labels::from_pairs(pairs).unwrap(), samples.collect());
    }
    contents
}

#[test]
fn promtool_and_prometheus_read_exported_blocks() {
    if !is_installed("prometheus") || !is_installed("promtool") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("db"));
    fill(&database, &example());
    let data = dir.path().join("data");
    let report = export_all(&database, Format::Prometheus, &data);
    assert_eq!(report.samples, 50_000);
    assert!((4..=6).contains(&report.blocks), "{} blocks", report.blocks);
    compare(&example(), &dump(&data));
    let text = data.to_str().unwrap();
    let list = String::from_utf8(run("promtool", &["tsdb", "list", text]).stdout).unwrap();
    assert_eq!(list.lines().count() as u64, report.blocks + 1, "{list}");
    let analysis = run("promtool", &["tsdb", "analyze", text]).stdout;
    assert!(String::from_utf8(analysis).unwrap().contains("Series: 50"));
    let port = free_port();
    let running = start_prometheus(dir.path(), port);
    let query = "/api/v1/query?query=sum(sum_over_time(m[10h]))&time=1700036000";
    let answer = get(port, query).unwrap();
    let at = |n: i64, series: i64| n * 30_000 + series <= 36_000_000;
    let pairs = (0..50).flat_map(|series| (0..1_000).map(move |n| (n, series)));
    let sum: i64 = pairs.filter(|(n, series)| at(*n, *series)).map(|(n, series)| n * series).sum();
    let expected = format!("\"{}\"", sum as f64 / 8.0);
    assert!(answer.contains(&expected), "{expected} in {answer}");
    let matched =
        "/api/v1/series?match[]=m{host=~%22h1.*%22,Zone=%22a%22}&start=1700000000&end=1700036000";
    assert_eq!(get(port, matched).unwrap().matches("__name__").count(), 11);
    running.stop();
}
