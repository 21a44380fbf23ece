//! A database inside a program: write, query, flush, close.
//!
//! Run with `cargo run -p timberline --example embedded -- /tmp/my-series`.

use std::{
    error::Error,
    time::{SystemTime, UNIX_EPOCH},
};

use timberline::{Database, Labels, Options, Value, WriteBatch};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "embedded-data".to_owned());
    let database = Database::open(&directory, Options::default())?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;

    let mut batch = WriteBatch::default();
    for host in ["server1", "server2"] {
        batch.push_labels(Labels::from_pairs([("__name__", "cpu_usage"), ("host", host)])?);
        for second in 0..60 {
            batch.push_sample(now - (60 - second) * 1_000_000_000, 0.5 + second as f64 / 200.0);
        }
    }
    let outcome = database.write(&batch)?;
    println!("{} samples are on the disk", outcome.samples_written);

    let result = database.query("avg by (host) (avg_over_time(cpu_usage[1m]))", now)?;
    if let Value::Vector(series) = result.value {
        for sample in series {
            println!("{} {}", sample.labels, sample.value);
        }
    }

    let flushed = database.flush()?;
    println!("{} samples moved into {} blocks", flushed.samples, flushed.blocks.len());
    database.close()?;
    Ok(())
}
