//! A commit: what becomes of its buffers and its samples.

use std::path::Path;

use timberline_io::SimDisk;
use timberline_log::LogOptions;

use super::*;
use crate::columnar::head::HeadOptions;

fn committer() -> Committer {
    let log = Log::open(
        Arc::new(SimDisk::new(1)),
        Path::new("/log"),
        LogOptions { segment_bytes: 1 << 20, reserve_bytes: 0, ..LogOptions::default() },
        LogOffset(0),
        &mut |_, _| {},
    );
    Committer::new(
        Arc::new(log.unwrap().0),
        Arc::new(Head::new(HeadOptions::default())),
        Arc::default(),
    )
}

fn commit(committer: &Committer, samples: i64) {
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m")]).unwrap());
    (0..samples).for_each(|ts| batch.push_sample(ts, 0.5));
    committer.commit(&batch, Durability::Logged, TimeRange::ALL, &|_, _| None).unwrap();
}

#[test]
fn the_buffers_of_a_large_batch_are_not_kept() {
    let committer = committer();
    commit(&committer, 100);
    assert_eq!(committer.scratches.lock().len(), 1);
    commit(&committer, 200_000);
    assert_eq!(committer.scratches.lock().len(), 0);
    commit(&committer, 100);
    assert_eq!(committer.scratches.lock().len(), 1);
}

#[test]
fn at_rest_the_head_has_all_that_the_log_has_and_nobody_appends() {
    let committer = committer();
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m")]).unwrap());
    batch.push_sample(7, 0.5);
    let resolution = committer.head.resolve(&batch);
    let (range, outcome) = (TimeRange::ALL, &mut WriteOutcome::default());
    let pending = group(&batch, &resolution.series, range, &committer.head, outcome);
    let mut scratch = Scratch::default();
    let record = Payload::new(scratch.encode(&pending, &resolution.undefined));
    // A writer that was interrupted between the log and the head.
    let generation = committer.head.generation();
    committer.place(record, &Arc::new(pending), generation).unwrap();
    committer.at_rest(&|_, _| None, |end| {
        assert_eq!(end, committer.log.end());
        assert_eq!(committer.head.stats().samples, 1);
        assert!(committer.order.try_lock().is_none(), "a batch could take its place now");
    });
}
