//! The load: hosts with ten labels that report their processors every ten seconds, as in the devops
//! set of the Time Series Benchmark Suite.
//!
//! Invariant: a seed, a size and a last instant give the same bytes on every machine. All samples of
//! one series are in the requests of one connection, in order.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::{
    random::Random,
    remote_write::{Request, encode_labels},
};

/// Seconds between two samples of a series.
pub(super) const STEP_SECONDS: u64 = 10;
/// The metric whose count is asked for afterwards; every host has it.
pub(super) const FIRST_METRIC: &str = "cpu_usage_user";

/// The processor metrics of a host.
pub(super) const METRICS: [&str; 10] = [
    FIRST_METRIC,
    "cpu_usage_system",
    "cpu_usage_idle",
    "cpu_usage_nice",
    "cpu_usage_iowait",
    "cpu_usage_irq",
    "cpu_usage_softirq",
    "cpu_usage_steal",
    "cpu_usage_guest",
    "cpu_usage_guest_nice",
];
/// Every so many-th host has a histogram, where there are services.
const HISTOGRAM_EVERY: usize = 10;
/// Upper bounds of its buckets, in seconds.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, f64::INFINITY];
const REGIONS: [(&str, &[&str]); 5] = [
    ("us-east-1", &["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1e"]),
    ("us-west-2", &["us-west-2a", "us-west-2b", "us-west-2c"]),
    ("eu-west-1", &["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
    ("ap-southeast-1", &["ap-southeast-1a", "ap-southeast-1b"]),
    ("sa-east-1", &["sa-east-1a", "sa-east-1b", "sa-east-1c"]),
];

/// How much, of what.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadOptions {
    pub(super) hosts: usize,
    pub(super) metrics: usize,
    /// Samples of each series.
    pub(super) samples: usize,
    pub(super) connections: usize,
    /// Samples in one request.
    pub(super) request_samples: usize,
    pub(super) seed: u64,
    /// Hosts that are replaced by others.
    pub(super) churn: Option<Churn>,
    /// Whether every host has a counter too, and every tenth one a classic histogram.
    pub(super) services: bool,
    /// The last instant, in milliseconds since the Unix epoch.
    pub(super) end_ms: i64,
}

/// How hosts are replaced by others, whose series are new.
#[derive(Clone, Copy, Debug)]
pub(super) struct Churn {
    /// Every so many-th host is.
    pub(super) every: usize,
    /// After so many steps.
    pub(super) lifetime: usize,
}

/// The newest step that lies in the past, in milliseconds since the Unix epoch.
pub(super) fn now_ms() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let seconds = now.as_secs() / STEP_SECONDS * STEP_SECONDS;
    i64::try_from(seconds * 1000).context("the clock is too far ahead")
}

impl LoadOptions {
    /// Hosts with ten metrics each that report until now.
    pub(super) fn until_now(hosts: usize, samples: usize) -> Result<Self> {
        Ok(Self {
            hosts: hosts.max(1),
            metrics: METRICS.len(),
            samples: samples.max(1),
            connections: 2.min(hosts),
            request_samples: 10_000,
            seed: 1,
            churn: None,
            services: false,
            end_ms: now_ms()?,
        })
    }

    /// All samples of all series.
    pub(super) fn total(&self) -> u64 {
        let per_host = |host| metrics_of(self, host).len();
        (0..self.hosts).map(per_host).sum::<usize>() as u64 * self.samples as u64
    }

    fn ts_ms(&self, step: usize) -> i64 {
        let before_end = (self.samples - 1 - step) as i64;
        self.end_ms - before_end * (STEP_SECONDS as i64) * 1000
    }
}

/// One request, ready to be sent.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// The step of its last sample.
    pub(super) step: usize,
}

/// The requests of each connection.
pub(super) fn build(options: &LoadOptions) -> Result<Vec<Vec<Body>>> {
    let connections = options.connections.min(options.hosts).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|first| scope.spawn(move || build_connection(options, first, connections)))
            .collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .map(|bodies| bodies.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Every `connections`-th host from `first` on, step by step.
fn build_connection(options: &LoadOptions, first: usize, connections: usize) -> Result<Vec<Body>> {
    let hosts = (first..options.hosts).step_by(connections);
    let mut series: Vec<Series> = hosts
        .flat_map(|host| metrics_of(options, host).into_iter().map(move |metric| (host, metric)))
        .map(|(host, metric)| Series::new(options.seed, host, metric))
        .collect();
    let mut generation = 0;
    let mut bodies = Vec::new();
    let mut request = Request::default();
    let mut count = 0;
    for step in 0..options.samples {
        let ts_ms = options.ts_ms(step);
        if let Some(churn) = options.churn.filter(|churn| step / churn.lifetime != generation) {
            generation = step / churn.lifetime;
            let replaced = series.iter_mut().filter(|it| it.host.is_multiple_of(churn.every));
            replaced.for_each(|series| series.rename(options.seed, generation));
        }
        for series in &mut series {
            let value = series.next();
            request.push(&series.labels, ts_ms, value);
            count += 1;
            if count == options.request_samples {
                bodies.push(Body { bytes: request.finish()?, step });
                count = 0;
            }
        }
    }
    if count > 0 {
        bodies.push(Body { bytes: request.finish()?, step: options.samples - 1 });
    }
    Ok(bodies)
}

/// What a series measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    /// One of a host's processor metrics: a walk between 0 and 100.
    Cpu(usize),
    /// A counter that never stops.
    Counter,
    /// A bucket of a classic histogram, by its place in [`BOUNDS`].
    Bucket(usize),
}

/// The metrics of a host.
fn metrics_of(options: &LoadOptions, host: usize) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = (0..options.metrics).map(Metric::Cpu).collect();
    if options.services {
        metrics.push(Metric::Counter);
        if host.is_multiple_of(HISTOGRAM_EVERY) {
            metrics.extend((0..BOUNDS.len()).map(Metric::Bucket));
        }
    }
    metrics
}

/// A series, and where its values stand.
#[derive(Debug)]
struct Series {
    host: usize,
    metric: Metric,
    labels: Vec<u8>,
    random: Random,
    value: f64,
    /// Values are multiples of one over this.
    scale: f64,
}

impl Series {
    fn new(seed: u64, host: usize, metric: Metric) -> Self {
        let labels = series_labels(seed, host, metric, 0);
        let number = match metric {
            Metric::Cpu(metric) => metric as u64 + 1,
            // The buckets of a histogram see the same requests.
            Metric::Counter | Metric::Bucket(_) => 1 << 16,
        };
        let mut random = Random::new(seed ^ (host as u64) << 20 ^ number);
        let value = match metric {
            Metric::Cpu(_) => random.unit() * 100.0,
            Metric::Counter | Metric::Bucket(_) => 0.0,
        };
        // Half of the metrics are whole numbers, half have two decimals.
        let scale =
            if matches!(metric, Metric::Cpu(metric) if metric % 2 == 1) { 100.0 } else { 1.0 };
        Self { host, metric, labels, random, value, scale }
    }

    /// The host gives way to another one in its place.
    fn rename(&mut self, seed: u64, generation: usize) {
        self.labels = series_labels(seed, self.host, self.metric, generation);
    }

    fn next(&mut self) -> f64 {
        match self.metric {
            Metric::Cpu(_) => self.value = (self.value + self.random.normal()).clamp(0.0, 100.0),
            Metric::Counter => self.value += (self.random.unit() * 500.0).floor(),
            Metric::Bucket(bound) => {
                // Latencies are exponentially distributed, a third of a second on average.
                let share = 1.0 - (-3.0 * BOUNDS[bound]).exp();
                self.value += self.random.unit() * 200.0 * share;
            }
        }
        (self.value * self.scale).round() / self.scale
    }
}

fn series_labels(seed: u64, host: usize, metric: Metric, generation: usize) -> Vec<u8> {
    let mut of_host = Random::new(seed ^ (host as u64) << 20);
    let name = match generation {
        0 => format!("host_{host}"),
        _ => format!("host_{host}_{generation}"),
    };
    let labels = labels(name, metric, &mut of_host);
    encode_labels(labels.iter().map(|(name, value)| (*name, value.as_str())))
}

/// The labels of a series, sorted by name.
fn labels(host: String, metric: Metric, of_host: &mut Random) -> Vec<(&'static str, String)> {
    let number = |random: &mut Random, below: f64| ((random.unit() * below) as u64).to_string();
    let (region, datacenters) = REGIONS[(of_host.unit() * REGIONS.len() as f64) as usize];
    let datacenter = of_host.pick(datacenters).to_owned();
    let mut labels = vec![
        ("hostname", host),
        ("region", region.to_owned()),
        ("datacenter", datacenter),
        ("rack", number(of_host, 100.0)),
        ("os", of_host.pick(&["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"]).to_owned()),
        ("arch", of_host.pick(&["x64", "x86"]).to_owned()),
        ("team", of_host.pick(&["SF", "NYC", "LON", "CHI"]).to_owned()),
        ("service", number(of_host, 20.0)),
        ("service_version", number(of_host, 2.0)),
        ("service_environment", of_host.pick(&["production", "staging", "test"]).to_owned()),
    ];
    let name = match metric {
        Metric::Cpu(metric) => match METRICS.get(metric) {
            Some(name) => (*name).to_owned(),
            None => format!("cpu_usage_{metric}"),
        },
        Metric::Counter => "disk_operations_total".to_owned(),
        Metric::Bucket(bound) => {
            let bound = BOUNDS[bound];
            labels.push((
                "le",
                if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() },
            ));
            "request_duration_seconds_bucket".to_owned()
        }
    };
    labels.push(("__name__", name));
    labels.sort_unstable();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> LoadOptions {
        LoadOptions {
            hosts: 5,
            metrics: 3,
            samples: 4,
            connections: 2,
            request_samples: 10,
            seed: 1,
            churn: None,
            services: false,
            end_ms: 1_700_000_000_000,
        }
    }

    #[test]
    fn a_seed_gives_the_same_bytes() {
        let bytes = |seed| -> Vec<Vec<u8>> {
            let built = build(&LoadOptions { seed, ..options() }).unwrap();
            built.into_iter().flatten().map(|body| body.bytes).collect()
        };
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn all_samples_are_in_requests_of_the_size_asked_for() {
        let built = build(&options()).unwrap();
        // Three hosts, then two, of three metrics and four samples each.
        assert_eq!(built.iter().map(Vec::len).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(options().total(), 60);
        assert_eq!(built[0].last().unwrap().step, 3);
    }

    #[test]
    fn the_last_sample_is_at_the_end() {
        assert_eq!(options().ts_ms(3), 1_700_000_000_000);
        assert_eq!(options().ts_ms(0), 1_699_999_970_000);
    }

    #[test]
    fn values_walk_between_zero_and_a_hundred() {
        for metric in 0..2 {
            let mut series = Series::new(7, 3, Metric::Cpu(metric));
            let values: Vec<f64> = (0..1000).map(|_| series.next()).collect();
            assert!(values.iter().all(|value| (0.0..=100.0).contains(value)));
            let whole = values.iter().all(|value| value.fract() == 0.0);
            assert_eq!(whole, metric == 0);
        }
    }

    #[test]
    fn buckets_hold_what_smaller_ones_hold() {
        let mut buckets: Vec<Series> =
            (0..BOUNDS.len()).map(|bound| Series::new(7, 10, Metric::Bucket(bound))).collect();
        let mut last = vec![0.0; BOUNDS.len()];
        for _ in 0..100 {
            let values: Vec<f64> = buckets.iter_mut().map(Series::next).collect();
            assert!(values.is_sorted());
            assert!(values.iter().zip(&last).all(|(now, before)| now >= before));
            last = values;
        }
        let services = LoadOptions { services: true, ..options() };
        assert_eq!(services.total(), (5 * 4 + 11) * 4);
    }

    #[test]
    fn labels_are_sorted_and_belong_to_the_host() {
        let of = |metric| labels("host_9".to_owned(), Metric::Cpu(metric), &mut Random::new(4));
        assert_eq!(of(0).len(), 11);
        assert!(of(0).is_sorted());
        assert_eq!(of(0)[1..], of(1)[1..]);
        assert_ne!(of(0)[0], of(1)[0]);
    }
}
