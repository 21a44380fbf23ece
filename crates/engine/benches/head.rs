//! What the head costs with a million series of ten labels: time to resolve and apply, and memory.
//!
//! `cargo bench -p timberline-engine --bench head`, optionally with `-- SERIES`. Data: 100 metrics of
//! as many hosts as it takes, each host with nine labels of its own, a sample every 15 s, in batches
//! of 10,000 series that always come in the same order, as from a scrape. Single-threaded; times are
//! the thread's own on the processor, where Linux tells them, so that other work on the machine does
//! not count.

use std::{
    hint::black_box,
    sync::LazyLock,
    time::{Duration, Instant},
};

use timberline_engine::columnar::head::{
    Epoch, Head, HeadOptions, HeadSample, SHARD_COUNT, SeriesPlace, ShardIndex,
};
use timberline_model::{
    Labels, MatchOp, Matcher, SeriesColumns, SeriesKey, SeriesRef, TimeRange, WriteBatch,
};

const METRICS: usize = 100;
const BATCH_SERIES: usize = 10_000;
const STEP_NANOS: i64 = 15_000_000_000;
const ROUNDS: i64 = 8;
const SELECTS: u32 = 50;

/// The canonical labels of one series, as they would come on a wire.
fn labels(series: usize) -> Labels {
    let (host, metric) = (series / METRICS, series % METRICS);
    let pick = |names: &[&str], shift: usize| names[(host >> shift) % names.len()].to_owned();
    Labels::from_pairs([
        ("__name__", format!("node_metric_number_{metric}_total")),
        ("hostname", format!("host-{host:06}")),
        ("region", pick(&["eu-central-1", "us-west-2", "ap-southeast-1"], 0)),
        ("datacenter", pick(&["dc-a", "dc-b", "dc-c", "dc-d"], 1)),
        ("rack", format!("rack-{}", host % 97)),
        ("os", pick(&["Ubuntu22.04LTS", "Debian12"], 2)),
        ("arch", pick(&["x86_64", "aarch64"], 3)),
        ("team", pick(&["LON", "NYC", "SFO", "CHI"], 4)),
        ("service", format!("service-{}", host % 20)),
        ("environment", pick(&["production", "staging", "test"], 5)),
    ])
    .expect("valid labels")
}

/// Samples of one batch by shard, in order of slots, as a commit hands them over.
fn by_shard(series: &[SeriesRef], ts: i64) -> [Vec<HeadSample>; SHARD_COUNT] {
    let mut shards: [Vec<HeadSample>; SHARD_COUNT] = Default::default();
    for (index, series) in (0_u32..).zip(series) {
        let place = SeriesPlace::of(*series);
        let value = f64::from(index) + (ts / STEP_NANOS) as f64;
        shards[place.shard().get()].push(HeadSample { slot: place.slot(), index, ts, value });
    }
    shards
}

fn report(what: &str, took: Duration, count: usize, unit: &str) {
    println!("{what:<52} {:>9.1} ns/{unit}", took.as_nanos() as f64 / count as f64);
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Time that this thread has spent on a processor, or on the clock where that is not known.
fn now() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split_whitespace().next()?.parse().ok());
    spent.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// Resident memory of this process in bytes; zero where the system does not tell.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1_024
}

fn report_memory(what: &str, before: usize, count: usize) {
    let bytes = resident_bytes().saturating_sub(before);
    println!("{what:<52} {:>9.1} B/series", bytes as f64 / count as f64);
}

/// The numbers of one resolved batch, in its order.
fn resolve(head: &Head, batch: &WriteBatch<'_>) -> Vec<SeriesRef> {
    let resolution = head.resolve(batch);
    let undefined: Vec<SeriesRef> =
        resolution.undefined.iter().map(|(series, _)| *series).collect();
    head.mark_defined(&undefined);
    resolution.series.into_iter().map(|series| series.expect("resolvable")).collect()
}

fn batch_of(sets: &[Labels]) -> WriteBatch<'_> {
    let mut batch = WriteBatch::with_capacity(sets.len(), sets.len());
    for set in sets {
        let (bytes, decode) = (set.as_bytes(), Labels::decode_canonical as _);
        batch.push_series(SeriesKey::Raw { bytes, decode });
        batch.push_sample(0, 0.0);
    }
    batch
}

/// Creates every series and returns their numbers.
fn create_all(head: &Head, count: usize) -> Vec<SeriesRef> {
    let mut refs = Vec::with_capacity(count);
    let mut took = Duration::ZERO;
    for start in (0..count).step_by(BATCH_SERIES) {
        let sets: Vec<Labels> = (start..count.min(start + BATCH_SERIES)).map(labels).collect();
        let batch = batch_of(&sets);
        let begin = now();
        let resolved = resolve(head, &batch);
        took += now() - begin;
        refs.extend(resolved);
    }
    report("resolve, new series", took, count, "series");
    refs
}

/// Resolves series that are known, all of them, several times over.
fn resolve_known(head: &Head, count: usize) {
    let sets: Vec<Labels> = (0..count).map(labels).collect();
    let batches: Vec<WriteBatch<'_>> = sets.chunks(BATCH_SERIES).map(batch_of).collect();
    let begin = now();
    for _ in 0..ROUNDS {
        for batch in &batches {
            black_box(head.resolve(batch));
        }
    }
    report("resolve, known series", now() - begin, count * ROUNDS as usize, "series");
}

fn apply_round(head: &Head, refs: &[SeriesRef], ts: i64) -> Duration {
    let mut took = Duration::ZERO;
    for refs in refs.chunks(BATCH_SERIES) {
        let shards = by_shard(refs, ts);
        let begin = now();
        for (shard, samples) in shards.iter().enumerate() {
            black_box(head.apply(ShardIndex::new(shard), samples, &|_, _| None));
        }
        took += now() - begin;
    }
    took
}

fn read_everything(head: &Head, refs: &[SeriesRef]) {
    let mut columns = SeriesColumns::default();
    let begin = now();
    for series in refs {
        columns.clear();
        head.read(*series, TimeRange::ALL, Epoch::default(), &mut columns);
        black_box(&columns);
    }
    report(&format!("read {} samples", columns.len()), now() - begin, refs.len(), "series");
    let begin = now();
    for series in refs {
        black_box(head.labels(*series));
    }
    report("labels", now() - begin, refs.len(), "series");
}

fn query_labels(head: &Head) {
    let matchers = |pairs: &[(&str, MatchOp, &str)]| -> Vec<Matcher> {
        let matcher = |(name, op, value): &(&str, MatchOp, &str)| {
            Matcher::new(*name, *op, *value).expect("valid matcher")
        };
        pairs.iter().map(matcher).collect()
    };
    for (what, matchers) in [
        (
            "one metric of all hosts",
            matchers(&[("__name__", MatchOp::Equal, "node_metric_number_7_total")]),
        ),
        ("one host", matchers(&[("hostname", MatchOp::Equal, "host-000042")])),
        (
            "hosts by expression, one metric",
            matchers(&[
                ("hostname", MatchOp::Regex, "host-.*[37]"),
                ("__name__", MatchOp::Equal, "node_metric_number_7_total"),
            ]),
        ),
        (
            "everything outside production",
            matchers(&[("environment", MatchOp::NotEqual, "production")]),
        ),
    ] {
        let mut found = 0;
        let begin = now();
        for _ in 0..SELECTS {
            found = black_box(head.select(&matchers)).len();
        }
        let took = (now() - begin).as_secs_f64() / f64::from(SELECTS);
        let what = format!("select: {what} ({found})");
        println!("{what:<52} {:>9.3} ms", took * 1e3);
    }
}

fn main() {
    let count = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    println!("{count} series of {} labels, batches of {BATCH_SERIES}", labels(0).len());
    let bytes: usize = (0..1_000).map(|series| labels(series * 7).as_bytes().len()).sum();
    println!("{:<52} {:>9.1} B/series", "labels as they come", bytes as f64 / 1e3);
    let before = resident_bytes();
    let head = Head::new(HeadOptions::default());
    let refs = create_all(&head, count);
    report_memory("memory: series without samples", before, count);
    report("apply, first sample of each series", apply_round(&head, &refs, 0), count, "sample");
    report_memory("memory: one sample each", before, count);
    let mut took = Duration::ZERO;
    for round in 1..ROUNDS {
        took += apply_round(&head, &refs, round * STEP_NANOS);
    }
    report("apply", took, count * (ROUNDS - 1) as usize, "sample");
    report_memory(&format!("memory: {ROUNDS} samples each"), before, count);
    println!("{:?}", head.stats());
    resolve_known(&head, count);
    read_everything(&head, &refs);
    query_labels(&head);
    let begin = now();
    let parts = head.dictionary().count();
    report(&format!("dictionary, {parts} parts"), now() - begin, count, "series");
    let labels = |series: &SeriesRef| (*series, head.labels(*series).expect("nothing has left"));
    let dictionary: Vec<(SeriesRef, Labels)> = refs.iter().map(labels).collect();
    let recovered = Head::new(HeadOptions::default());
    let begin = now();
    for (series, labels) in &dictionary {
        recovered.define(*series, labels).expect("sound");
    }
    report("define", now() - begin, count, "series");
    drop((dictionary, recovered));
    let begin = now();
    let epoch = head.rotate();
    report("rotate", now() - begin, SHARD_COUNT, "shard");
    let begin = now();
    head.release(epoch);
    report("release", now() - begin, count, "series");
}
