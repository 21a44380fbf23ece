//! The columnar engine as its users see it: written, flushed, reopened, scanned.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc};

use timberline_engine::{Engine, EngineError, EngineOptions, FlushOutcome};
use timberline_io::{Disk, SimClock, SimDisk};
use timberline_log::LogOptions;
use timberline_model::{
    DuplicatePolicy, Durability, ErrorKind, LabelQuery, Labels, MatchOp, Matcher, RejectReason,
    Selector, SeriesColumns, SeriesSource, Stop, TimeRange, WriteBatch, WriteOutcome,
};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
const NOW: i64 = 1_700_000_000 * SECOND;

type Samples = BTreeMap<String, Vec<(i64, f64)>>;

fn open(disk: &SimDisk, policy: Option<DuplicatePolicy>) -> Result<Engine, EngineError> {
    let options = EngineOptions {
        duplicates: policy,
        background: false,
        log: LogOptions { segment_bytes: 32 << 10, reserve_bytes: 0, ..LogOptions::default() },
        ..EngineOptions::default()
    };
    let disk = Arc::new(disk.as_process());
    Engine::open(disk, Arc::new(SimClock::new(NOW)), Path::new("/db"), options)
}

fn labels(name: &str, host: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("host", host)]).unwrap()
}

fn write(engine: &Engine, samples: &[(&str, i64, f64)]) -> WriteOutcome {
    let mut batch = WriteBatch::default();
    for (host, ts, value) in samples {
        batch.push_labels(labels("m", host));
        batch.push_sample(*ts, *value);
    }
    engine.write(&batch, Durability::Synced).unwrap()
}

fn scan(engine: &Engine, matchers: Vec<Matcher>, range: TimeRange) -> Samples {
    let selector = Selector { matchers, range };
    let mut all = Samples::new();
    let mut columns = SeriesColumns::default();
    for mut stream in engine.scan(&selector, NonZeroUsize::new(3).unwrap()).unwrap() {
        while let Some(labels) = stream.next(&mut columns).unwrap() {
            let samples = columns.timestamps.iter().copied().zip(columns.values.iter().copied());
            let again = all.insert(labels.to_string(), samples.collect());
            assert!(again.is_none(), "{labels} is in two streams");
        }
    }
    all
}

fn all(engine: &Engine) -> Samples {
    scan(engine, Vec::new(), TimeRange::ALL)
}

fn of(engine: &Engine, host: &str) -> Vec<(i64, f64)> {
    all(engine).remove(&labels("m", host).to_string()).unwrap_or_default()
}

#[test]
fn samples_are_found_at_once_after_a_flush_and_after_a_restart() {
    let disk = SimDisk::new(1);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("a", NOW - HOUR, 1.0), ("b", NOW - HOUR, 2.0)]);
    write(&engine, &[("a", NOW - 3 * HOUR, 0.5), ("a", NOW, 3.0)]);
    let before = all(&engine);
    assert_eq!(of(&engine, "a"), [(NOW - 3 * HOUR, 0.5), (NOW - HOUR, 1.0), (NOW, 3.0)]);

    let flushed = engine.flush().unwrap();
    assert_eq!((flushed.samples, flushed.blocks.len()), (4, 3), "a block for each window");
    assert_eq!(all(&engine), before);
    write(&engine, &[("a", NOW - 2 * HOUR, 0.7), ("c", NOW, 9.0)]);
    let after = all(&engine);
    assert_eq!(after.len(), 3);
    drop(engine);

    let engine = open(&disk, None).unwrap();
    assert_eq!(all(&engine), after);
    assert_eq!(engine.stats().log.poisoned, None);
    assert!(engine.damage().is_empty());
}

#[test]
fn a_restart_replays_only_what_is_not_in_blocks() {
    let disk = SimDisk::new(2);
    let engine = open(&disk, None).unwrap();
    for second in 0..1_500 {
        write(&engine, &[("a", NOW - HOUR + second * SECOND, second as f64)]);
    }
    assert!(engine.flush().unwrap().log_bytes_freed > 0);
    write(&engine, &[("a", NOW, 1.0)]);
    drop(engine);
    let engine = open(&disk, None).unwrap();
    assert_eq!(engine.stats().head_samples, 1);
    assert_eq!(of(&engine, "a").len(), 1_501);
}

#[test]
fn a_flush_gives_the_log_back_and_a_second_one_has_nothing_to_do() {
    let disk = SimDisk::new(13);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("a", NOW, 1.0)]);
    assert!(engine.flush().unwrap().log_bytes_freed > 0);
    assert_eq!(engine.flush().unwrap(), FlushOutcome::default());
    assert_eq!(engine.stats().log.segments, 1);
    engine.close().unwrap();
    drop(engine);
    let log = disk.list(Path::new("/db/log")).unwrap();
    let bytes: u64 = log.iter().map(|file| file.len).sum();
    assert!(bytes < 200, "{log:?}");
    assert_eq!(of(&open(&disk, None).unwrap(), "a"), [(NOW, 1.0)]);
}

#[test]
fn of_two_samples_at_one_instant_the_policy_keeps_the_right_one() {
    use DuplicatePolicy::{All, First, Last, Reject};
    for (policy, kept) in
        [(Last, vec![2.0]), (First, vec![1.0]), (All, vec![1.0, 2.0]), (Reject, vec![1.0])]
    {
        for flush_between in [false, true] {
            for restart in [false, true] {
                let disk = SimDisk::new(3);
                let mut engine = open(&disk, Some(policy)).unwrap();
                write(&engine, &[("a", NOW, 1.0), ("a", NOW + SECOND, 7.0)]);
                if flush_between {
                    engine.flush().unwrap();
                }
                let outcome = write(&engine, &[("a", NOW, 2.0)]);
                assert_eq!(outcome.samples_rejected, u64::from(policy == Reject));
                if policy == Reject {
                    let reason = &outcome.rejections[0].reason;
                    assert_eq!(*reason, RejectReason::Duplicate { ts_ms: NOW / 1_000_000 });
                }
                if restart {
                    drop(engine);
                    engine = open(&disk, None).unwrap();
                    assert_eq!(engine.duplicates(), policy, "the directory remembers its policy");
                }
                let case = format!("{policy}, flushed {flush_between}, restarted {restart}");
                let at_now: Vec<f64> =
                    of(&engine, "a").iter().filter(|s| s.0 == NOW).map(|s| s.1).collect();
                assert_eq!(at_now, kept, "{case}");
                engine.flush().unwrap();
                let at_now: Vec<f64> =
                    of(&engine, "a").iter().filter(|s| s.0 == NOW).map(|s| s.1).collect();
                assert_eq!(at_now, kept, "{case}, flushed again");
            }
        }
    }
}

#[test]
fn the_same_sample_again_is_no_conflict() {
    let disk = SimDisk::new(4);
    let engine = open(&disk, Some(DuplicatePolicy::Reject)).unwrap();
    write(&engine, &[("a", NOW, 1.0)]);
    assert_eq!(write(&engine, &[("a", NOW, 1.0)]).samples_rejected, 0);
    engine.flush().unwrap();
    assert_eq!(write(&engine, &[("a", NOW, 1.0)]).samples_rejected, 0);
    assert_eq!(of(&engine, "a"), [(NOW, 1.0)]);
}

#[test]
fn a_sample_far_ahead_of_the_clock_is_rejected_and_the_rest_kept() {
    let disk = SimDisk::new(5);
    let engine = open(&disk, None).unwrap();
    let ahead = NOW + 11 * 60 * SECOND;
    let outcome = write(&engine, &[("a", ahead, 1.0), ("a", NOW + 9 * 60 * SECOND, 2.0)]);
    assert_eq!((outcome.samples_written, outcome.samples_rejected), (1, 1));
    assert_eq!(
        outcome.rejections[0].reason,
        RejectReason::TooFarAhead { ts_ms: ahead / 1_000_000 }
    );
    assert_eq!(of(&engine, "a").len(), 1);
}

#[test]
fn values_and_times_keep_every_bit() {
    let disk = SimDisk::new(6);
    let engine = open(&disk, None).unwrap();
    let odd = [
        f64::from_bits(0x7ff0_0000_0000_0002),
        f64::from_bits(0xfff8_0000_0000_0123),
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE / 3.0,
    ];
    let mut batch = WriteBatch::default();
    batch.push_labels(labels("m", "odd"));
    let times: Vec<i64> =
        (0..odd.len() as i64).map(|i| NOW - HOUR + i * 1_000_003 + i % 2).collect();
    times.iter().zip(odd).for_each(|(ts, value)| batch.push_sample(*ts, value));
    batch.push_labels(labels("m", "early"));
    batch.push_sample(i64::MIN, 1.0);
    batch.push_sample(-1, 2.0);
    engine.write(&batch, Durability::Synced).unwrap();
    for flushed in [false, true] {
        let bits =
            |host| of(&engine, host).iter().map(|s| (s.0, s.1.to_bits())).collect::<Vec<_>>();
        let expected: Vec<(i64, u64)> = times.iter().copied().zip(odd.map(f64::to_bits)).collect();
        assert_eq!(bits("odd"), expected, "flushed {flushed}");
        assert_eq!(bits("early"), [(i64::MIN, 1f64.to_bits()), (-1, 2f64.to_bits())]);
        engine.flush().unwrap();
    }
}

#[test]
fn a_directory_is_open_once() {
    let disk = SimDisk::new(7);
    let engine = open(&disk, None).unwrap();
    let error = open(&disk, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("already open"), "{error}");
    engine.close().unwrap();
    assert!(matches!(
        engine.write(&WriteBatch::default(), Durability::Synced),
        Err(EngineError::Closed)
    ));
    open(&disk, None).unwrap();
}

#[test]
fn labels_are_found_in_head_and_blocks_by_time() {
    let disk = SimDisk::new(8);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("old", NOW - 30 * HOUR, 1.0)]);
    engine.flush().unwrap();
    write(&engine, &[("new", NOW, 1.0)]);
    let ask = |selectors: Vec<Vec<Matcher>>, range, limit| {
        engine
            .label_values("host", &LabelQuery { selectors, range, limit, ..LabelQuery::default() })
            .unwrap()
    };
    let recent = TimeRange::new(NOW - HOUR, NOW);
    assert_eq!(ask(Vec::new(), TimeRange::ALL, 0), ["new", "old"]);
    assert_eq!(ask(Vec::new(), TimeRange::ALL, 1), ["new"]);
    assert!(ask(Vec::new(), recent, 0).contains(&"new".to_owned()));
    let old = Matcher::new("host", MatchOp::Regex, "o.*").unwrap();
    assert_eq!(ask(vec![vec![old.clone()]], TimeRange::ALL, 0), ["old"]);
    let series = engine.series(&LabelQuery { range: recent, ..LabelQuery::default() });
    assert_eq!(series.unwrap(), [labels("m", "new")]);
    let found = scan(&engine, vec![old], TimeRange::ALL);
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [labels("m", "old").to_string()]);
}

#[test]
fn a_damaged_block_fails_the_queries_that_need_it_and_no_others() {
    let disk = SimDisk::new(9);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("a", NOW - 30 * HOUR, 1.0)]);
    let block = engine.flush().unwrap().blocks.remove(0);
    write(&engine, &[("a", NOW, 2.0)]);
    engine.close().unwrap();
    drop(engine);
    let meta = Path::new("/db/blocks").join(block).join("meta.json");
    disk.flip_bit(&meta, 20, 3).unwrap();

    let engine = open(&disk, None).unwrap();
    assert_eq!(engine.damage().len(), 1);
    let recent = scan(&engine, Vec::new(), TimeRange::new(NOW - HOUR, NOW));
    assert_eq!(recent.len(), 1);
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let error = engine.scan(&selector, NonZeroUsize::MIN).err().expect("the block is needed");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // It stays set aside, and is not lost by flushing on.
    engine.flush().unwrap();
    assert_eq!(engine.stats().blocks_set_aside, 1);
    assert!(disk.read(&meta).is_ok());
}

#[test]
fn a_full_disk_refuses_the_batch_and_recovers() {
    let disk = SimDisk::new(10);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("a", NOW - HOUR, 1.0)]);
    disk.set_capacity(disk.used_bytes());
    let mut refused = None;
    for second in 0..10_000 {
        let mut batch = WriteBatch::default();
        batch.push_labels(labels("m", "a"));
        batch.push_sample(NOW - HOUR + second * 1_000_000, 1.5);
        if let Err(error) = engine.write(&batch, Durability::Synced) {
            refused = Some((second, error));
            break;
        }
    }
    let (written, error) = refused.expect("the disk fills");
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    let samples = of(&engine, "a");
    assert_eq!(samples.len() as i64, written.max(1), "a refused batch is not visible");
    assert_eq!(engine.flush().unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(of(&engine, "a"), samples, "a failed flush loses nothing");
    disk.set_capacity(None);
    write(&engine, &[("a", NOW, 2.0)]);
    engine.flush().unwrap();
    assert_eq!(of(&engine, "a").len(), samples.len() + 1);
}

#[test]
fn readers_keep_their_view_while_the_head_is_flushed() {
    let disk = SimDisk::new(11);
    let engine = open(&disk, None).unwrap();
    for second in 0..300 {
        write(&engine, &[("a", NOW - HOUR + second * SECOND, second as f64)]);
    }
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut streams = engine.scan(&selector, NonZeroUsize::MIN).unwrap();
    engine.flush().unwrap();
    assert_eq!(engine.flush().unwrap(), FlushOutcome::default(), "nothing is written twice");
    write(&engine, &[("a", NOW, 1.0)]);
    let mut columns = SeriesColumns::default();
    streams[0].next(&mut columns).unwrap().expect("the series is still there");
    assert!(columns.len() >= 300, "what the scan saw when it began is still there");
    drop(streams);
    engine.flush().unwrap();
    assert_eq!(of(&engine, "a").len(), 301);
}

#[test]
fn data_without_a_manifest_is_not_an_empty_database() {
    let disk = SimDisk::new(12);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("a", NOW, 1.0)]);
    drop(engine);
    for entry in disk.list(Path::new("/db/manifest")).unwrap() {
        disk.remove_file(&Path::new("/db/manifest").join(entry.name)).unwrap();
    }
    let error = open(&disk, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("manifest"), "{error}");
}

#[test]
fn a_log_that_is_gone_is_damage() {
    let disk = SimDisk::new(14);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("a", NOW - HOUR, 1.0)]);
    engine.flush().unwrap();
    write(&engine, &[("a", NOW, 2.0)]);
    drop(engine);
    for entry in disk.list(Path::new("/db/log")).unwrap() {
        disk.remove_file(&Path::new("/db/log").join(entry.name)).unwrap();
    }
    let engine = open(&disk, None).unwrap();
    assert_eq!(engine.damage().len(), 1, "{:?}", engine.damage());
    write(&engine, &[("a", NOW, 3.0)]);
    drop(engine);
    assert_eq!(of(&open(&disk, None).unwrap(), "a"), [(NOW - HOUR, 1.0), (NOW, 3.0)]);
}

#[test]
fn flushes_that_fail_leave_one_segment_behind() {
    let disk = SimDisk::new(15);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("a", NOW, 1.0)]);
    // Without the directory of the blocks, a flush fails, and nothing else.
    disk.remove_dir_all(Path::new("/db/blocks")).unwrap();
    for _ in 0..5 {
        engine.flush().unwrap_err();
        assert_eq!(engine.stats().log.segments, 2);
    }
    disk.create_dir_all(Path::new("/db/blocks")).unwrap();
    engine.flush().unwrap();
    assert_eq!(engine.stats().log.segments, 1);
    assert_eq!(of(&engine, "a"), [(NOW, 1.0)]);
}

#[test]
fn a_series_whose_first_batch_was_refused_is_defined_by_the_next() {
    let disk = SimDisk::new(16);
    let engine = open(&disk, None).unwrap();
    disk.set_capacity(disk.used_bytes());
    let mut batch = WriteBatch::default();
    batch.push_labels(labels("m", "a"));
    batch.push_sample(NOW, 1.0);
    let error = engine.write(&batch, Durability::Synced).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    disk.set_capacity(None);
    write(&engine, &[("a", NOW, 2.0)]);
    disk.kill_process();
    drop(engine);
    let engine = open(&disk, None).unwrap();
    assert!(engine.damage().is_empty(), "{:?}", engine.damage());
    assert_eq!(of(&engine, "a"), [(NOW, 2.0)]);
}

#[test]
fn questions_about_labels_end_when_they_are_told_to() {
    let disk = SimDisk::new(9);
    let engine = open(&disk, None).unwrap();
    write(&engine, &[("a", NOW, 1.0)]);
    for flushed in [false, true] {
        if flushed {
            engine.flush().unwrap();
        }
        for kind in [ErrorKind::Timeout, ErrorKind::Canceled] {
            let stop = Stop::new(move || Some(kind));
            let query = LabelQuery { stop, ..LabelQuery::default() };
            assert_eq!(engine.label_names(&query).unwrap_err().kind(), kind);
            assert_eq!(engine.label_values("host", &query).unwrap_err().kind(), kind);
            assert_eq!(engine.series(&query).unwrap_err().kind(), kind);
        }
        assert_eq!(engine.label_values("host", &LabelQuery::default()).unwrap(), ["a"]);
    }
}
