//! What questions about labels cost with many series: in the head, and then in a block.
//!
//! `cargo bench -p timberline-engine --bench index`, optionally with `-- SERIES` (200,000 by default, 10
//! million take about 6 GB of memory). Data: 100 metrics; an `instance` for each 100 series, an `id` for
//! each 10, four regions, 20 services; one sample each. A question is asked until a second has passed,
//! at most 20 times, and the fastest counts.

use std::{
    hint::black_box,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use timberline_engine::{Engine, EngineOptions};
use timberline_io::{RealDisk, SystemClock};
use timberline_model::{
    Durability, LabelQuery, Labels, MatchOp, Matcher, Selector, SeriesSource, TimeRange, WriteBatch,
};

const BATCH_SERIES: usize = 20_000;
const ASKS_MAX: usize = 20;
const TS: i64 = 1_700_000_000_000_000_000;

fn labels(series: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("metric_{:02}_total", series % 100)),
        ("id", format!("id-{:08x}", (series / 10).wrapping_mul(2_654_435_761) as u32)),
        ("instance", format!("host-{:06}:9100", series / 100)),
        ("region", ["eu", "us", "ap", "sa"][series / 100 % 4].to_owned()),
        ("service", format!("service-{}", series / 100 % 20)),
    ])
    .expect("valid labels")
}

fn open(dir: &std::path::Path) -> Engine {
    let options = EngineOptions { background: false, flush_bytes: u64::MAX, ..Default::default() };
    Engine::open(Arc::new(RealDisk), Arc::new(SystemClock), dir, options).expect("it opens")
}

fn fill(engine: &Engine, count: usize) {
    let begun = Instant::now();
    for start in (0..count).step_by(BATCH_SERIES) {
        let mut batch = WriteBatch::default();
        for series in start..count.min(start + BATCH_SERIES) {
            batch.push_labels(labels(series));
            batch.push_sample(TS, series as f64);
        }
        engine.write(&batch, Durability::Logged).expect("there is room");
    }
    println!("{count} series written in {:.1?}", begun.elapsed());
}

/// Asks until a second has passed, and says how fast the fastest was, and how much it found.
fn ask(what: &str, mut question: impl FnMut() -> usize) {
    let begun = Instant::now();
    let (mut best, mut found) = (Duration::MAX, 0);
    for _ in 0..ASKS_MAX {
        let asked = Instant::now();
        found = black_box(question());
        best = best.min(asked.elapsed());
        if begun.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    println!("  {what:<58} {:>9.3} ms {found:>9} found", best.as_secs_f64() * 1e3);
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher::new(name, op, value).expect("valid matchers")
}

fn query(matchers: &[Matcher]) -> LabelQuery {
    let selectors = if matchers.is_empty() { Vec::new() } else { vec![matchers.to_vec()] };
    LabelQuery { selectors, ..LabelQuery::default() }
}

fn ask_all(engine: &Engine) {
    use MatchOp::{Equal, NotRegex, Regex};
    let metric = || matcher("__name__", Equal, "metric_07_total");
    let names = |matchers: &[Matcher]| engine.label_names(&query(matchers)).expect("sound").len();
    let values = |name: &str, matchers: &[Matcher]| {
        engine.label_values(name, &query(matchers)).expect("sound").len()
    };
    let select = |matchers: &[Matcher]| {
        let selector = Selector { matchers: matchers.to_vec(), range: TimeRange::ALL };
        let streams = engine.scan(&selector, NonZeroUsize::MIN).expect("sound");
        streams.iter().map(|stream| stream.series_count_max()).sum()
    };
    ask("label names", || names(&[]));
    ask("label names of a metric", || names(&[metric()]));
    ask("metric names", || values("__name__", &[]));
    ask("metric names of a service", || {
        values("__name__", &[matcher("service", Equal, "service-3")])
    });
    ask("instances", || values("instance", &[]));
    ask("instances of a metric", || values("instance", &[metric()]));
    ask("instances of a region", || values("instance", &[matcher("region", Equal, "eu")]));
    ask("ids", || values("id", &[]));
    ask("ids of an instance", || values("id", &[matcher("instance", Equal, "host-000123:9100")]));
    ask("ids, at most 100", || {
        let query = LabelQuery { limit: 100, ..query(&[]) };
        engine.label_values("id", &query).expect("sound").len()
    });
    ask("series {id=~\"id-0000.*\"} (prefix)", || select(&[matcher("id", Regex, "id-0000.*")]));
    ask("series {id=~\"id-00000000|id-9e3779b1|x\"} (alternation)", || {
        select(&[matcher("id", Regex, "id-00000000|id-9e3779b1|x")])
    });
    ask("series {id=~\".*abcd.*\"}", || select(&[matcher("id", Regex, ".*abcd.*")]));
    ask("series {id=~\"(id-a|id-b).*7[0-9]\"}", || {
        select(&[matcher("id", Regex, "(id-a|id-b).*7[0-9]")])
    });
    ask("series {instance=~\".*77.*\", __name__=\"metric_07_total\"}", || {
        select(&[matcher("instance", Regex, ".*77.*"), metric()])
    });
    ask("series {instance!~\"host-00.*\", __name__=\"metric_07_total\"}", || {
        select(&[matcher("instance", NotRegex, "host-00.*"), metric()])
    });
    ask("series of a metric", || select(&[metric()]));
    ask("cardinality, 10 of each", || engine.cardinality(10).series_by_metric.len());
    ask("numbers of the engine", || engine.stats().series as usize);
}

fn main() {
    let count = std::env::args().filter_map(|text| text.parse().ok()).next().unwrap_or(200_000);
    let dir = tempfile::tempdir().expect("a directory can be made");
    let engine = open(dir.path());
    fill(&engine, count);
    println!("head:");
    ask_all(&engine);
    let begun = Instant::now();
    engine.flush().expect("there is room");
    println!("flushed in {:.1?}; block:", begun.elapsed());
    ask_all(&engine);
}
