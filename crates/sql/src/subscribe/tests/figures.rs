//! How much goes through ten subscriptions on one core.
//!
//! `TIMBERLINE_SUBSCRIBE_SAMPLES` says how many samples; run it in a release build for figures that mean something:
//! `cargo test --release -p timberline-sql --lib subscribe::tests::figures -- --nocapture`.

use std::time::Instant;

use timberline::{Labels, Options, SeriesKey, WriteBatch};

use super::{Cell, House, NOW, SECOND, next, settle};

const SERIES: i64 = 1_000;
const SUBSCRIPTIONS: usize = 10;

#[tokio::test]
async fn ten_subscriptions_on_one_core_keep_up_with_many_samples() {
    let samples = std::env::var("TIMBERLINE_SUBSCRIBE_SAMPLES");
    let samples: i64 = samples.ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let house = House::new(1, Options::default());
    let all: Vec<Labels> = (0..SERIES)
        .map(|n| {
            let (host, job) = (n.to_string(), (n % 7).to_string());
            let pairs = [("__name__", "cpu"), ("host", &host), ("job", &job)];
            Labels::from_pairs(pairs).unwrap()
        })
        .collect();
    let refs = house.database.resolve(&all).unwrap();
    let refs: Vec<_> = refs.into_iter().map(Result::unwrap).collect();
    let sql = "SUBSCRIBE TO SELECT time_bucket('1m', time), job, count(*), avg(value) FROM cpu \
               GROUP BY 1, 2 WITH (lateness = '0s')";
    let mut subscriptions = Vec::new();
    for _ in 0..SUBSCRIPTIONS {
        let mut subscription = house.subscribe(sql, None);
        assert_eq!(settle(&mut subscription).await, []);
        subscriptions.push(subscription);
    }
    let steps = samples / SERIES;
    for step in 0..=steps {
        // The last one closes the window.
        let ts = if step == steps { NOW + 60 * SECOND } else { NOW + step * 60 * SECOND / steps };
        let mut batch = WriteBatch::default();
        for series in &refs {
            batch.push_series(SeriesKey::Ref(*series));
            batch.push_sample(ts, step as f64);
        }
        house.database.write(&batch).unwrap();
    }
    let begun = Instant::now();
    for subscription in &mut subscriptions {
        let window = next(subscription).await;
        let count: u64 = window
            .rows
            .iter()
            .map(|row| if let Cell::Count(count) = row[2] { count } else { 0 })
            .sum();
        assert_eq!(count, (steps * SERIES) as u64);
    }
    let took = begun.elapsed().as_secs_f64();
    let rate = (steps * SERIES) as f64 / took;
    println!(
        "{SUBSCRIPTIONS} subscriptions take {rate:.0} samples/s each on one core ({took:.2} s)"
    );
}
