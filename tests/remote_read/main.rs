//! Remote read with a real Prometheus: one that reads from Timberline answers as Timberline does, and one
//! that writes to Timberline finds there what it has itself, native histograms and exemplars too.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use timberline::{Labels, Sample};
use timberline_tests::{Client, Exporter, Form, Prometheus, ReadSeries, Server, read, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

fn now_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_secs()).expect("a time")
}

/// Writes 3 jobs of 4 instances every 15 s for an hour up to `end`; one instance ends early.
fn write(server: &Server, end: i64, minutes: std::ops::Range<i64>) {
    let mut series = Vec::new();
    for job in ["api", "db", "web"] {
        for instance in 0..4_i64 {
            let labels = [
                ("__name__", "requests_total".to_owned()),
                ("instance", format!("host-{instance}")),
                ("job", job.to_owned()),
            ];
            let sample = |step: i64| {
                let ts = end - 3_600 + 15 * step;
                let value = (step * (instance + 1)) as f64 + 0.25;
                Sample { ts: ts * 1_000_000_000 + instance * 1_000_000, value }
            };
            let mut samples: Vec<Sample> =
                (minutes.start * 4..minutes.end * 4).map(sample).collect();
            if instance == 3 && minutes.end > 50 {
                samples.truncate(20);
                let last = samples.last_mut().expect("samples");
                last.value = f64::from_bits(0x7ff0_0000_0000_0002);
            }
            series.push((Labels::from_pairs(labels).expect("labels"), samples));
        }
    }
    server.write(&series).unwrap_or_else(|error| panic!("{error:?}"));
}

#[test]
fn a_prometheus_that_reads_from_timberline_answers_as_timberline_does() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let server = Server::start(&dir.path().join("data"), &[]);
    let end = now_seconds() / 15 * 15;
    // Some of it in a block, some in memory.
    write(&server, end, 0..30);
    let (status, body) = server.post("/api/v1/admin/tsdb/flush");
    assert_eq!(status, 200, "{body}");
    write(&server, end, 30..60);
    let address = server.address().to_owned();
    let config = |_: &str| {
        format!("remote_read:\n- url: http://{address}/api/v1/read\n  read_recent: true\n")
    };
    let prometheus = Prometheus::start_with(dir.path(), config, &[]);
    let (theirs, ours) = (Client::new(prometheus.address()), Client::new(server.address()));
    let mut answers = 0;
    for query in [
        "requests_total",
        "requests_total{job=\"db\"}",
        "requests_total{job=~\"a.*|web\", instance!=\"host-0\"} offset 7m",
        "requests_total{instance!~\"host-[01]\"}",
        "sum by (job) (rate(requests_total[5m]))",
        "max_over_time(requests_total{job=\"api\"}[40m])",
        "count(requests_total)",
        "topk(2, increase(requests_total[10m]))",
        "absent(requests_total{job=\"none\"})",
    ] {
        let (start, last) = ((end - 3_000).to_string(), end.to_string());
        for (path, parameters) in [
            ("/api/v1/query", vec![("query", query), ("time", &last)]),
            (
                "/api/v1/query_range",
                vec![("query", query), ("start", &start), ("end", &last), ("step", "60")],
            ),
        ] {
            let result = |client: &Client| {
                let (status, body) = client.get(path, &parameters);
                assert_eq!(status, 200, "{query}: {body}");
                let answer: Value = serde_json::from_str(&body).expect("answers are JSON");
                series_of(&answer["data"]["result"])
            };
            let (theirs, ours) = (result(&theirs), result(&ours));
            assert_eq!(theirs, ours, "{path} {query}");
            answers += ours.len();
        }
    }
    assert!(answers > 50, "{answers} series were compared");
    let all = (0, (end + 60) * 1_000);
    let sampled = read(&address, Form::Samples, ("__name__", ".+"), all);
    assert_eq!(sampled, read(&address, Form::Chunks, ("__name__", ".+"), all));
    assert_eq!(sampled.len(), 12);
    assert_eq!(
        sampled.values().map(|series| series.floats.len()).sum::<usize>(),
        9 * 240 + 3 * 140
    );
}

/// Series in words to everything else of them, which is compared as text.
fn series_of(result: &Value) -> BTreeMap<String, String> {
    let series = result.as_array().expect("a list of series").iter();
    series
        .map(|series| {
            let mut rest = series.as_object().expect("a series").clone();
            let metric = rest.remove("metric").expect("a metric");
            // Times are equal as numbers: one side writes 5.000 where the other writes 5.
            (metric.to_string(), normal(&Value::Object(rest)))
        })
        .collect()
}

fn normal(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().expect("a number").to_string(),
        // Sums may differ in their last digits by the order of their additions.
        Value::String(text) => {
            text.parse::<f64>().map_or_else(|_| text.clone(), |number| format!("{number:.12e}"))
        }
        Value::Array(items) => format!("{:?}", items.iter().map(normal).collect::<Vec<_>>()),
        Value::Object(fields) => {
            format!("{:?}", fields.iter().map(|(k, v)| (k, normal(v))).collect::<Vec<_>>())
        }
        other => other.to_string(),
    }
}

#[test]
fn what_prometheus_wrote_is_read_back_as_prometheus_has_it() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let server = Server::start(&dir.path().join("data"), &[]);
    let address = server.address().to_owned();
    let exporter = Exporter::start();
    let config = |own: &str| {
        let target = exporter.address();
        format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n\
             scrape_configs:\n- job_name: self\n  static_configs:\n  - targets: ['{own}', '{target}']\n\
             remote_write:\n- url: http://{address}/api/v1/write\n  send_exemplars: true\n  \
             send_native_histograms: true\n  metadata_config:\n    send_interval: 1s\n"
        )
    };
    let flags = ["--enable-feature=native-histograms,exemplar-storage"];
    let prometheus = Prometheus::start_with(dir.path(), config, &flags);
    wait_until("the exporter is scraped", PATIENCE, || exporter.scrapes() >= 14);
    prometheus.stop_scraping(dir.path());
    let all = (0, (now_seconds() + 60) * 1_000);
    let both = |form| {
        let from = |address: &str| read(address, form, ("job", "self"), all);
        (from(prometheus.address()), from(&address))
    };
    let count = |found: &BTreeMap<String, ReadSeries>| -> (usize, usize) {
        let count = |count: fn(&ReadSeries) -> usize| found.values().map(count).sum();
        (count(|series| series.floats.len()), count(|series| series.histograms.len()))
    };
    // Stale markers and the last samples are on their way for a moment.
    wait_until("Prometheus has sent everything", PATIENCE, || {
        let (theirs, ours) = both(Form::Chunks);
        count(&theirs) == count(&ours)
    });
    let (theirs, ours) = both(Form::Chunks);
    let (floats, histograms) = count(&theirs);
    println!("{} series, {floats} floats, {histograms} histograms", theirs.len());
    assert!(theirs.len() > 300 && histograms > 5, "Prometheus has native histograms");
    assert!(theirs.keys().eq(ours.keys()), "the same series");
    for (name, series) in &theirs {
        assert_eq!(series.floats, ours[name].floats, "{name}");
        assert_eq!(series.essences(), ours[name].essences(), "{name}");
    }
    // Version 2.42 leaves histograms out of sampled answers, so that only its floats can be compared.
    let (theirs, sampled) = both(Form::Samples);
    for (name, series) in &ours {
        assert_eq!(series.floats, sampled[name].floats, "{name}");
        assert_eq!(series.essences(), sampled[name].essences(), "{name}");
        assert!(theirs.get(name).is_none_or(|theirs| theirs.floats == series.floats), "{name}");
    }
    the_api_agrees(&prometheus, &server);
}

/// Histograms as JSON, and metadata, from both.
fn the_api_agrees(prometheus: &Prometheus, server: &Server) {
    let (theirs, ours) = (Client::new(prometheus.address()), Client::new(server.address()));
    let time = (now_seconds() - 5).to_string();
    let query = "sizes[1m]";
    let answer = |client: &Client| series_of(&client.query(query, &time));
    let (theirs_found, ours_found) = (answer(&theirs), answer(&ours));
    let histograms = theirs_found.values().filter(|rest| rest.contains("histograms")).count();
    println!("{histograms} series of histograms, {} in all", theirs_found.len());
    assert!(histograms > 0, "native histograms are among them");
    assert_eq!(theirs_found, ours_found);
    let metadata = |client: &Client| -> Value {
        let (status, body) = client.get("/api/v1/metadata", &[]);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("metadata is JSON")
    };
    let (start, end) = ((now_seconds() - 120).to_string(), (now_seconds() + 5).to_string());
    let exemplars = |client: &Client| -> Value {
        let parameters = [("query", "rate(scrapes_total[1m])"), ("start", &start), ("end", &end)];
        let (status, body) = client.get("/api/v1/query_exemplars", &parameters);
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).expect("exemplars are JSON");
        answer["data"].clone()
    };
    let (theirs_found, ours_found) = (exemplars(&theirs), exemplars(&ours));
    let count = |found: &Value| found[0]["exemplars"].as_array().map_or(0, Vec::len);
    println!("{} exemplars", count(&theirs_found));
    assert!(count(&theirs_found) > 5, "{theirs_found}");
    assert_eq!(normal(&theirs_found), normal(&ours_found));
    // Prometheus has forgotten its own with its targets; they were sent before.
    let found = metadata(&ours);
    let families = found["data"].as_object().expect("families");
    assert!(families.len() > 100, "{} families", families.len());
    assert_eq!(families["prometheus_build_info"][0]["type"], "gauge");
    assert_eq!(families["sizes"][0]["type"], "histogram");
}
