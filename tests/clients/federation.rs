//! A Prometheus that scrapes `/federate`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use timberline::{Labels, Sample};
use timberline_tests::{Client, Prometheus, Server, wait_until};

#[test]
fn a_prometheus_that_federates_has_the_samples_with_their_labels_and_times() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"), &[]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let at = i64::try_from(now.as_secs()).unwrap() - 5;
    let series = |name: &str, instance: &str, value: f64| {
        let pairs =
            [("__name__", name), ("instance", instance), ("job", "node"), ("path", "a\"b\\")];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let ts = at * 1_000_000_000 + 250_000_000;
        (Labels::from_pairs(pairs).unwrap(), vec![Sample { ts, value }])
    };
    let written = [
        series("load", "host-1", 1_234_567.875),
        series("load", "", f64::INFINITY),
        series("other", "host-1", 7.0),
    ];
    server.write(&written).unwrap();
    let address = server.address().to_owned();
    let config = |_: &str| {
        format!(
            "scrape_configs:\n- job_name: federate\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  \
             honor_labels: true\n  metrics_path: /federate\n  params:\n    match[]: ['load']\n  \
             static_configs:\n  - targets: ['{address}']\n"
        )
    };
    let prometheus = Prometheus::start_with(dir.path(), config, &[]);
    let theirs = Client::new(prometheus.address());
    let time = (at + 60).to_string();
    wait_until("the samples are there", Duration::from_secs(30), || {
        theirs.query("count(load)", &time)[0]["value"][1] == "2"
    });
    let found = theirs.query("load{instance=\"host-1\",job=\"node\",path=\"a\\\"b\\\\\"}", &time);
    assert_eq!(found[0]["value"][1], "1234567.875", "{found}");
    // An empty instance label keeps the scrape's own away.
    let found = theirs.query("load{instance=\"\"}", &time);
    assert_eq!(found[0]["value"][1], "+Inf", "{found}");
    let found = theirs.query("timestamp(load{instance=\"host-1\"})", &time);
    assert_eq!(found[0]["value"][1], format!("{at}.25"), "{found}");
    assert_eq!(theirs.query("count(other) or vector(0)", &time)[0]["value"][1], "0");
}
