//! `kill -9` under parallel writes, again and again on one directory: every acknowledged float, native
//! histogram and exemplar is there afterwards, and no other.
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
use timberline_model::{BucketCounts, BucketSpan, Exemplar, Histogram, ResetHint};
use timberline_protocol::prom_remote::SeriesParts;
use timberline_tests::{
    Client, Form, History, ReadSeries, Server, WriteError, count_from_env, read, value_of,
};

const WRITERS: u64 = 4;
const SERIES_PER_WRITER: u64 = 25;
const MILLI: i64 = 1_000_000;
/// Beside its series of floats, a writer has one of native histograms and one of exemplars: their numbers.
const HISTOGRAMS: u64 = 1_000;
const EXEMPLARS: u64 = 2_000;

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
    let floats = writer * SERIES_PER_WRITER..(writer + 1) * SERIES_PER_WRITER;
    let labels: Vec<Labels> = floats.clone().map(labels_of).collect();
    let (histograms, exemplars) = (HISTOGRAMS + writer, EXEMPLARS + writer);
    let other_labels = [labels_of(histograms), labels_of(exemplars)];
    for number in 0.. {
        // Every seventh batch comes late, by an hour; exemplars may not.
        let is_late = number % 7 == 6;
        let late = if is_late { 3_600_000 } else { 0 };
        let ts = (1_700_000_000_000 + round as i64 * 100_000_000 + number * 10 - late) * MILLI;
        let sample = |series| [Sample { ts, value: value_of(series, ts) }];
        let samples: Vec<[Sample; 1]> = floats.clone().map(sample).collect();
        let histogram = [(ts, histogram_of(histograms, ts))];
        let exemplar = if is_late { Vec::new() } else { vec![exemplar_of(exemplars, ts)] };
        let parts = |labels, samples, histograms, exemplars| SeriesParts {
            labels,
            samples,
            histograms,
            exemplars,
        };
        let mut batch: Vec<SeriesParts<'_>> =
            labels.iter().zip(&samples).map(|(l, s)| parts(l, s, &[], &[])).collect();
        batch.push(parts(&other_labels[0], &[], &histogram, &[]));
        batch.push(parts(&other_labels[1], &[], &[], &exemplar));
        let kept = if is_late { None } else { Some(exemplars) };
        let sent: Vec<u64> = floats.clone().chain([histograms]).chain(kept).collect();
        sent.iter().for_each(|series| history.sent(*series, ts));
        match client.write_parts(batch) {
            Ok(()) => sent.iter().for_each(|series| history.acknowledged(*series, ts)),
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
    let mut found = BTreeMap::new();
    let mut add = |series: u64, ts: i64, value: f64| {
        let again = found.insert((series, ts), value);
        assert!(again.is_none(), "series {series} has two samples at {ts}");
    };
    let result = server.query("m[10000d]", "1800000000");
    for series in result.as_array().expect("a matrix") {
        let number = number_of(&series["metric"]["series"]);
        // Of the series of histograms the query has histograms; remote read has every bit of them.
        for sample in series["values"].as_array().into_iter().flatten() {
            add(number, ts_of(&sample[0]), value_in(&sample[1]));
        }
    }
    let numbers: Vec<String> = (0..WRITERS).map(|w| (HISTOGRAMS + w).to_string()).collect();
    let numbers = numbers.join("|");
    let span = (0, 1_800_000_000_000);
    for (name, series) in read(server.address(), Form::Chunks, ("series", &numbers), span) {
        let number = name.split('"').rev().nth(1).and_then(|text| text.parse().ok());
        let number: u64 = number.unwrap_or_else(|| panic!("{name} is not ours"));
        let sent = |ts_ms: &i64| (*ts_ms, histogram_of(number, ts_ms * MILLI));
        let histograms = series.histograms.keys().map(sent).collect();
        let expected = ReadSeries { histograms, ..ReadSeries::default() };
        assert_eq!(series.essences(), expected.essences(), "{name}");
        series.histograms.iter().for_each(|(ts, one)| add(number, ts * MILLI, one.sum));
    }
    for (number, exemplar, ts) in exemplars(server) {
        assert_eq!(exemplar["labels"]["number"], ts.to_string());
        add(number, ts, value_in(&exemplar["value"]));
    }
    if let Err(difference) = history.check(&found) {
        panic!("after kill {round}: {difference}");
    }
    history.settle(&found);
}

/// All exemplars: the number of their series, themselves, and their times.
fn exemplars(server: &Server) -> Vec<(u64, serde_json::Value, i64)> {
    let parameters = [("query", "m"), ("start", "0"), ("end", "1800000000")];
    let (status, body) = server.get("/api/v1/query_exemplars", &parameters);
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).expect("answers are JSON");
    let mut found = Vec::new();
    for series in answer["data"].as_array().expect("a list of series") {
        let number = number_of(&series["seriesLabels"]["series"]);
        for exemplar in series["exemplars"].as_array().expect("a list of exemplars") {
            found.push((number, exemplar.clone(), ts_of(&exemplar["timestamp"])));
        }
    }
    found
}

fn number_of(label: &serde_json::Value) -> u64 {
    label.as_str().and_then(|text| text.parse().ok()).expect("only our series are there")
}

fn ts_of(seconds: &serde_json::Value) -> i64 {
    (seconds.as_f64().expect("times are numbers") * 1_000.0).round() as i64 * MILLI
}

fn value_in(text: &serde_json::Value) -> f64 {
    text.as_str().and_then(|text| text.parse().ok()).expect("values are numbers")
}

fn labels_of(series: u64) -> Labels {
    let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
    Labels::from_pairs(pairs).expect("these are labels")
}

fn histogram_of(series: u64, ts: i64) -> Histogram {
    let sum = value_of(series, ts);
    let below = sum as u64 % 1_000;
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 3,
        zero_threshold: 0.001,
        sum,
        positive_spans: vec![
            BucketSpan { offset: -4, length: 1 },
            BucketSpan { offset: 2, length: 2 },
        ],
        negative_spans: Vec::new(),
        custom_values: Vec::new(),
        counts: BucketCounts::Integer {
            count: below + 10,
            zero_count: 1,
            positive: vec![below, 4, 5],
            negative: Vec::new(),
        },
    }
}

fn exemplar_of(series: u64, ts: i64) -> Exemplar {
    let labels = Labels::from_pairs([("number", ts.to_string())]).expect("these are labels");
    Exemplar { labels, value: value_of(series, ts), ts }
}
