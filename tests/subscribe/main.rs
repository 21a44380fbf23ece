//! Continuous queries through `kill -9` of the server and of the client: every closed window comes once, in order,
//! and as a query sees it in the end. And how soon it comes.
//!
//! `TIMBERLINE_SUBSCRIBE_ROUNDS` says how often something is killed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;
mod subscriber;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use timberline::{Labels, Sample};
use timberline_tests::{Client, count_from_env, wait_until};

use house::House;
use subscriber::Subscriber;

const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLI;
const HOSTS: i64 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// Now in whole seconds, as nanoseconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap() * SECOND
}

fn sample(host: i64, ts: i64, value: f64) -> (Labels, Vec<Sample>) {
    let host = format!("h{host}");
    let labels = Labels::from_pairs([("__name__", "load"), ("host", host.as_str())]).unwrap();
    (labels, vec![Sample { ts, value }])
}

/// Writes one step of all hosts: every other one half a second late.
fn step(start: i64, step: i64) -> Vec<(Labels, Vec<Sample>)> {
    let ts = start + step * 100 * MILLI;
    let late = |host: i64| if host % 2 == 1 { 500 * MILLI } else { 0 };
    (0..HOSTS).map(|host| sample(host, ts - late(host), (step % 17 * host) as f64)).collect()
}

#[test]
fn windows_come_once_and_right_through_kills_of_server_and_client() {
    if !timberline_tests::has_sql() {
        return;
    }
    let rounds = count_from_env("TIMBERLINE_SUBSCRIBE_ROUNDS", 6);
    let house =
        Mutex::new(House::start(&["--storage-flush-log-size=1MiB", "--storage-segment-size=1MiB"]));
    let address = house.lock().unwrap().address().to_owned();
    let start = now() - 600 * SECOND;
    let sql = "SUBSCRIBE TO SELECT time_bucket('1s', time) AS t, host, sum(value) AS total, count(*) AS n \
               FROM load GROUP BY 1, 2 WITH (lateness = '2s', idle = 'off')";
    let first = Subscriber::start(&address, sql, None);
    first.wait_for_begin();
    let mut listening = Some(first);
    let (steps, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let client = Client::new(&address);
            while !done.load(Ordering::SeqCst) {
                let next = steps.load(Ordering::SeqCst);
                // What was not acknowledged is written again, whether it has arrived or not.
                while client.write(&step(start, next as i64)).is_err() {
                    thread::sleep(Duration::from_millis(20));
                }
                steps.store(next + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let mut chance = 7_u64;
        for round in 0..rounds {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            thread::sleep(Duration::from_millis(300 + (chance >> 33) % 500));
            if round % 3 != 1 {
                house.lock().unwrap().kill_and_restart();
            }
            if round % 3 != 0 {
                let (seen, id) = listening.take().unwrap().kill();
                // Windows close while nobody listens, and a flush may take the log away.
                thread::sleep(Duration::from_millis(200));
                listening = Some(Subscriber::start_after(&address, sql, seen, id));
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    let subscriber = listening.unwrap();
    let written = steps.load(Ordering::SeqCst) as i64;
    let client = Client::new(&address);
    // Closes what was written.
    client.write(&[sample(0, start + written * 100 * MILLI + 10 * SECOND, 0.0)]).unwrap();
    let last = start + (written - 1) * 100 * MILLI;
    let last = last - last % SECOND;
    wait_until("the last window has come", PATIENCE, || subscriber.last_start() >= Some(last));
    let (seen, _) = subscriber.kill();
    let mut starts: Vec<i64> = seen.iter().map(|window| window.start).collect();
    let count = starts.len();
    assert!(starts.is_sorted(), "in order");
    starts.dedup();
    assert_eq!(starts.len(), count, "each once");
    assert!(count as i64 >= written / 10 - 1, "{count} windows of {written} steps");
    assert!(seen.iter().all(|window| window.late == 0), "nothing was late");
    let mut found = BTreeMap::new();
    for window in seen {
        for (host, total, n) in window.rows {
            found.insert((window.start, host), (total, n));
        }
    }
    let wanted = ask(&client, start, last);
    assert_eq!(found.len(), wanted.len());
    assert_eq!(found, wanted);
    println!("{rounds} rounds, {written} steps, {count} windows, each once");
}

/// What the database has in each window, by PromQL.
fn ask(client: &Client, start: i64, last: i64) -> BTreeMap<(i64, String), (f64, u64)> {
    let mut found = BTreeMap::new();
    let seconds = |ts: i64| format!("{}.{:03}", ts / SECOND, ts % SECOND / MILLI);
    // A range of PromQL has its end and not its start: one millisecond less is the window.
    let (from, to) = (seconds(start - MILLI), seconds(last + SECOND - MILLI));
    for (index, query) in
        ["sum_over_time(load[1s])", "count_over_time(load[1s])"].iter().enumerate()
    {
        let parameters =
            [("query", *query), ("start", from.as_str()), ("end", to.as_str()), ("step", "1")];
        let (status, body) = client.get("/api/v1/query_range", &parameters);
        assert_eq!(status, 200, "{body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        for series in body["data"]["result"].as_array().unwrap() {
            let host = series["metric"]["host"].as_str().unwrap();
            for point in series["values"].as_array().unwrap() {
                let at = (point[0].as_f64().unwrap() * 1e3).round() as i64 * MILLI;
                let value: f64 = point[1].as_str().unwrap().parse().unwrap();
                let window = (at + MILLI - SECOND, host.to_owned());
                let entry = found.entry(window).or_insert((0.0, 0));
                if index == 0 { entry.0 = value } else { entry.1 = value as u64 }
            }
        }
    }
    found
}

#[test]
fn changes_go_on_through_restarts_of_the_server() {
    if !timberline_tests::has_sql() {
        return;
    }
    let mut house = House::start(&[]);
    let address = house.address().to_owned();
    let start = now() - 600 * SECOND;
    let sql = "SUBSCRIBE TO SELECT time_bucket('1s', time) AS t, host, sum(value) AS total, count(*) AS n \
               FROM load GROUP BY 1, 2 WITH (lateness = '2s', idle = 'off') EMIT CHANGES";
    let subscriber = Subscriber::start(&address, sql, None);
    subscriber.wait_for_begin();
    let client = Client::new(&address);
    let mut wanted: BTreeMap<(i64, String), (f64, u64)> = BTreeMap::new();
    let mut next = 0;
    for round in 0..4 {
        let before = subscriber.count();
        for _ in 0..12 {
            let samples = step(start, next);
            for (labels, samples) in &samples {
                let sample = samples[0];
                let host = labels.get("host").unwrap().to_owned();
                let entry = wanted.entry((sample.ts - sample.ts.rem_euclid(SECOND), host));
                let (total, n) = entry.or_default();
                (*total, *n) = (*total + sample.value, *n + 1);
            }
            client.write(&samples).unwrap();
            next += 1;
        }
        wait_until("changes have come", PATIENCE, || subscriber.count() > before);
        if round < 3 {
            // It connects again by itself, with the id of the last event.
            house.kill_and_restart();
        }
    }
    let newest = |windows: &[subscriber::Window]| {
        let mut newest = BTreeMap::new();
        for window in windows {
            for (host, total, n) in &window.rows {
                newest.insert((window.start, host.clone()), (*total, *n));
            }
        }
        newest
    };
    wait_until("all changes have come", PATIENCE, || newest(&subscriber.windows()) == wanted);
    let (seen, _) = subscriber.kill();
    let mut closed_to = i64::MIN;
    let mut counts: BTreeMap<(i64, String), u64> = BTreeMap::new();
    for window in &seen {
        assert!(window.start >= closed_to, "nothing comes of a window behind its last word");
        if !window.is_open {
            closed_to = window.start + SECOND;
        }
        for (host, _, n) in &window.rows {
            let count = counts.entry((window.start, host.clone())).or_default();
            assert!(n >= count, "a group never falls back");
            *count = *n;
        }
    }
    let windows = seen.iter().filter(|window| !window.is_open).count();
    assert_eq!(windows, 3, "4.8 s less a lateness of 2 s close the first ones: {seen:?}");
    assert!(seen.len() > windows + 4, "changes came in each round: {}", seen.len());
}

#[test]
fn a_window_comes_within_100_ms_of_its_last_samples_acknowledgement() {
    if !timberline_tests::has_sql() {
        return;
    }
    let house = House::start(&[]);
    let client = Client::new(house.address());
    let start = now() - 300 * SECOND;
    let sql = "SUBSCRIBE TO SELECT time_bucket('1s', time) AS t, host, sum(value) AS total, count(*) AS n \
               FROM load GROUP BY 1, 2 WITH (lateness = '0s', idle = 'off')";
    let subscriber = Subscriber::start(house.address(), sql, None);
    subscriber.wait_for_begin();
    let mut took = Vec::new();
    client.write(&[sample(0, start, 1.0)]).unwrap();
    for window in 0..25_i64 {
        client.write(&[sample(0, start + (window + 1) * SECOND, 1.0)]).unwrap();
        let acknowledged = Instant::now();
        let wanted = Some(start + window * SECOND);
        while subscriber.last_start() < wanted {
            assert!(acknowledged.elapsed() < PATIENCE, "window {window} did not come");
            thread::sleep(Duration::from_micros(200));
        }
        took.push(acknowledged.elapsed());
    }
    took.sort_unstable();
    let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
    println!("a window came {median:?} (median) and {worst:?} (worst) after its acknowledgement");
    assert!(median < Duration::from_millis(100), "{median:?}");
}

#[test]
fn many_subscriptions_at_once_get_each_window_and_the_server_stays_well() {
    if !timberline_tests::has_sql() {
        return;
    }
    let count = count_from_env("TIMBERLINE_SUBSCRIBE_CLIENTS", 50) as usize;
    let house = House::start(&[]);
    let client = Client::new(house.address());
    let start = now() - 300 * SECOND;
    let windows = Arc::new(AtomicU64::new(0));
    let begun = Arc::new(AtomicU64::new(0));
    let listeners: Vec<_> = (0..count)
        .map(|_| subscriber::listen(house.address(), Arc::clone(&begun), Arc::clone(&windows)))
        .collect();
    wait_until("all have begun", PATIENCE, || begun.load(Ordering::SeqCst) == count as u64);
    for second in 0..6_i64 {
        client.write(&[sample(0, start + second * SECOND, 1.0)]).unwrap();
    }
    wait_until("all have all windows", PATIENCE, || {
        windows.load(Ordering::SeqCst) >= 5 * count as u64
    });
    assert_eq!(client.get("/-/healthy", &[]).0, 200);
    assert!(house.stop().success(), "it stops in good order with subscribers");
    for listener in listeners {
        assert_eq!(listener.join().unwrap(), 5, "five windows each, and a last word");
    }
}
