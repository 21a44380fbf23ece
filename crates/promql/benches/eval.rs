//! How fast queries are evaluated once their samples are decoded: 1,000 series of 3 hours at 15 s
//! (720,000 samples), handed out as columns by a source that only copies.

use std::{hint::black_box, num::NonZeroUsize, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use timberline_model::{
    LabelQuery, Labels, ScanError, Selector, SeriesColumns, SeriesScan, SeriesSource,
};
use timberline_promql::{
    eval::{Limits, Query, evaluate},
    parse,
};

const SECOND: i64 = 1_000_000_000;
const SERIES: usize = 1_000;
const HOURS: i64 = 3;
const SCRAPE: i64 = 15;

struct Columns {
    labels: Vec<Labels>,
    timestamps: Vec<i64>,
    values: Vec<Vec<f64>>,
}

impl Columns {
    fn new() -> Self {
        let count = HOURS * 3_600 / SCRAPE;
        let labels = (0..SERIES).map(|index| {
            let (host, cpu) = (format!("host-{}", index / 8), (index % 8).to_string());
            Labels::from_pairs([
                ("__name__", "node_cpu_seconds_total"),
                ("job", "node"),
                ("mode", "user"),
                ("instance", &host),
                ("cpu", &cpu),
            ])
            .expect("well-formed labels")
        });
        Self {
            labels: labels.collect(),
            timestamps: (0..count).map(|index| index * SCRAPE * SECOND).collect(),
            values: (0..SERIES)
                .map(|series| (0..count).map(|i| (i * (series as i64 % 7 + 1)) as f64).collect())
                .collect(),
        }
    }
}

struct Part<'a> {
    columns: &'a Columns,
    range: std::ops::Range<usize>,
    places: Vec<usize>,
}

impl SeriesScan for Part<'_> {
    fn next(&mut self, columns: &mut SeriesColumns) -> Result<Option<Labels>, ScanError> {
        columns.clear();
        let Some(place) = self.places.pop() else { return Ok(None) };
        columns.timestamps.extend_from_slice(&self.columns.timestamps[self.range.clone()]);
        columns.values.extend_from_slice(&self.columns.values[place][self.range.clone()]);
        Ok(Some(self.columns.labels[place].clone()))
    }

    fn series_count_max(&self) -> usize {
        self.places.len()
    }
}

/// The columns behind a `'static` reference, as scans own what they read.
struct Source(&'static Columns);

impl SeriesSource for Source {
    fn scan(
        &self,
        selector: &Selector,
        partitions: NonZeroUsize,
    ) -> Result<Vec<Box<dyn SeriesScan>>, ScanError> {
        let from = self.0.timestamps.partition_point(|ts| *ts < selector.range.start);
        let to = self.0.timestamps.partition_point(|ts| *ts <= selector.range.end);
        let part = |part: usize| {
            let places = (0..SERIES).filter(|place| *place % partitions == part).collect();
            Box::new(Part { columns: self.0, range: from..to, places }) as Box<dyn SeriesScan>
        };
        Ok((0..partitions.get()).map(part).collect())
    }

    fn label_names(&self, _: &LabelQuery) -> Result<Vec<String>, ScanError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &LabelQuery) -> Result<Vec<String>, ScanError> {
        Ok(Vec::new())
    }

    fn series(&self, _: &LabelQuery) -> Result<Vec<Labels>, ScanError> {
        Ok(Vec::new())
    }
}

/// Queries over 3 hours by 15 s steps (720 steps), and one instant.
const RANGES: [(&str, &str); 8] = [
    ("selector", "node_cpu_seconds_total"),
    ("sum_by_rate", "sum by (instance) (rate(node_cpu_seconds_total[5m]))"),
    ("rate", "rate(node_cpu_seconds_total[5m])"),
    ("avg_over_time_5m", "avg_over_time(node_cpu_seconds_total[5m])"),
    ("max_over_time_1h", "max_over_time(node_cpu_seconds_total[1h])"),
    ("topk", "topk(5, rate(node_cpu_seconds_total[5m]))"),
    ("quantile", "quantile by (job) (0.9, rate(node_cpu_seconds_total[5m]))"),
    (
        "ratio",
        "rate(node_cpu_seconds_total[5m]) / on (instance) group_left \
         sum by (instance) (rate(node_cpu_seconds_total[5m]))",
    ),
];

fn evaluation(criterion: &mut Criterion) {
    let source = Source(Box::leak(Box::new(Columns::new())));
    let end = HOURS * 3_600 * SECOND;
    let mut group = criterion.benchmark_group("eval");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements((SERIES * source.0.timestamps.len()) as u64));
    for (name, text) in RANGES {
        let expr = parse(text).expect("a query");
        for threads in [1, 2] {
            let partitions = NonZeroUsize::new(threads).expect("at least one thread");
            let limits = Limits { partitions, ..Limits::default() };
            group.bench_function(format!("{name}/{threads}_threads"), |bencher| {
                let query = Query::range(&expr, 0, end, SCRAPE * SECOND);
                bencher.iter(|| black_box(evaluate(&source, &query, &limits).expect("an answer")));
            });
        }
    }
    group.throughput(Throughput::Elements(SERIES as u64));
    let expr = parse("sum by (instance) (rate(node_cpu_seconds_total[5m]))").expect("a query");
    group.bench_function("sum_by_rate_instant", |bencher| {
        let query = Query::instant(&expr, end / 2);
        bencher
            .iter(|| black_box(evaluate(&source, &query, &Limits::default()).expect("an answer")));
    });
    group.finish();
}

criterion_group!(benches, evaluation);
criterion_main!(benches);
