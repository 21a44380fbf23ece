//! A changed, cut or foreign byte gives a named error or the right data.

use std::sync::Arc;

use timberline_block::{Block, BlockError};
use timberline_io::{Disk, SimDisk};
use timberline_model::{ErrorKind, SeriesColumns, TimeRange};

use crate::{
    queries::{ask, assert_right_or_error},
    support::{Model, block_dir, example, labels, new_disk, ulid, write},
};

const FILES: [&str; 3] = ["meta.json", "chunks", "index"];

fn example_block() -> (SimDisk, Arc<dyn Disk>) {
    let (sim, disk) = new_disk(1);
    write(&disk, ulid(1), &example()).unwrap();
    (sim, disk)
}

#[test]
fn every_flipped_byte_gives_an_error_or_the_right_data() {
    let (sim, disk) = example_block();
    let dir = block_dir(ulid(1));
    let right = ask(disk.as_ref(), &dir).unwrap();
    assert!(right.iter().all(Result::is_ok));
    for file in FILES {
        let path = dir.join(file);
        let len = disk.read(&path).unwrap().len();
        for index in 0..len {
            let (byte, bit) = (index as u64, (index % 8) as u8);
            sim.flip_bit(&path, byte, bit).unwrap();
            let what = format!("{file}, byte {index}, bit {bit}");
            let damaged = ask(disk.as_ref(), &dir);
            assert_right_or_error(&damaged, &right, &what);
            let verified = Block::open(disk.as_ref(), &dir).and_then(|block| block.verify());
            let error = verified.expect_err(&what);
            let known = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported);
            assert!(known, "{what}: {error}");
            sim.flip_bit(&path, byte, bit).unwrap();
        }
    }
}

#[test]
fn every_cut_or_lengthened_file_is_refused() {
    let (_, disk) = example_block();
    let dir = block_dir(ulid(1));
    for file in FILES {
        let path = dir.join(file);
        let bytes = disk.read(&path).unwrap();
        let opened = disk.open(&path).unwrap();
        for len in (0..bytes.len()).chain([bytes.len() + 1, bytes.len() + 4_096]) {
            opened.set_len(0).unwrap();
            opened.write_all_at(&bytes[..len.min(bytes.len())], 0).unwrap();
            opened.set_len(len as u64).unwrap();
            let error = Block::open(disk.as_ref(), &dir).expect_err("a file of another length");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{file} of {len} bytes: {error}");
        }
        opened.set_len(0).unwrap();
        opened.write_all_at(&bytes, 0).unwrap();
    }
    Block::open(disk.as_ref(), &dir).unwrap().verify().unwrap();
}

#[test]
fn a_missing_file_is_damage_and_named() {
    for file in FILES {
        let (_, disk) = example_block();
        let dir = block_dir(ulid(1));
        disk.remove_file(&dir.join(file)).unwrap();
        let error = Block::open(disk.as_ref(), &dir).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn a_file_of_another_block_is_named() {
    for file in ["chunks", "index"] {
        let (_, disk) = example_block();
        write(&disk, ulid(2), &example()).unwrap();
        let (mine, other) = (block_dir(ulid(1)).join(file), block_dir(ulid(2)).join(file));
        disk.remove_file(&mine).unwrap();
        disk.rename(&other, &mine).unwrap();
        let error = Block::open(disk.as_ref(), &block_dir(ulid(1))).unwrap_err();
        assert!(matches!(error, BlockError::Foreign { found, .. } if found == ulid(2)), "{error}");
    }
}

#[test]
fn a_chunk_of_another_series_is_noticed() {
    let (_, disk) = example_block();
    let dir = block_dir(ulid(1));
    let block = Block::open(disk.as_ref(), &dir).unwrap();
    // Two chunks of the same size and count, with other times.
    let chunk = |series| block.chunk_metas(series).unwrap()[0];
    let all = || (0..block.series_count()).map(|series| (series, chunk(series)));
    let (a, b) = all()
        .flat_map(|a| all().map(move |b| (a, b)))
        .find(|((_, a), (_, b))| a.bytes == b.bytes && a.count == b.count && a.max_ts != b.max_ts)
        .expect("the example has such a pair");
    let bytes = block.chunk_bytes(&b.1).unwrap().to_vec();
    let file = disk.open(&dir.join("chunks")).unwrap();
    file.write_all_at(&bytes, a.1.position).unwrap();
    let block = Block::open(disk.as_ref(), &dir).unwrap();
    let mut columns = SeriesColumns::default();
    block.read(b.0, TimeRange::ALL, &mut columns).unwrap();
    let before = columns.clone();
    let error = block.read(a.0, TimeRange::ALL, &mut columns).unwrap_err();
    assert!(matches!(error, BlockError::ChunkMismatch { series, .. } if series == a.0), "{error}");
    assert_eq!(columns.timestamps, before.timestamps);
}

#[test]
fn damage_to_one_chunk_leaves_the_other_series_readable() {
    let (sim, disk) = example_block();
    let dir = block_dir(ulid(1));
    let position = Block::open(disk.as_ref(), &dir).unwrap().chunk_metas(5).unwrap()[0].position;
    sim.flip_bit(&dir.join("chunks"), position + 9, 3).unwrap();
    let block = Block::open(disk.as_ref(), &dir).unwrap();
    let mut columns = SeriesColumns::default();
    for series in 0..block.series_count() {
        let result = block.read(series, TimeRange::ALL, &mut columns);
        assert_eq!(result.is_err(), series == 5, "series {series}");
    }
}

/// An index of several granules: damage to one of them stays there.
#[test]
fn damage_to_one_granule_leaves_the_others_readable() {
    let mut model = Model::default();
    for number in 0..3_000_u32 {
        let host = format!("host-{number:04}");
        let labels = labels(&[("__name__", "cpu_usage"), ("host", &host)]);
        model.series.push((labels, vec![vec![(i64::from(number), 1.0)]]));
    }
    let (sim, disk) = new_disk(1);
    let dir = block_dir(ulid(1));
    let meta = write(&disk, ulid(1), &model).unwrap();
    let right = ask(disk.as_ref(), &dir).unwrap();
    let path = dir.join("index");
    let (mut partly, mut refused) = (0, 0);
    for byte in (0..meta.files[1].bytes).step_by(4_999) {
        sim.flip_bit(&path, byte, 5).unwrap();
        let damaged = ask(disk.as_ref(), &dir);
        assert!(assert_right_or_error(&damaged, &right, &format!("byte {byte}")));
        match damaged {
            Ok(answers) => partly += usize::from(answers.iter().any(Result::is_ok)),
            Err(_) => refused += 1,
        }
        sim.flip_bit(&path, byte, 5).unwrap();
    }
    assert!(partly > refused, "{partly} in part, {refused} not at all");
}
