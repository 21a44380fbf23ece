//! Random writes, resumes, crashes and flushes: every window comes once, and as the storage has it in the end.

use std::collections::BTreeMap;

use proptest::prelude::*;
use timberline::{DuplicatePolicy, Options};

use super::{Cell, Event, EventKind, House, NOW, SECOND, settle};

const SQL: &str = "SUBSCRIBE TO SELECT time_bucket('10s', time), host, sum(value), count(*), max(value) \
                   FROM cpu WHERE host <> 'd' AND value >= 0 GROUP BY 1, 2 WITH (lateness = '20s')";
const HOSTS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Debug)]
enum Step {
    /// Samples: host, seconds behind the newest, value.
    Write(Vec<(usize, i64, i32)>),
    Flush,
    /// Reads what there is.
    Read,
    /// The client goes and comes back.
    Resume,
    /// Server and client die.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let sample = (0..HOSTS.len(), 0..19_i64, -2..20_i32);
    prop_oneof![
        8 => prop::collection::vec(sample, 1..12).prop_map(Step::Write),
        1 => Just(Step::Flush),
        2 => Just(Step::Read),
        2 => Just(Step::Resume),
        1 => Just(Step::Crash),
    ]
}

type Window = BTreeMap<String, (f64, u64, f64)>;

fn take(events: Vec<Event>, windows: &mut BTreeMap<i64, Window>) {
    for event in events {
        assert_eq!((event.kind, event.late), (EventKind::Window, 0));
        let (start, _) = event.window.unwrap();
        let later = windows.last_key_value().is_none_or(|(last, _)| *last < start);
        assert!(later, "the window at {start} came again or out of order");
        let window = windows.entry(start).or_default();
        for row in event.rows {
            let [_, Cell::Text(host), Cell::Float(sum), Cell::Count(count), Cell::Float(max)] =
                row.as_slice()
            else {
                panic!("{row:?}")
            };
            assert!(window.insert(host.clone(), (*sum, *count, *max)).is_none());
        }
    }
}

/// What the windows hold in the end, by what was written and the policy.
#[derive(Default)]
struct Model(BTreeMap<(i64, String), Vec<f64>>);

impl Model {
    fn write(&mut self, policy: DuplicatePolicy, host: &str, ts: i64, value: f64) {
        let held = self.0.entry((ts, host.to_owned())).or_default();
        match policy {
            DuplicatePolicy::Last => *held = vec![value],
            DuplicatePolicy::All => held.push(value),
            _ if held.is_empty() => held.push(value),
            _ => {}
        }
    }

    fn windows(&self, before: i64) -> BTreeMap<i64, Window> {
        let mut windows: BTreeMap<i64, Window> = BTreeMap::new();
        for ((ts, host), values) in &self.0 {
            let start = ts - (ts - NOW).rem_euclid(10 * SECOND);
            for value in values.iter().filter(|value| **value >= 0.0) {
                if start < before && host != "d" {
                    let window = windows.entry(start).or_default();
                    let group = window.entry(host.clone()).or_insert((0.0, 0, f64::MIN));
                    *group = (group.0 + value, group.1 + 1, group.2.max(*value));
                }
            }
        }
        windows
    }
}

async fn run(steps: Vec<Step>, policy: DuplicatePolicy, seed: u64) {
    let mut house = House::new(seed, Options { duplicates: Some(policy), ..Options::default() });
    let (mut model, mut windows) = (Model::default(), BTreeMap::new());
    let mut subscription = house.subscribe(SQL, None);
    assert_eq!(settle(&mut subscription).await, []);
    let mut newest = NOW;
    let mut write = |house: &House, model: &mut Model, samples: &[(usize, i64, i32)]| {
        newest += 3 * SECOND;
        for (host, behind, value) in samples {
            let (host, ts) = (HOSTS[*host], newest - behind * SECOND);
            house.write(&[(host, ts, f64::from(*value))]);
            model.write(policy, host, ts, f64::from(*value));
        }
    };
    // The first window decides what is closed from the beginning.
    write(&house, &mut model, &[(0, 0, 1)]);
    for step in steps {
        match step {
            Step::Write(samples) => write(&house, &mut model, &samples),
            Step::Flush => drop(house.database.flush().unwrap()),
            Step::Read => take(settle(&mut subscription).await, &mut windows),
            Step::Resume => {
                let id = subscription.last_id().map(ToOwned::to_owned);
                subscription = house.subscribe(SQL, id.as_deref());
            }
            Step::Crash => {
                let id = subscription.last_id().map(ToOwned::to_owned);
                drop(subscription);
                house.crash();
                subscription = house.subscribe(SQL, id.as_deref());
            }
        }
    }
    for _ in 0..12 {
        write(&house, &mut model, &[(0, 0, 1)]);
    }
    take(settle(&mut subscription).await, &mut windows);
    let closed_to = newest - 20 * SECOND - (newest - 20 * SECOND - NOW).rem_euclid(10 * SECOND);
    assert_eq!(windows, model.windows(closed_to));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("TIMBERLINE_SUBSCRIBE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(5)
    ))]

    #[test]
    fn windows_come_once_and_right_through_whatever_happens(
        steps in prop::collection::vec(step(), 1..30),
        policy in prop_oneof![
            Just(DuplicatePolicy::Last), Just(DuplicatePolicy::First), Just(DuplicatePolicy::All)
        ],
        seed: u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps, policy, seed));
    }
}
