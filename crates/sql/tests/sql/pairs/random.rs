//! Random samples.

use timberline::{Database, Labels, WriteBatch};
use timberline_io::Random;
use timberline_model::STALE_NAN;

/// Start of the first bucket: a midnight.
pub(super) const START: i64 = 1_704_067_200_000_000_000;
/// For how long there are samples.
pub(super) const SPAN: i64 = 4_200_000_000_000;

/// Writes gauges (`load`) and buckets of histograms (`lat_bucket`), part of it into blocks, part of it out of
/// order. Some series have no `dc`.
pub(super) fn fill(database: &Database, random: &mut Random) {
    for part in 0..2 {
        let mut batch = WriteBatch::default();
        let (from, to) = (START + part * SPAN / 2, START + (part + 1) * SPAN / 2);
        for host in ["a", "b", "c", "d"] {
            for dc in ["x", "y", ""] {
                if dc.is_empty() && host != "a" {
                    continue;
                }
                push_gauge(&mut batch, random, [host, dc], from..to);
                push_buckets(&mut batch, random, [host, dc], from..to);
            }
        }
        let outcome = database.write(&batch).unwrap();
        assert!(outcome.rejections.is_empty(), "{:?}", outcome.rejections);
        if part == 0 {
            database.flush().unwrap();
        }
    }
}

fn labels(name: &str, [host, dc]: [&str; 2], le: Option<&str>) -> Labels {
    let mut pairs = vec![("__name__", name), ("host", host)];
    pairs.extend((!dc.is_empty()).then_some(("dc", dc)));
    pairs.extend(le.map(|le| ("le", le)));
    Labels::from_pairs(pairs).unwrap()
}

fn push_gauge(
    batch: &mut WriteBatch<'_>,
    random: &mut Random,
    of: [&str; 2],
    times: std::ops::Range<i64>,
) {
    batch.push_labels(labels("load", of, None));
    let mut ts = times.start + random.below(20_000) as i64 * 1_000_000;
    while ts < times.end {
        let value = if random.one_in(60) {
            STALE_NAN
        } else {
            // Sums of them are exact.
            (random.below(4_000) as f64 - 1_000.0) / 8.0
        };
        batch.push_sample(ts, value);
        let pause = if random.one_in(20) { 600_000 } else { 15_000 };
        // Times on the edges of buckets are likely.
        let step = 1 + random.below(pause) as i64;
        ts += if random.one_in(2) { step * 1_000_000 } else { (1 + step / 5_000) * 5_000_000_000 };
    }
}

fn push_buckets(
    batch: &mut WriteBatch<'_>,
    random: &mut Random,
    of: [&str; 2],
    times: std::ops::Range<i64>,
) {
    let counts = [1, 2, 3, 4].map(|_| random.below(50) as i64);
    for (index, le) in ["0.1", "0.5", "2.5", "+Inf"].into_iter().enumerate() {
        batch.push_labels(labels("lat_bucket", of, Some(le)));
        let count: i64 = counts[..=index].iter().sum();
        for step in 0..(times.end - times.start) / 30_000_000_000 {
            batch.push_sample(times.start + step * 30_000_000_000, (count * (step + 1)) as f64);
        }
    }
}
