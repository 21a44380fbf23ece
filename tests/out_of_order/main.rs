//! Two days of samples written in a random order, sample by sample, beside the same ones written in
//! order, with flushes and compactions in between: every answer is the same, byte for byte.
//!
//! `TIMBERLINE_OUT_OF_ORDER_SERIES` says how many series there are (the full size is 2000, with a release
//! build), `TIMBERLINE_OUT_OF_ORDER_SEED` which order is tried.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use timberline::{Labels, Sample};
use timberline_io::Random;
use timberline_tests::{Server, count_from_env, wait_until};

const SECOND: i64 = 1_000_000_000;
/// A midnight, long enough ago that every window has ended.
const START: i64 = 1_700_092_800;
const STEP: i64 = 60;
const SAMPLES_PER_SERIES: u32 = 48 * 60;
/// Writes of each server, and how many of them come between two flushes.
const WRITES: usize = 40;
const WRITES_PER_FLUSH: usize = 6;
const QUERIES: u64 = 200;

#[test]
fn any_order_of_writing_gives_the_same_answers() {
    let series = count_from_env("TIMBERLINE_OUT_OF_ORDER_SERIES", 40) as u32;
    let seed = count_from_env("TIMBERLINE_OUT_OF_ORDER_SEED", 1);
    let mut chance = Random::new(seed);
    let mut order: Vec<(u32, u32)> =
        (0..SAMPLES_PER_SERIES).flat_map(|n| (0..series).map(move |s| (s, n))).collect();
    let dir = tempfile::tempdir().expect("a directory can be made");
    // Heads fill up on the way, too.
    let flush_size = format!("--storage-flush-size={}KiB", 64.max(u64::from(series) * 10));
    let begun = Instant::now();
    let ordered =
        Server::start(&dir.path().join("ordered"), &[&flush_size, "--storage-segment-size=8MiB"]);
    write(&ordered, &order);
    for index in (1..order.len()).rev() {
        order.swap(index, chance.below(index as u64 + 1) as usize);
    }
    let shuffled =
        Server::start(&dir.path().join("shuffled"), &[&flush_size, "--storage-segment-size=8MiB"]);
    write(&shuffled, &order);
    println!("{} samples written twice in {:.1?}", order.len(), begun.elapsed());

    let questions = questions(&mut chance);
    compare(&ordered, &shuffled, &questions, series, "right after it was written");
    let flushes = number(&shuffled, "flushCount");
    assert!(flushes >= (WRITES / WRITES_PER_FLUSH) as u64, "{flushes} flushes on the way");
    for server in [&ordered, &shuffled] {
        assert_eq!(server.post("/api/v1/admin/tsdb/flush").0, 200);
    }
    let merged = |server: &Server| {
        wait_until("everything is merged", Duration::from_secs(300), || {
            number(server, "blockCount") == 1
        });
    };
    merged(&ordered);
    merged(&shuffled);
    assert!(number(&shuffled, "compactionCount") > 0);
    compare(&ordered, &shuffled, &questions, series, "merged");
    let (ordered_bytes, shuffled_bytes) =
        (number(&ordered, "blockBytes"), number(&shuffled, "blockBytes"));
    println!("{ordered_bytes} and {shuffled_bytes} bytes of blocks");
    assert!(shuffled.stop().success());
    let shuffled =
        Server::start(&dir.path().join("shuffled"), &[&flush_size, "--storage-segment-size=8MiB"]);
    compare(&ordered, &shuffled, &questions, series, "after a restart");
    println!("done after {:.1?}", begun.elapsed());
}

/// Writes samples in an order, and flushes now and then: by order, so that no clock decides whether.
fn write(server: &Server, order: &[(u32, u32)]) {
    for (index, samples) in order.chunks(order.len().div_ceil(WRITES)).enumerate() {
        let mut batch: BTreeMap<u32, Vec<Sample>> = BTreeMap::new();
        for (series, number) in samples {
            let ts = (START + i64::from(*number) * STEP) * SECOND;
            let sample = Sample { ts, value: value_of(*series, *number) };
            batch.entry(*series).or_default().push(sample);
        }
        let batch: Vec<(Labels, Vec<Sample>)> =
            batch.into_iter().map(|(series, samples)| (labels_of(series), samples)).collect();
        server.write(&batch).expect("the server takes samples in any order");
        if index % WRITES_PER_FLUSH == 0 {
            assert_eq!(server.post("/api/v1/admin/tsdb/flush").0, 200);
        }
    }
}

fn labels_of(series: u32) -> Labels {
    let pairs = [
        ("__name__", ["temperature", "requests_total"][series as usize % 2].to_owned()),
        ("host", format!("host-{}", series / 2)),
        ("zone", ["a", "b", "c"][series as usize / 2 % 3].to_owned()),
    ];
    Labels::from_pairs(pairs).expect("these are labels")
}

/// Tenths, and counters that begin again now and then: sums of them are not exact.
fn value_of(series: u32, number: u32) -> f64 {
    match series % 2 {
        0 => f64::from((number * 7_919 + series * 104_729) % 1_009) / 10.0,
        _ => f64::from((number + series * 37) % 900) * 0.7,
    }
}

/// Questions as parameters of `query_range`.
fn questions(chance: &mut Random) -> Vec<[String; 4]> {
    let mut questions = Vec::new();
    for _ in 0..count_from_env("TIMBERLINE_OUT_OF_ORDER_QUERIES", QUERIES) {
        let zone = chance.pick(&["", "{zone=\"a\"}", "{zone!=\"b\"}", "{host=~\"host-1.*\"}"]);
        let range = chance.pick(&["5m", "20m", "3h"]);
        let by = chance.pick(&["", " by (zone)", " by (host)"]);
        let promql = match chance.below(7) {
            0 => format!("temperature{zone}"),
            1 => format!("sum{by} (temperature{zone})"),
            2 => format!("sum{by} (rate(requests_total{zone}[{range}]))"),
            3 => format!("avg{by} (avg_over_time(temperature{zone}[{range}]))"),
            4 => format!("stddev{by} (temperature{zone})"),
            5 => format!("quantile_over_time(0.9, temperature{zone}[{range}])"),
            _ => format!("topk(5, increase(requests_total{zone}[{range}]))"),
        };
        let start = START + chance.below(47 * 3_600) as i64;
        let step = [30, 60, 300, 977][chance.below(4) as usize];
        let end = start + chance.below(60) as i64 * step;
        questions.push([promql, start.to_string(), end.to_string(), step.to_string()]);
    }
    questions
}

fn compare(a: &Server, b: &Server, questions: &[[String; 4]], series: u32, when: &str) {
    for [promql, start, end, step] in questions {
        let parameters = [
            ("query", promql.as_str()),
            ("start", start.as_str()),
            ("end", end.as_str()),
            ("step", step.as_str()),
        ];
        let (status, body) = a.get("/api/v1/query_range", &parameters);
        assert_eq!(status, 200, "{promql}: {body}");
        let (_, other) = b.get("/api/v1/query_range", &parameters);
        assert!(
            body == other,
            "{when}, {promql} from {start} to {end} by {step}:\n{body}\n{other}"
        );
    }
    // All samples as they are stored, host by host.
    for host in 0..series / 2 {
        let query = format!("{{host=\"host-{host}\"}}");
        let parameters = [("query", query.as_str()), ("start", "0"), ("end", "9999999999")];
        let (status, body) = a.get("/api/v1/query_range", &parameters);
        assert_eq!(status, 200, "{query}: {body}");
        let samples = body.matches("],[").count();
        assert!(samples >= 2 * (SAMPLES_PER_SERIES as usize - 1), "{when}: {samples} samples");
        let (_, other) = b.get("/api/v1/query_range", &parameters);
        assert!(body == other, "{when}: samples of {query} differ");
    }
}

fn number(server: &Server, field: &str) -> u64 {
    let (_, body) = server.get("/api/v1/status/tsdb", &[]);
    let body: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    body["data"][field].as_u64().unwrap_or_else(|| panic!("no {field} in {body}"))
}
