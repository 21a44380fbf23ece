//! The main job on real input: Debian's Prometheus scrapes a real node exporter every second and
//! writes to Timberline; afterwards both give the same answers.
//!
//! `TIMBERLINE_E2E_SECONDS` says for how long.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use timberline_tests::{NodeExporter, Prometheus, Server, count_from_env, wait_until};

/// Metrics asked for in one query.
const NAMES_PER_QUERY: usize = 40;

/// A series in words to the bits of its value: promtool and the API write large numbers differently.
type Answer = BTreeMap<String, u64>;

#[test]
fn prometheus_and_timberline_agree_on_a_node_exporter() {
    let seconds = count_from_env("TIMBERLINE_E2E_SECONDS", 15);
    let dir = tempfile::tempdir().expect("a directory can be made");
    let data = dir.path().join("data");
    let mut server = Server::start(&data, &[]);
    let exporter = NodeExporter::start(dir.path());
    let prometheus = Prometheus::start(dir.path(), exporter.address(), server.address());
    thread::sleep(Duration::from_secs(seconds));
    prometheus.stop_scraping(dir.path());
    wait_for_the_last_sample(&prometheus, &server);

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let window = seconds + 60;
    let names = metric_names(&prometheus);
    assert!(names.len() > 100, "a node exporter has more metrics than {}", names.len());
    let compare = |server: &Server| {
        let mut series = 0;
        for function in ["count_over_time", "sum_over_time"] {
            for names in names.chunks(NAMES_PER_QUERY) {
                let query = over_metrics(function, names, window);
                let expected = promtool(prometheus.address(), &query, now);
                series += expected.len();
                same(&query, &expected, &promtool(server.address(), &query, now));
                same(&query, &expected, &command_line(server.address(), &query, now));
            }
        }
        println!("{series} answers agree");
        assert!(series > 600, "a node exporter has hundreds of series");
    };
    compare(&server);

    server.kill();
    let server = Server::start(&data, &[]);
    compare(&server);
    let (status, body) = server.post("/api/v1/admin/tsdb/flush");
    assert_eq!(status, 200, "{body}");
    compare(&server);
    assert!(server.stop().success(), "the server stops in good order");
}

/// Waits until Prometheus has nothing left to send.
fn wait_for_the_last_sample(prometheus: &Prometheus, server: &Server) {
    let count = |address: &str| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        promtool(address, "sum(count_over_time(node_cpu_seconds_total[1h]))", now)
    };
    wait_until("Prometheus has sent everything", Duration::from_secs(60), || {
        let own = |name: &str| prometheus.own_metric(name);
        let newest = own("prometheus_remote_storage_highest_timestamp_in_seconds");
        let sent = own("prometheus_remote_storage_queue_highest_sent_timestamp_seconds");
        let pending = own("prometheus_remote_storage_samples_pending");
        pending == 0.0 && newest == sent && count(server.address()) == count(prometheus.address())
    });
}

/// The names of the node exporter's metrics.
fn metric_names(prometheus: &Prometheus) -> Vec<String> {
    let url = format!("http://{}/api/v1/label/__name__/values", prometheus.address());
    let mut answer = ureq::get(&url)
        .query("match[]", "{job=\"node\"}")
        .call()
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    let body = answer.body_mut().read_to_string().expect("the answer is text");
    let answer: serde_json::Value = serde_json::from_str(&body).expect("the answer is JSON");
    let names = answer["data"].as_array().expect("a list of names");
    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// The function over several metrics in one query. It drops the names, so they are kept as a label.
fn over_metrics(function: &str, names: &[String], window: u64) -> String {
    let one = |name: &String| {
        format!(
            "label_replace({function}({name}{{job=\"node\"}}[{window}s]), \"n\", \"{name}\", \"\", \"\")"
        )
    };
    names.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn promtool(address: &str, query: &str, time: u64) -> Answer {
    let url = format!("http://{address}");
    let output = Command::new("promtool")
        .args(["query", "instant", "--format=json", "--time", &time.to_string(), &url, query])
        .output()
        .expect("promtool is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {query} at {address}: {said}");
    answer(&output.stdout)
}

fn command_line(address: &str, query: &str, time: u64) -> Answer {
    let output = Command::new(Server::binary())
        .args(["query", "--addr", &format!("http://{address}"), "--format", "json"])
        .args(["--time", &time.to_string(), query])
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "timberline query {query}: {said}");
    answer(&output.stdout)
}

/// Reads a vector, as promtool prints it or as the API has it.
fn answer(json: &[u8]) -> Answer {
    let value: serde_json::Value = serde_json::from_slice(json).expect("the output is JSON");
    let result = if value.is_array() { &value } else { &value["data"]["result"] };
    let series = result.as_array().expect("a vector");
    series
        .iter()
        .map(|series| {
            let value = series["value"][1].as_str().expect("values are strings");
            let value: f64 = value.parse().expect("values are numbers");
            (series["metric"].to_string(), value.to_bits())
        })
        .collect()
}

fn same(query: &str, expected: &Answer, found: &Answer) {
    for (series, value) in expected {
        let found = found.get(series).map(|bits| f64::from_bits(*bits));
        let expected = f64::from_bits(*value);
        let same = found.is_some_and(|found| found.to_bits() == *value);
        assert!(same, "{query}: {series}: {found:?} instead of {expected}");
    }
    assert_eq!(found.len(), expected.len(), "{query}: no series too many");
}

/// The tests of this file need the real programs: say so at once where they are missing.
#[test]
fn the_peers_are_installed() {
    for program in ["prometheus", "promtool", "prometheus-node-exporter"] {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|dir| Path::new(&dir).join(program).exists())
        });
        assert!(found, "{program} is not installed: run ./scripts/setup");
    }
}
