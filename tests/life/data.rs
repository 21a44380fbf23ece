//! What is written: gauges and counters of a few hosts over some hours, flushed at odd times, with
//! samples that come late and overlap.

use timberline::{Database, FamilyMetadata, Labels, Metadata, MetricKind, WriteBatch};

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
/// Hours of samples.
pub(crate) const HOURS: i64 = 30;
/// Hosts with a gauge and a counter each.
const HOSTS: i64 = 6;
const STEP: i64 = 60 * SECOND;

/// Writes all hours from `start` on, and flushes now and then. The last hours stay in the head.
pub(crate) fn fill(database: &Database, start: i64) {
    for hour in 0..HOURS {
        write(database, start + hour * HOUR, start + (hour + 1) * HOUR, 0);
        if hour % 5 == 4 {
            // Late by two hours, between the samples that are there.
            write(database, start + (hour - 2) * HOUR, start + (hour - 1) * HOUR, STEP / 2);
        }
        if (hour % 2 == 1 || hour % 7 == 3) && hour < HOURS - 2 {
            database.flush().expect("a sound disk takes a flush");
        }
    }
}

/// One sample of every series each minute, `shift` after it.
fn write(database: &Database, start: i64, end: i64, shift: i64) {
    let mut batch = WriteBatch::default();
    for host in 0..HOSTS {
        for metric in ["m", "c_total"] {
            batch.push_labels(labels_of(metric, host));
            for ts in (start..end).step_by(STEP as usize) {
                batch.push_sample(ts + shift, value_of(metric, host, ts + shift));
            }
        }
    }
    let metadata =
        Metadata { kind: MetricKind::Counter, help: format!("{start}"), ..Metadata::default() };
    batch.push_metadata(FamilyMetadata { family: "c".to_owned(), metadata });
    let outcome = database.write(&batch).expect("a sound disk takes a write");
    assert_eq!(outcome.samples_rejected, 0, "{outcome:?}");
}

fn labels_of(metric: &str, host: i64) -> Labels {
    let dc = if host % 2 == 0 { "north" } else { "south" };
    let pairs =
        [("__name__", metric.to_owned()), ("dc", dc.to_owned()), ("host", format!("h{host}"))];
    Labels::from_pairs(pairs).expect("these are labels")
}

fn value_of(metric: &str, host: i64, ts: i64) -> f64 {
    let minute = ts / STEP;
    match metric {
        // It starts again now and then.
        "c_total" => ((minute + host * 17) % 700) as f64 * 1.5,
        _ => ((minute * 7_919 + host * 104_729) % 10_007) as f64 / 100.0,
    }
}
