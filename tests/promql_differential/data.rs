//! Three hours of series as a small company has them: counters that start over, gauges, classic histograms,
//! series that come and go, and values that are no numbers.
//!
//! Samples lie between 0.3 s and 0.45 s after whole seconds, and no two are closer than 10 s: no window or
//! look-back of whole or half seconds begins where a sample lies, so that it does not matter whether the
//! beginning belongs to it (Prometheus before 3.0) or not.

use timberline::{Labels, Sample};
use timberline_io::Random;

/// A time at the beginning of all data, in seconds; a multiple of two hours.
pub(crate) const START: i64 = 1_700_092_800;
/// Seconds of data.
pub(crate) const SPAN: i64 = 3 * 3_600;
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// A series and its samples in order of time.
pub(crate) type Series = (Labels, Vec<Sample>);

/// All series.
pub(crate) fn series(chance: &mut Random) -> Vec<Series> {
    let mut all = Vec::new();
    for (job, instance) in hosts() {
        let host = [("job", job), ("instance", instance)];
        for code in ["200", "404", "500"] {
            let labels = labels("requests_total", &[&host[..], &[("code", code)]].concat());
            all.push((labels, counter(chance, 15)));
        }
        all.push((labels("temperature", &host), gauge(chance, 30)));
        all.push((labels("memory_bytes", &host), memory(chance)));
        all.push((labels("queue", &[&host[..], &[("name", "in")]].concat()), sparse(chance)));
        all.push((labels("build_info", &[&host[..], &[("version", instance)]].concat()), ones()));
        all.extend(histogram(chance, &host));
    }
    for kind in ["a", "b", "c"] {
        all.push((labels("odd", &[("kind", kind)]), odd(chance)));
    }
    all
}

fn hosts() -> impl Iterator<Item = (&'static str, &'static str)> {
    let jobs = ["api", "db"].into_iter();
    jobs.flat_map(|job| ["h1", "h2", "h3"].into_iter().map(move |instance| (job, instance)))
}

fn labels(name: &str, pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied().chain([("__name__", name)])).expect("labels")
}

/// Samples every so many seconds.
fn every(
    seconds: i64,
    chance: &mut Random,
    mut value: impl FnMut(&mut Random) -> Option<f64>,
) -> Vec<Sample> {
    let first = chance.below(seconds as u64) as i64;
    let times = (0..).map(|n| first + n * seconds).take_while(|at| *at < SPAN);
    let mut samples = Vec::new();
    for at in times {
        let millis = (START + at) * 1_000 + 300 + chance.below(150) as i64;
        if let Some(value) = value(chance) {
            samples.push(Sample { ts: millis * 1_000_000, value });
        }
    }
    samples
}

/// Grows by whole numbers, starts over now and then far from zero, and misses a sample now and then.
fn counter(chance: &mut Random, seconds: i64) -> Vec<Sample> {
    let mut value = 10_000.0 + chance.below(5_000) as f64;
    every(seconds, chance, |chance| {
        value += chance.below(9) as f64;
        if chance.below(90) == 0 {
            value = 3_000.0 + chance.below(100) as f64;
        }
        (!chance.percent(4)).then_some(value)
    })
}

/// Walks in steps of an eighth; the last digits are the series' own.
fn gauge(chance: &mut Random, seconds: i64) -> Vec<Sample> {
    let own = chance.below(1 << 20) as f64 / f64::from(1 << 24);
    let mut value = chance.below(400) as f64 / 8.0 - 10.0;
    every(seconds, chance, |chance| {
        value += (chance.below(9) as f64 - 4.0) / 8.0;
        (!chance.percent(3)).then_some(value + own)
    })
}

fn memory(chance: &mut Random) -> Vec<Sample> {
    let mut value = 1e9 + chance.below(1 << 28) as f64;
    every(60, chance, |chance| {
        value += chance.below(1 << 20) as f64 - f64::from(1 << 19);
        Some(value)
    })
}

/// Is there for some minutes and ends by a stale marker or by silence.
fn sparse(chance: &mut Random) -> Vec<Sample> {
    let (mut there, mut value) = (true, 1.0);
    every(20, chance, |chance| {
        if chance.below(25) == 0 {
            there = !there;
            return (!there && chance.percent(50)).then_some(STALE);
        }
        value = (chance.below(64) as f64) / 4.0;
        there.then_some(value)
    })
}

fn ones() -> Vec<Sample> {
    every(60, &mut Random::new(1), |_| Some(1.0))
}

/// Numbers among which are some that are none.
fn odd(chance: &mut Random) -> Vec<Sample> {
    every(45, chance, |chance| {
        Some(match chance.below(12) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => 0.0,
            4 => -0.0,
            other => other as f64 - 7.5,
        })
    })
}

/// Buckets, count and sum that agree with each other at every time.
fn histogram(chance: &mut Random, host: &[(&str, &str)]) -> Vec<Series> {
    const BOUNDS: [&str; 5] = ["0.1", "0.5", "1", "2.5", "+Inf"];
    let mut counts = [500.0; 5];
    let mut sum = 700.0;
    let mut all: Vec<Series> = BOUNDS
        .iter()
        .map(|le| (labels("latency_bucket", &[host, &[("le", le)]].concat()), Vec::new()))
        .collect();
    let (mut total, mut sums) = (Vec::new(), Vec::new());
    for Sample { ts, .. } in every(30, chance, |_| Some(0.0)) {
        let mut more = 0.0;
        for (bucket, count) in counts.iter_mut().enumerate() {
            more += chance.below(4) as f64;
            *count += more;
            all[bucket].1.push(Sample { ts, value: *count + 100.0 * bucket as f64 });
        }
        sum += more * 0.625;
        total.push(Sample { ts, value: counts[4] + 400.0 });
        sums.push(Sample { ts, value: sum });
    }
    all.push((labels("latency_count", host), total));
    all.push((labels("latency_sum", host), sums));
    all
}
