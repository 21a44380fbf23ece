//! The data directory of a real Prometheus, imported: native histograms, exemplars, samples that came
//! out of order, and deletions are there as that Prometheus has them itself.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use timberline::{Labels, Sample};
use timberline_model::NANOS_PER_MILLI;
use timberline_tests::{Client, Exporter, Form, Prometheus, Server, read, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
const FLAGS: [&str; 5] = [
    "--enable-feature=native-histograms,exemplar-storage",
    "--storage.tsdb.retention.time=100y",
    "--web.enable-admin-api",
    "--web.enable-remote-write-receiver",
    "--web.enable-lifecycle",
];
const OUT_OF_ORDER: &str = "storage:\n  tsdb:\n    out_of_order_time_window: 30m\n";

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_millis()).expect("a time")
}

/// Samples of one series: its name, and from when on it has one in every second.
fn write(client: &Client, name: &str, from_ms: i64, seconds: std::ops::Range<i64>) {
    let samples: Vec<Sample> = seconds
        .map(|second| Sample {
            ts: (from_ms + second * 1_000) * NANOS_PER_MILLI,
            value: second as f64 + 0.5,
        })
        .collect();
    let labels = Labels::from_pairs([("__name__", name), ("job", "written")]).expect("labels");
    client.write(&[(labels, samples)]).unwrap_or_else(|error| panic!("{name}: {error:?}"));
}

fn delete(client: &Client, name: &str, from_ms: i64, seconds: std::ops::Range<i64>) {
    let time = |second: i64| (from_ms + second * 1_000) as f64 / 1_000.0;
    let (start, end) = (time(seconds.start), time(seconds.end));
    let path = "/api/v1/admin/tsdb/delete_series";
    let (status, body) = client.post(&format!("{path}?match%5B%5D={name}&start={start}&end={end}"));
    assert_eq!(status, 204, "{body}");
}

/// A block of promtool's making, with hours of two series.
fn create_blocks(dir: &Path) {
    let mut text = "# TYPE history gauge\n".to_owned();
    for series in 0..2 {
        for step in 0..1_200 {
            let at = 1_700_000_000 + step * 15;
            text.push_str(&format!("history{{job=\"{series}\"}} {step}.25 {at}\n"));
        }
    }
    text.push_str("# EOF\n");
    let file = dir.join("history.om");
    fs::write(&file, text).expect("a test's directory can be written");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([file, dir.join("prometheus-data")])
        .output()
        .expect("promtool is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn exemplars(client: &Client, until_ms: i64) -> Value {
    let end = (until_ms / 1_000).to_string();
    let parameters = [("query", "{__name__=~\".+\"}"), ("start", "0"), ("end", &end)];
    let (status, body) = client.get("/api/v1/query_exemplars", &parameters);
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).expect("exemplars are JSON");
    answer["data"].clone()
}

/// Imports a directory, and compares what a Prometheus says that is started on it and scrapes nothing.
fn compare(data: &Path, home: &Path) -> Prometheus {
    let ours_dir = home.join("ours");
    copy_dir(data, &home.join("prometheus-data"));
    let output = Command::new(Server::binary())
        .args(["import", "prometheus"])
        .arg(data)
        .arg("--data-dir")
        .arg(&ours_dir)
        .output()
        .expect("the binary can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    println!("{}: {said}", data.display());
    let prometheus = Prometheus::start_with(home, |_| OUT_OF_ORDER.to_owned(), &FLAGS);
    let server = Server::start(&ours_dir, &[]);
    let until = now_ms();
    let all = |address: &str| read(address, Form::Chunks, ("__name__", ".+"), (0, until));
    let (theirs, ours) = (all(prometheus.address()), all(server.address()));
    let histograms: usize = theirs.values().map(|series| series.histograms.len()).sum();
    assert!(theirs.len() > 300 && histograms > 5, "Prometheus has native histograms");
    assert!(theirs.keys().eq(ours.keys()), "the same series");
    for (name, series) in &theirs {
        let (theirs, ours) = (&series.floats, &ours[name].floats);
        let times = theirs.keys().chain(ours.keys());
        let differing: Vec<_> = times.filter(|ts| theirs.get(ts) != ours.get(ts)).collect();
        assert!(differing.is_empty(), "{}: {name} differs at {differing:?}", data.display());
    }
    for (name, series) in &theirs {
        assert_eq!(series.essences(), ours[name].essences(), "{}: {name}", data.display());
    }
    let their_exemplars = exemplars(&Client::new(prometheus.address()), until);
    assert_eq!(their_exemplars, exemplars(&server, until), "{}", data.display());
    prometheus
}

#[test]
fn a_prometheus_directory_with_everything_in_it_is_imported_sample_for_sample() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    create_blocks(dir.path());
    let exporter = Exporter::start();
    let config = |own: &str| {
        let target = exporter.address();
        format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n\
             - job_name: self\n  static_configs:\n  - targets: ['{own}', '{target}']\n{OUT_OF_ORDER}"
        )
    };
    let prometheus = Prometheus::start_with(dir.path(), config, &FLAGS);
    let client = Client::new(prometheus.address());
    let begin = now_ms() - 1_200_000;
    for name in ["late", "late_deleted", "deleted"] {
        write(&client, name, begin, 600..900);
    }
    // Older than what is there, and between it.
    for name in ["late", "late_deleted"] {
        write(&client, name, begin, 0..300);
        write(&client, name, begin + 500, 500..700);
    }
    delete(&client, "deleted", begin, 650..700);
    // Of samples that came out of order, version 2.42 deletes none; later ones do, and so does the import.
    delete(&client, "late_deleted", begin, 800..850);
    write(&client, "late_deleted", begin + 250, 700..710);
    delete(&client, "history", 1_700_000_000_000, 3_000..9_000);
    wait_until("the exporter is scraped", PATIENCE, || exporter.scrapes() >= 14);
    prometheus.stop();

    let first = dir.path().join("first");
    let prometheus = compare(&dir.path().join("prometheus-data"), &first);
    let client = Client::new(prometheus.address());
    let found = exemplars(&client, now_ms());
    assert!(found.as_array().is_some_and(|series| !series.is_empty()), "there are exemplars");

    // A snapshot has blocks only, histograms and deletions in them.
    let (status, body) = client.post("/api/v1/admin/tsdb/snapshot");
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).expect("answers are JSON");
    let name = answer["data"]["name"].as_str().expect("a name");
    let snapshot = first.join("prometheus-data/snapshots").join(name);
    compare(&snapshot, &dir.path().join("second"));
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).expect("a directory can be listed") {
        let entry = entry.expect("a directory can be listed");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file can be copied");
        }
    }
}
