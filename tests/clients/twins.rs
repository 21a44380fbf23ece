//! Timberline and a Debian Prometheus with the same samples.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tempfile::TempDir;
use timberline::{Labels, Sample};
use timberline_tests::{Client, Prometheus, Server, wait_until};

/// Seconds of samples, and between them.
const SPAN: i64 = 3_600;
const STEP: i64 = 15;

/// Nanoseconds by which samples lie before the times that are asked for. The edges of a range belong to it
/// in Prometheus before 3.0 and not since then; no sample lies on one.
const LAG: i64 = 4_321_000_000;

/// Both, and what they hold: an hour of a few families, ending at `end`, half of it in a block here.
pub(crate) struct Twins {
    pub(crate) timberline: Server,
    pub(crate) prometheus: Prometheus,
    /// Seconds since the Unix epoch, a multiple of [`STEP`].
    pub(crate) end: i64,
    pub(crate) dir: TempDir,
}

impl Twins {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let timberline = Server::start(&dir.path().join("data"), &[]);
        let prometheus = Prometheus::start_with(
            dir.path(),
            |_| String::new(),
            &["--web.enable-remote-write-receiver"],
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let end = i64::try_from(now.as_secs()).unwrap() / STEP * STEP;
        let twins = Self { timberline, prometheus, end, dir };
        twins.fill();
        twins
    }

    /// The addresses: Timberline's, then Prometheus'.
    pub(crate) fn addresses(&self) -> [&str; 2] {
        [self.timberline.address(), self.prometheus.address()]
    }

    fn fill(&self) {
        let theirs = Client::new(self.prometheus.address());
        let half = self.end - SPAN / 2;
        for (first, last) in [(self.end - SPAN, half), (half + STEP, self.end)] {
            let series = series(first, last, self.end);
            self.timberline.write(&series).unwrap();
            theirs.write(&series).unwrap();
            if last == half {
                assert_eq!(self.timberline.post("/api/v1/admin/tsdb/flush").0, 200);
            }
        }
        wait_until("Prometheus has the last sample", Duration::from_secs(30), || {
            let found = theirs.query("count(http_requests_total)", &self.end.to_string());
            found[0]["value"][1] == "8"
        });
    }

    /// A file in the directory of the test.
    pub(crate) fn write_file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path: &Path = self.dir.path();
        let path = path.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

/// Counters, gauges and a classic histogram of two jobs with four instances.
fn series(first: i64, last: i64, end: i64) -> Vec<(Labels, Vec<Sample>)> {
    let mut series = Vec::new();
    for job in ["api", "web"] {
        for instance in 0..4_i64 {
            let host = format!("host-{instance}:9100");
            let mut add = |name: &str, le: Option<&str>, value: &dyn Fn(i64) -> f64| {
                let own = [("__name__", name), ("instance", &host), ("job", job)];
                let labels = Labels::from_pairs(own.into_iter().chain(le.map(|le| ("le", le))));
                let samples = (first..=last).step_by(15).map(|second| {
                    let tick = (second - (end - SPAN)) / STEP;
                    Sample { ts: second * 1_000_000_000 - LAG, value: value(tick) }
                });
                series.push((labels.unwrap(), samples.collect()));
            };
            add("up", None, &|tick| f64::from(u8::from((tick / 50 + instance) % 5 != 0)));
            add("http_requests_total", None, &|tick| (tick % 97 * (instance + 1)) as f64 * 1.5);
            add("memory_bytes", None, &|tick| 1e9 + (tick * 7_919 % 1_000) as f64 * 1e5);
            for (rank, le) in ["0.1", "1", "+Inf"].into_iter().enumerate() {
                let factor = rank as i64 + 1;
                add("latency_seconds_bucket", Some(le), &move |tick| (tick * factor) as f64);
            }
        }
    }
    series
}

/// Enough of an answer to see what is wrong with it.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(600).collect()
}

/// Whether two answers are the same, but for the order of results and the last digits of numbers.
pub(crate) fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && {
                let pairs = in_order(ours).into_iter().zip(in_order(theirs));
                pairs.into_iter().all(|(ours, theirs)| same(ours, theirs))
            }
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(key, value)| theirs.get(key).is_some_and(|t| same(value, t)))
        }
        (Value::String(ours), Value::String(theirs)) => {
            ours == theirs
                || matches!((ours.parse(), theirs.parse()), (Ok(a), Ok(b)) if close(a, b))
        }
        (Value::Number(ours), Value::Number(theirs)) => ours.as_f64() == theirs.as_f64(),
        _ => ours == theirs,
    }
}

/// Series by their labels; everything else as it is.
fn in_order(list: &[Value]) -> Vec<&Value> {
    let mut list: Vec<&Value> = list.iter().collect();
    if list.iter().all(|item| item["metric"].is_object()) {
        list.sort_by_key(|item| item["metric"].to_string());
    } else if list.iter().all(|item| item.is_object()) {
        list.sort_by_key(ToString::to_string);
    }
    list
}

fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= 1e-12 * ours.abs().max(theirs.abs())
}
