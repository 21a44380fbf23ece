//! `kill -9` under parallel writes, again and again on one directory: every acknowledged sample is
//! there afterwards, and no other.
//!
//! `TIMBERLINE_CRASH_ROUNDS` says how often the server is killed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use timberline::{Labels, Sample};
use timberline_tests::{Client, History, Server, WriteError, count_from_env, value_of};

const WRITERS: u64 = 4;
const SERIES_PER_WRITER: u64 = 25;
const MILLI: i64 = 1_000_000;

#[test]
fn kill_loses_no_acknowledged_sample() {
    let rounds = count_from_env("TIMBERLINE_CRASH_ROUNDS", 6);
    let dir = tempfile::tempdir().expect("a directory can be made");
    let data = dir.path().join("data");
    // Small limits, so that segments roll and blocks are written in the middle of it.
    let arguments = [
        "--storage-segment-size=1MiB",
        "--storage-flush-size=256KiB",
        "--storage-flush-log-size=2MiB",
    ];
    let mut history = History::default();
    let mut chance =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_nanos() as u64);
    for round in 0..rounds {
        let mut server = Server::start(&data, &arguments);
        verify(&server, &mut history, round);
        chance =
            chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = Duration::from_millis(200 + (chance >> 33) % 1_300);
        for written in write_until_killed(&mut server, round, pause) {
            history.extend(written);
        }
    }
    let server = Server::start(&data, &arguments);
    verify(&server, &mut history, rounds);
    assert!(server.stop().success(), "the server stops in good order");
    let acknowledged = history.acknowledged_count();
    assert!(acknowledged as u64 > rounds * 100, "the writers wrote next to nothing");
    println!("{rounds} kills, {acknowledged} samples, none lost");
}

/// Writes from several threads, kills the server in the middle, and returns what each one sent.
fn write_until_killed(server: &mut Server, round: u64, pause: Duration) -> Vec<History> {
    let killed = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        let address = server.address().to_owned();
        let start = |writer: u64| {
            let (killed, client) = (Arc::clone(&killed), Client::new(&address));
            scope.spawn(move || write(&client, writer, round, &killed))
        };
        let writers: Vec<_> = (0..WRITERS).map(start).collect();
        thread::sleep(pause);
        server.kill();
        killed.store(true, Ordering::Release);
        writers.into_iter().map(|writer| writer.join().expect("a writer ends")).collect()
    })
}

fn write(client: &Client, writer: u64, round: u64, killed: &AtomicBool) -> History {
    let mut history = History::default();
    for number in 0.. {
        let mut batch = Vec::new();
        let mut sent = Vec::new();
        for series in writer * SERIES_PER_WRITER..(writer + 1) * SERIES_PER_WRITER {
            // Every seventh batch comes late, by an hour.
            let late = if number % 7 == 6 { 3_600_000 } else { 0 };
            let ts = (1_700_000_000_000 + round as i64 * 100_000_000 + number * 10 - late) * MILLI;
            history.sent(series, ts);
            sent.push((series, ts));
            batch.push((labels_of(series), vec![Sample { ts, value: value_of(series, ts) }]));
        }
        match client.write(&batch) {
            Ok(()) => sent.into_iter().for_each(|(series, ts)| history.acknowledged(series, ts)),
            Err(error) => {
                // An answer that is no acknowledgement may come only from a dying server.
                assert!(
                    matches!(error, WriteError::Connection(_)),
                    "batch {number} was refused: {error:?}"
                );
                if killed.load(Ordering::Acquire) {
                    return history;
                }
            }
        }
    }
    history
}

fn verify(server: &Server, history: &mut History, round: u64) {
    let result = server.query("m[10000d]", "1800000000");
    let mut found = BTreeMap::new();
    for series in result.as_array().expect("a matrix") {
        let number = series["metric"]["series"].as_str().and_then(|text| text.parse().ok());
        let number: u64 = number.expect("only our series are there");
        for sample in series["values"].as_array().expect("a matrix has values") {
            let seconds = sample[0].as_f64().expect("times are numbers");
            let value = sample[1].as_str().and_then(|text| text.parse().ok());
            let ts = (seconds * 1_000.0).round() as i64 * MILLI;
            let again = found.insert((number, ts), value.expect("values are numbers"));
            assert!(again.is_none(), "series {number} has two samples at {ts}");
        }
    }
    if let Err(difference) = history.check(&found) {
        panic!("after kill {round}: {difference}");
    }
    history.settle(&found);
}

fn labels_of(series: u64) -> Labels {
    let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
    Labels::from_pairs(pairs).expect("these are labels")
}
