//! What the writer refuses, and what it leaves behind.

use std::path::Path;

use timberline_block::{Block, BlockError, BlockWriter, TEMPORARY_SUFFIX};
use timberline_model::ErrorKind;

use crate::support::{
    BLOCKS, block_dir, encode, example, labels, new_disk, push_samples, ulid, write,
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
fn a_series_without_chunks_stops_the_block() {
    let mut writer = writer();
    writer.start_series(&labels(&[("a", "1")])).unwrap();
    let error = writer.start_series(&labels(&[("a", "2")])).unwrap_err();
    assert!(matches!(error, BlockError::SeriesWithoutChunks { .. }), "{error}");
    assert!(matches!(writer.finish(), Err(BlockError::SeriesWithoutChunks { .. })));
}

#[test]
fn a_block_without_series_is_refused() {
    assert!(matches!(writer().finish(), Err(BlockError::Empty { .. })));
}

#[test]
fn a_chunk_needs_a_series() {
    let mut writer = writer();
    let error = push_samples(&mut writer, &[(1, 1.0)]).unwrap_err();
    assert!(matches!(error, BlockError::ChunkWithoutSeries { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn a_chunk_that_is_not_as_described_is_refused() {
    let mut writer = writer();
    writer.start_series(&labels(&[("a", "1")])).unwrap();
    let good = encode(&[(10, 1.0), (20, 2.0)]);
    let mut damaged = good.clone();
    damaged[5] ^= 1;
    let refused = [
        writer.push_chunk(&good, 3, 10, 20),
        writer.push_chunk(&good, 2, 20, 10),
        writer.push_chunk(&damaged, 2, 10, 20),
        writer.push_chunk(&[], 0, 10, 20),
    ];
    for result in refused {
        assert!(matches!(result, Err(BlockError::ChunkRefused { .. })), "{result:?}");
    }
    writer.push_chunk(&good, 2, 10, 20).unwrap();
    let overlapping = push_samples(&mut writer, &[(19, 1.0)]);
    assert!(matches!(overlapping, Err(BlockError::ChunkRefused { .. })));
    push_samples(&mut writer, &[(20, 1.0)]).unwrap();
    assert_eq!(writer.finish().unwrap().samples, 3);
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
