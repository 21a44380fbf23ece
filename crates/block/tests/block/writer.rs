//! What the writer refuses, and what it leaves behind.

use std::path::Path;

use timberline_block::{Block, BlockError, BlockWriter, TEMPORARY_SUFFIX};
use timberline_model::{ErrorKind, Histogram};

use crate::support::{
    BLOCKS, Content, block_dir, example, exemplars, labels, new_disk, push_samples, ulid, write,
};

fn writer() -> BlockWriter {
    let (_, disk) = new_disk(1);
    BlockWriter::create(&disk, Path::new(BLOCKS), ulid(1), 1).unwrap()
}

#[test]
fn series_come_in_the_order_of_their_labels() {
    let mut writer = writer();
    writer.start_series(&labels(&[("a", "2")])).unwrap();
    push_samples(&mut writer, &[(1, 1.0)]).unwrap();
    for value in ["1", "2"] {
        let error = writer.start_series(&labels(&[("a", value)])).unwrap_err();
        assert!(matches!(error, BlockError::SeriesOrder { .. }), "{error}");
    }
    writer.start_series(&labels(&[("a", "3")])).unwrap();
    push_samples(&mut writer, &[(1, 1.0)]).unwrap();
    assert_eq!(writer.series_count(), 2);
    assert_eq!(writer.finish().unwrap().series, 2);
}

#[test]
fn a_series_without_samples_stops_the_block() {
    let mut writer = writer();
    writer.start_series(&labels(&[("a", "1")])).unwrap();
    let error = writer.start_series(&labels(&[("a", "2")])).unwrap_err();
    assert!(matches!(error, BlockError::SeriesWithoutSamples { .. }), "{error}");
    assert!(matches!(writer.finish(), Err(BlockError::SeriesWithoutSamples { .. })));
}

#[test]
fn a_block_without_series_is_refused() {
    assert!(matches!(writer().finish(), Err(BlockError::Empty { .. })));
}

#[test]
fn samples_need_a_series() {
    let mut writer = writer();
    let error = push_samples(&mut writer, &[(1, 1.0)]).unwrap_err();
    assert!(matches!(error, BlockError::SamplesWithoutSeries { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn columns_that_are_none_are_refused_and_left_alone() {
    let mut writer = writer();
    writer.start_series(&labels(&[("a", "1")])).unwrap();
    push_samples(&mut writer, &[(10, 1.0), (20, 2.0)]).unwrap();
    let columns = |samples: &[(i64, f64)]| Content::from(samples.to_vec()).columns;
    let mut ragged = columns(&[(30, 1.0)]);
    ragged.values.push(2.0);
    let mut starts = columns(&[(30, 1.0), (31, 1.0)]);
    starts.starts.push(5);
    let mut histogram = columns(&[]);
    let none = Histogram { schema: 77, ..Histogram::stale() };
    histogram.histograms.push(30, 0, none);
    for mut refused in
        [columns(&[(19, 1.0)]), columns(&[(30, 1.0), (29, 1.0)]), ragged, starts, histogram]
    {
        let before = refused.clone();
        let error = writer.push(&mut refused).unwrap_err();
        assert!(matches!(error, BlockError::ColumnsRefused { .. }), "{error}");
        assert_eq!(refused.timestamps, before.timestamps);
    }
    let mut exemplars = exemplars(3, 100);
    exemplars.reverse();
    assert!(writer.push_exemplars(&exemplars).is_err());
    exemplars[0].labels = labels(&[("trace_id", &"x".repeat(200))]);
    assert!(writer.push_exemplars(&exemplars[..1]).is_err());
    push_samples(&mut writer, &[(20, 1.0)]).unwrap();
    let meta = writer.finish().unwrap();
    assert_eq!((meta.samples, meta.exemplars), (3, 0));
}

#[test]
fn an_unfinished_block_leaves_only_a_temporary_directory() {
    let (_, disk) = new_disk(1);
    let mut writer = BlockWriter::create(&disk, Path::new(BLOCKS), ulid(1), 1).unwrap();
    writer.start_series(&labels(&[("a", "1")])).unwrap();
    drop(writer);
    let names: Vec<String> =
        disk.list(Path::new(BLOCKS)).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, [format!("{}{TEMPORARY_SUFFIX}", ulid(1))]);
    // The leftover does not stand in the way of another attempt.
    write(&disk, ulid(1), &example()).unwrap();
    Block::open(disk.as_ref(), &block_dir(ulid(1))).unwrap().verify().unwrap();
}

#[test]
fn a_full_disk_is_named_and_nothing_gets_the_final_name() {
    let (sim, disk) = new_disk(1);
    sim.set_capacity(2_048);
    let error = write(&disk, ulid(1), &example()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    let names: Vec<String> =
        disk.list(Path::new(BLOCKS)).unwrap().into_iter().map(|entry| entry.name).collect();
    assert!(!names.contains(&ulid(1).to_string()), "{names:?}");
}
