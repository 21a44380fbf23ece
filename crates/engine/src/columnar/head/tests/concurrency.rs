//! Many threads at once: writers, readers, queries over labels, and flushes.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use timberline_model::{
    DuplicatePolicy, Labels, MatchOp, Matcher, SeriesColumns, SeriesRef, TimeRange, WriteBatch,
};

use super::{
    super::{Epoch, Head, HeadSample, SHARD_COUNT, SeriesPlace, ShardIndex},
    support::{Bits, head, labels, nothing_older, raw, read_all},
};

const HOSTS: usize = 200;
const WRITERS: usize = 3;
const ROUNDS: usize = 60;

/// The value that a host has at an instant, so that a reader can tell whether it reads nonsense.
fn value_of(host: usize, ts: i64) -> f64 {
    (host as i64 * 1_000_000 + ts) as f64
}

fn host_of(labels: &Labels) -> usize {
    labels.get("host").and_then(|host| host[1..].parse().ok()).expect("every series has a host")
}

/// One writer applies to a shard at a time, as the committer has it.
struct Rig {
    head: Head,
    shards: [Mutex<()>; SHARD_COUNT],
    done: AtomicBool,
}

impl Rig {
    fn write(&self, writer: usize, round: usize) {
        let sets: Vec<(usize, Labels)> = (0..HOSTS)
            .filter(|host| !(host + round).is_multiple_of(3))
            .map(|h| (h, labels(h)))
            .collect();
        let mut batch = WriteBatch::default();
        for (_, set) in &sets {
            batch.push_series(raw(set));
            batch.push_sample(0, 0.0);
        }
        let resolution = self.head.resolve(&batch);
        let defined: Vec<SeriesRef> = resolution.undefined.iter().map(|(s, _)| *s).collect();
        self.head.mark_defined(&defined);
        let mut by_shard: [Vec<HeadSample>; SHARD_COUNT] = Default::default();
        // Writers differ in their instants, and overtake each other: half of this is late.
        let ts = (round * WRITERS + writer) as i64;
        for (index, (series, (host, set))) in (0..).zip(resolution.series.iter().zip(&sets)) {
            let series = *series.as_ref().expect("resolvable");
            assert_eq!(self.head.find(set), Some(series));
            let place = SeriesPlace::of(series);
            let value = value_of(*host, ts);
            by_shard[place.shard().get()].push(HeadSample { slot: place.slot(), index, ts, value });
        }
        for (shard, samples) in by_shard.iter().enumerate() {
            let _one = self.shards[shard].lock().expect("no panic");
            self.head.apply(ShardIndex::new(shard), samples, &nothing_older);
        }
    }

    fn query(&self) -> usize {
        let some = Matcher::new("host", MatchOp::Regex, "h.*[05]").expect("valid");
        let mut columns = SeriesColumns::default();
        let mut read = 0;
        for series in self.head.select(&[some]) {
            let host = host_of(&self.head.labels(series).expect("nothing leaves"));
            columns.clear();
            self.head.read(series, TimeRange::ALL, Epoch::default(), &mut columns);
            assert!(columns.timestamps.is_sorted_by(|a, b| a < b));
            for (ts, value) in columns.timestamps.iter().zip(&columns.values) {
                assert_eq!(*value, value_of(host, *ts));
            }
            read += columns.len();
        }
        read
    }

    fn flush(&self, blocks: &mut BTreeMap<SeriesRef, Bits>) {
        let guards: Vec<_> =
            self.shards.iter().map(|shard| shard.lock().expect("no panic")).collect();
        let epoch = self.head.rotate();
        drop(guards);
        for series in self.head.series_in(epoch) {
            let mut columns = SeriesColumns::default();
            self.head.read_flush(series, epoch, &mut columns);
            blocks.entry(series).or_default().extend(super::support::bits(&columns));
        }
        self.head.release(epoch);
    }
}

#[test]
fn nothing_is_lost_or_mixed_up_among_threads() {
    let rig = Rig {
        head: head(DuplicatePolicy::Last),
        shards: Default::default(),
        done: AtomicBool::new(false),
    };
    let mut blocks = BTreeMap::new();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let rig = &rig;
                scope.spawn(move || (0..ROUNDS).for_each(|round| rig.write(writer, round)))
            })
            .collect();
        let rig = &rig;
        let done = || rig.done.load(Ordering::Relaxed);
        scope.spawn(move || {
            while !done() {
                rig.query();
            }
        });
        scope.spawn(move || {
            while !done() {
                assert!(rig.head.label_values("host", &[]).len() <= HOSTS);
                let stats = rig.head.stats();
                assert!(stats.series <= HOSTS as u64);
            }
        });
        let blocks = &mut blocks;
        scope.spawn(move || {
            while !done() {
                rig.flush(blocks);
            }
        });
        for writer in writers {
            writer.join().expect("no writer panics");
        }
        rig.done.store(true, Ordering::Relaxed);
    });
    assert_eq!(rig.head.series_count(), HOSTS as u64);
    for host in 0..HOSTS {
        let series = rig.head.find(&labels(host)).expect("every host was written");
        let mut found = blocks.remove(&series).unwrap_or_default();
        found.extend(read_all(&rig.head, series));
        found.sort_unstable();
        let expected: Bits = (0..ROUNDS)
            .filter(|round| !(host + round).is_multiple_of(3))
            .flat_map(|round| (0..WRITERS).map(move |writer| (round * WRITERS + writer) as i64))
            .map(|ts| (ts, value_of(host, ts).to_bits()))
            .collect();
        assert_eq!(found, expected, "host {host}");
    }
}
